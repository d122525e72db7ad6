"""`publish --backfill`: what is shown while history is loaded, and what came of it."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stream_app.cli import show
from stream_app.errors import Failure
from stream_app.settings import Settings

if TYPE_CHECKING:
    from stream_app.worker.backfill.run import Backfilled, Stage


def load_history(settings: Settings, files: list[Path], rate: int | None, as_json: bool) -> None:
    """Run the backfill and print its outcome.

    Raises:
        Failure: lines were refused; all others are loaded.
    """
    from stream_app.worker.backfill.run import backfill

    with _stages() as stage:
        done = asyncio.run(backfill(settings, files, rate=rate, stage=stage))
    for text in [*done.complaints, *done.notes]:
        show.note(text)
    if as_json:
        summary = {"events": done.events, "resumed_after": done.resumed_after, "refused": done.refused, "watermarks": done.watermarks}
        show.document({**summary, "live_since": done.live_since, "is_new": done.is_new, "seconds": round(done.seconds, 3)})
    else:
        show.line(_say(done))
    if done.refused:
        raise Failure(f"{done.refused} lines were refused and all others loaded: mend those lines and publish them alone")


def _say(done: "Backfilled") -> str:
    events = sum(done.events.values())
    if not done.is_new:
        return f"these {events} events were loaded before: nothing to do" if events else "no event to load"
    before = f", {done.resumed_after} records by earlier runs" if done.resumed_after else ""
    return f"loaded {events} events in {done.seconds:.1f} s{before}; reactions since {done.live_since}"


@contextmanager
def _stages() -> "Iterator[Stage]":
    """A bar for each stage on a terminal; nothing of it in a pipe."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        seen = ""

        def tell(stage: str, done: int, total: int) -> None:
            nonlocal seen
            if stage != seen:
                seen = stage
                bar.reset(task, description=stage, total=total)
            bar.update(task, completed=done, total=total)

        yield tell
