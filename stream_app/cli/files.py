"""`replay` and `schemas`: files in, files out, no Kafka."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from stream_app.cli import show, sources
from stream_app.errors import ConfigError, Failure

Json = Annotated[bool, typer.Option("--json", help="Print one JSON line.")]


def replay(
    files: Annotated[list[Path], typer.Argument(help="JSONL, one CloudEvent a line; with --mapping anything else.", show_default=False)],
    policy: Annotated[Path, typer.Option(help="The policy, in YAML or JSON.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="Where the lines go.  [default: standard output]", show_default=False)] = None,
    until: Annotated[
        str | None, typer.Option(help="Time ends here, RFC 3339.  [default: the latest accepted event]", show_default=False)
    ] = None,
    as_given: Annotated[bool, typer.Option("--as-given", help="Apply the events in file order instead of time order.")] = False,
    memory: Annotated[
        int, typer.Option(min=1, help="MiB for all processes together; what does not fit goes through temporary files.")
    ] = 800,
    mapping: sources.Mapping = None,
    shop: sources.Shop = None,
    time_zone: sources.TimeZone = None,
) -> None:
    """Evaluate events from files, without Kafka.

    The same changes as the worker's, one JSON line each.
    """
    from stream_app import compiled
    from stream_app.replay.run import replay as run

    until_ms = sources.read_until(until)
    with sources.as_events(files, mapping, shop, time_zone) as events, show.interruptible(), _progress_bar() as tell:
        done = run(events, policy, out, until_ms, as_given=as_given, memory_bytes=memory << 20, tell=tell)
    if not compiled.is_in_use():
        show.note(compiled.SLOWER)
    if erased := done.pop("erasures", 0):
        show.note(f"erasures: {erased}; a replay hashes the ids with a fixed key, a worker needs STREAM_APP_ERASURE_KEY")
    show.note(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in done.items()))


@contextmanager
def _progress_bar() -> Iterator[Callable[[str, float], None] | None]:
    """What to tell how far the replay is, if somebody is looking."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task, shown = bar.add_task("", total=1.0), ""

    def tell(name: str, part: float) -> None:
        nonlocal shown
        if name != shown:
            bar.start()  # no sooner: it is a thread, and a replay forks before it tells anything
            shown = name
            bar.reset(task, description=name)
        bar.update(task, completed=part)

    try:
        yield tell
    finally:
        bar.stop()


def schemas(
    check: Annotated[bool, typer.Option("--check", help="Only say whether they are current, and break nothing.")] = False,
    publish: Annotated[bool, typer.Option("--publish", help="Register them at STREAM_APP_SCHEMA_REGISTRY.")] = False,
    compatibility: Annotated[str, typer.Option(help="With --publish: what the registry is to check from now on.")] = "NONE",
    to: Annotated[Path, typer.Option("--dir", help="Where they are.")] = Path("schemas"),
) -> None:
    """Write or check the JSON Schemas, or register them.

    With --check they must also keep what the last release has promised: its schemas are in DIR/released/VERSION.
    """
    from stream_app.codec.schemas import check_promises, check_schemas, write_schemas

    if publish:
        _register(compatibility)
        return
    if not check:
        for name in write_schemas(to):
            show.line(f"wrote {to / name}")
        return
    if stale := check_schemas(to):
        raise Failure(f"{to / stale[0]} is not current: write it with `stream-app schemas`")
    if broken := check_promises(to):
        for line in broken[1:]:
            show.note(line)
        raise Failure(f"breaks who relies on the last release: {broken[0]} (CONTRIBUTING.md, Contracts)")
    show.line(f"{to} is current")


def _register(compatibility: str) -> None:
    from stream_app.codec.schemas.registry import Level, connect, register
    from stream_app.settings import load_settings, read_registry_auth

    settings = load_settings()
    level = compatibility.upper()
    if level not in get_args(Level):
        raise ConfigError(f"--compatibility: must be one of {', '.join(get_args(Level))}")
    if not settings.schema_registry:
        raise ConfigError("--publish: set STREAM_APP_SCHEMA_REGISTRY to the registry's address, http(s)://host:port")
    client = connect(settings.schema_registry, read_registry_auth(settings), str(settings.ssl_cafile) if settings.ssl_cafile else None)
    for subject, version in register(client, settings.topic, cast("Level", level)).items():
        show.line(f"{subject} version {version}")
