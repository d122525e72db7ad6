"""How log lines look: one event name and typed fields, as text for people or JSON for machines, on standard error.

Third-party loggers go through the same line shape, from WARNING up. DEBUG is never given to them: Faust and aiokafka print
keys and payloads there.
"""

import logging
import sys
from traceback import extract_tb
from typing import Any, Literal

import structlog

_NOISY = (
    "aiokafka",
    "faust",
    "mode",
    "asyncio",
    "stream_app.engine.host.transport",
    "stream_app.engine.host.table",
)  # the last three: Faust's own words


def configure_logging(style: Literal["text", "json"], level: str) -> None:
    """Set up logging for the process.

    Args:
        style: "text" or "json".
        level: "debug", "info", "warning" or "error"; for our own lines.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    final = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_traceback_values, renderer]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("stream_app").setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("faust.livecheck").setLevel(logging.ERROR)
    # It writes down from which address each request came that is no HTTP; whatever goes wrong in an answer we tell ourselves.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def get_logger(name: str) -> Any:
    """A logger whose calls are `log.info("event name", field=value)`."""
    return structlog.stdlib.get_logger(name)


def _without_traceback_values(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """An error's text may quote a payload, so of an error only its type and the places in the code are kept."""
    info = event.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error_type"] = type(error).__name__
        event["at"] = [
            f"{frame.filename.rpartition('/site-packages/')[2]}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)
        ]
    return event
