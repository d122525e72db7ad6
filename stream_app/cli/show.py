"""What commands print, and how an error becomes one line and an exit status."""

import json
import logging
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from stream_app.errors import ConfigError, StreamAppError
from stream_app.settings import Settings, load_settings

DONE = 0
FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130


def line(text: str) -> None:
    """A line for a person, on standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Progress and remarks, on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def document(value: Any) -> None:
    """Exactly one JSON document on one line: what `--json` promises."""
    line(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def settings_for_command() -> Settings:
    """The settings, with the client library's log kept to errors: a command explains its failure in one line of its own."""
    settings = load_settings()
    logging.basicConfig(stream=sys.stderr, level=logging.DEBUG if settings.log_level == "debug" else logging.CRITICAL)
    return settings


def exit_status(error: BaseException) -> int:
    """Print an error as what it is, in one line, and return the exit status."""
    match error:
        case KeyboardInterrupt():
            return INTERRUPTED
        case BrokenPipeError():  # whoever read our output has seen enough
            return DONE
        case ConfigError():
            note(f"stream-app: {error}")
            return WRONG_USAGE
        case StreamAppError():
            note(f"stream-app: {error}")
            return FAILED
        case OSError():
            named = f"{error.filename}: " if error.filename else ""
            note(f"stream-app: {named}{error.strerror or type(error).__name__}")
            return FAILED
        case _:
            place = traceback.extract_tb(error.__traceback__)[-1]
            text = " ".join(str(error).split())[:200]
            note(f"stream-app: our own mistake, please report it: {type(error).__name__} at {place.name}:{place.lineno}: {text}")
            return FAILED


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGTERM into what Ctrl-C does, so that both stop a command cleanly."""

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
