"""`mapping init`: a first mapping for a table of the shop's own."""

from pathlib import Path
from typing import Annotated

import typer

from stream_app.cli import show
from stream_app.errors import Failure


def init(
    file: Annotated[Path, typer.Argument(help="CSV, Parquet, JSON Lines or a JSON list of purchases.", show_default=False)],
    to: Annotated[Path | None, typer.Argument(help="Where to write it; never over a file that is there.", show_default=False)] = None,
    shop: Annotated[str, typer.Option(help="Whose purchases they are.")] = "shop",
    currency: Annotated[str, typer.Option(help="Of the amounts, where rows name none.")] = "EUR",
    time_zone: Annotated[str, typer.Option(help="Of times without an offset.")] = "UTC",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line.")] = False,
) -> None:
    """Draft a mapping from a file's columns.

    Without TO it goes to standard output. What was guessed, and what else it could have been, is told beside it.
    """
    from stream_app.intake.document import read_mapping
    from stream_app.intake.draft import draft

    found = draft(file, shop, currency, time_zone)
    read_mapping(str(to or file), found.text, shop, time_zone)  # a wrong shop, currency or zone is told now
    if to is not None:
        try:
            with to.open("x", encoding="utf-8") as out:
                out.write(found.text)
        except FileExistsError:
            raise Failure(f"{to}: is already there; name a new file, or delete it first") from None
    if as_json:
        show.document({"mapping": found.text, "columns": found.roles, "doubts": found.doubts, "file": None if to is None else str(to)})
        return
    if to is None:
        show.line(found.text.rstrip())
        return
    for role, column in found.roles.items():
        show.line(f"{role:<9} {column}")
    for doubt in found.doubts:
        show.note(doubt)
    show.line(f"wrote {to}: look at what it makes of the rows with `stream-app publish {file} --mapping {to} --dry-run`")
