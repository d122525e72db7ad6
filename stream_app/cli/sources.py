"""Files that are no CloudEvents yet: what `--mapping` does for every command that reads files."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from stream_app.cli import show
from stream_app.errors import ConfigError, Failure

Mapping = Annotated[
    str | None,
    typer.Option(
        "--mapping", help="What the columns are: a YAML file, or segment, shopify, shopify-orders, woocommerce, ga4.", show_default=False
    ),
]
Shop = Annotated[str | None, typer.Option("--shop", help="With --mapping: whose files they are.", show_default=False)]
TimeZone = Annotated[
    str | None, typer.Option("--time-zone", help="With --mapping: the zone of times without an offset.", show_default=False)
]

_SHOWN = 5


@contextmanager
def as_events(files: list[Path], mapping: str | None, shop: str | None, time_zone: str | None) -> Iterator[list[Path]]:
    """The files as JSON Lines of CloudEvents: themselves, or with a mapping what it makes of them, for as long as needed.

    Raises:
        Failure: a file needs a mapping; at the end, if rows were refused: all others have been used.
    """
    if mapping is None:
        for name, given in (("--shop", shop), ("--time-zone", time_zone)):
            if given is not None:
                raise ConfigError(f"{name} belongs to --mapping; name one")
        for file in files:
            if file.suffix.lower() in (".csv", ".parquet"):
                raise Failure(f"{file}: which column is what? give --mapping FILE, or try a ready one with --dry-run")
        yield files
        return
    from stream_app.intake.document import load_mapping
    from stream_app.intake.run import map_files

    read = load_mapping(mapping, shop, time_zone)
    with tempfile.TemporaryDirectory(prefix="stream-app-intake-") as folder:
        done = map_files(files, read, Path(folder))
        show.note(f"{done.events} events from {len(files)} files" + (f", {done.refused} rows refused" if done.refused else ""))
        for complaint in done.complaints:
            show.note(complaint)
        yield done.files
    if done.refused:
        raise Failure(f"{done.refused} rows were refused and {done.events} events used: mend the rows or the mapping")


def dry_run(files: list[Path], mapping: str | None, shop: str | None, time_zone: str | None) -> None:
    """Print the first events that a mapping makes, and what it complains about.

    Raises:
        Failure: rows were refused.
    """
    from stream_app.intake.document import load_mapping
    from stream_app.intake.run import preview

    if mapping is None:
        raise ConfigError("--dry-run shows what a mapping makes of the files: give --mapping")
    events, seen = preview(files, load_mapping(mapping, shop, time_zone), _SHOWN)
    for event in events:
        show.line(json.dumps(json.loads(event), ensure_ascii=False))
    for complaint in seen.complaints:
        show.note(complaint)
    if seen.refused:
        raise Failure(f"{seen.refused} of the first rows are refused: mend the rows or the mapping")


def read_until(until: str | None) -> int | None:
    """The instant of an `--until`.

    Raises:
        ConfigError: it is none.
    """
    from stream_app.codec.times import YEAR_1_MS, YEAR_10000_MS, parse_time_ms

    if until is None:
        return None
    until_ms = parse_time_ms(until)
    if until_ms is None or not YEAR_1_MS <= until_ms < YEAR_10000_MS:
        raise ConfigError(f"--until {until}: not an RFC 3339 time with an offset, such as 2026-03-01T00:00:00Z")
    return until_ms
