"""`topics create`, `publish`, `worker` and `watch`: what talks to a broker."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream_app.cli import show, sources
from stream_app.cli.history import load_history
from stream_app.errors import ConfigError, Failure
from stream_app.settings import Settings

if TYPE_CHECKING:
    from stream_app.worker.publish import Progress
    from stream_app.worker.watch import Filter

Json = Annotated[bool, typer.Option("--json", help="Print one JSON line.")]


def create_topics(
    partitions: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Partitions of new topics.  [default: as the inputs have, or 4]")
    ] = None,
    replication: Annotated[int, typer.Option(min=1, max=100, help="Copies of each partition.")] = 1,
    as_json: Json = False,
) -> None:
    """Create or verify all topics.

    What exists stays; a configuration that differs is set.
    """
    settings = show.settings_for_command()
    from stream_app.worker.topics import create_topics as create

    done = asyncio.run(create(settings, partitions, replication))
    if as_json:
        show.document(done)
        return
    for topic, what in done.items():
        show.line(f"{what:<8} {topic}")


def publish(
    files: Annotated[list[Path], typer.Argument(help="JSONL, one CloudEvent a line; with --mapping anything else.", show_default=False)],
    rate: Annotated[int | None, typer.Option(min=1, help="At most so many events a second.", show_default=False)] = None,
    history: Annotated[
        bool, typer.Option("--history", help="For a policy with `clock: events`: tell at the end how far time has come.")
    ] = False,
    backfill: Annotated[
        bool,
        typer.Option("--backfill", help="Load history: in time order, resumable, without reactions; sets the policy's clock meanwhile."),
    ] = False,
    mapping: sources.Mapping = None,
    shop: sources.Shop = None,
    time_zone: sources.TimeZone = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --mapping: show the first events, publish nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Publish events from files.

    Each line goes to the topic of its type, and the command waits until all are stored. A line that is no CloudEvent of a known
    type is refused with its number; all others are published.
    """
    if dry_run:
        sources.dry_run(files, mapping, shop, time_zone)
        return
    if backfill and history:
        raise ConfigError("--backfill does what --history does, and more: give one of them")
    settings = show.settings_for_command()
    with show.interruptible(), sources.as_events(files, mapping, shop, time_zone) as events:
        if backfill:
            load_history(settings, events, rate, as_json)
            return
        _publish(settings, events, rate, as_json, history=history)


def _publish(settings: Settings, files: list[Path], rate: int | None, as_json: bool, *, history: bool) -> None:
    from stream_app.worker.publish import publish as send

    with _progress_bar(files) as progress:
        done = asyncio.run(send(settings, files, rate=rate, history=history, progress=progress))
    for complaint in done.complaints:
        show.note(complaint)
    events = sum(done.events.values())
    if as_json:
        summary = {"events": done.events, "refused": done.refused, "watermarks": done.watermarks, "seconds": round(done.seconds, 3)}
        show.document(summary)
    else:
        show.line(
            f"published {events} events in {done.seconds:.1f} s"
            + (f", and how far time has come for {done.watermarks} shops" if history else "")
        )
    if done.refused:
        raise Failure(f"{done.refused} lines were refused and {events} published: mend those lines and publish them alone")


def worker(process: Annotated[int | None, typer.Option(min=0, hidden=True, help="Which of a worker's processes this is.")] = None) -> None:
    """Run a worker.

    Start as many as you like, up to the number of partitions; Ctrl-C stops one cleanly. STREAM_APP_PROCESSES gives one worker
    several cores.
    """
    from stream_app.settings import load_settings

    settings = load_settings()
    if process is None and settings.processes == 1:
        from stream_app.worker.app import run_worker

        run_worker(settings)
        return
    from stream_app.worker.processes.several import run_process, run_processes

    if process is None:
        run_processes(settings)
    else:
        run_process(settings, process)


def insights() -> None:
    """Sum up insights per shop; a worker starts this beside itself."""
    from stream_app.settings import load_settings

    settings = load_settings()
    from stream_app.worker.insights import run_insights

    run_insights(settings)


def watch(
    kind: Annotated[str | None, typer.Option("--type", help="Only this type, such as status.changed.", show_default=False)] = None,
    dimension: Annotated[str | None, typer.Option(help="Only changes of this dimension.", show_default=False)] = None,
    to: Annotated[str | None, typer.Option(help="Only changes to this value (null: a value that is lost).", show_default=False)] = None,
    shop: Annotated[str | None, typer.Option(help="Only this shop.", show_default=False)] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the oldest that is kept.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as one JSON line.")] = False,
) -> None:
    """Print committed changes as they come."""
    settings = show.settings_for_command()
    from stream_app.codec.schemas.outputs import OUTPUT_TYPES
    from stream_app.domain.facts.state import DIMENSIONS
    from stream_app.worker.watch import Filter

    if kind is not None and kind not in OUTPUT_TYPES:
        raise ConfigError(f"--type {kind}: no such type; there are {', '.join(OUTPUT_TYPES)}")
    if dimension is not None and dimension not in DIMENSIONS:
        raise ConfigError(f"--dimension {dimension}: no such dimension; there are {', '.join(DIMENSIONS)}")
    with show.interruptible():
        try:
            asyncio.run(_watch(settings, Filter(kind, dimension, to, shop), from_start, as_json))
        except KeyboardInterrupt:
            return


async def _watch(settings: Settings, wanted: "Filter", from_start: bool, as_json: bool) -> None:
    from stream_app.worker.watch import describe
    from stream_app.worker.watch import watch as follow

    async for value, event in follow(settings, wanted, from_start=from_start):
        show.line(value.decode() if as_json else describe(event))


@contextmanager
def _progress_bar(files: list[Path]) -> "Iterator[Progress | None]":
    """A bar on a terminal; nothing of it in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("publishing", total=sum(file.stat().st_size for file in files if file.is_file()))

        def progress(events: int, size: int) -> None:
            bar.update(task, completed=size, description=f"{events} events")

        yield progress
