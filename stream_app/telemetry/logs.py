"""How log lines look: one event name and typed fields, as text for people or JSON for machines, on standard error.

Third-party loggers go through the same line shape, from WARNING up. DEBUG is never given to them: Faust and aiokafka print
keys and payloads there.
"""

import logging
import sys
import time
from collections.abc import Callable
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
_REPEATS = ("aiokafka", "faust", "mode")
_EVERY_S = 10.0
_REMEMBERED_MAX = 1_000


class Seldom(logging.Filter):
    """Lets through once in ten seconds what a library says again and again, with how often it was left out.

    While a broker is away, the clients of one worker say a thousand times a second that they cannot connect: gigabytes in an hour.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is shown."""
        if record.name.partition(".")[0] not in _REPEATS or not isinstance(record.msg, str):
            return True
        now, what = self._clock(), (record.name, record.msg)  # what it says before names and numbers are put in
        at, left_out = self._said.get(what, (now - _EVERY_S, 0))
        if now - at < _EVERY_S:
            self._said[what] = at, left_out + 1
            return False
        if len(self._said) >= _REMEMBERED_MAX:
            self._said.clear()
        self._said[what] = now, 0
        if left_out:
            record.msg += f" (and {left_out} more like it)"
        return True


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
    handler.addFilter(Seldom())
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
