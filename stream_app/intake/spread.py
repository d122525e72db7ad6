"""A list in a row: the row once for each of its entries, without a copy of the row, and no more of them than an order can have."""

from collections import ChainMap
from collections.abc import Iterator
from itertools import islice
from typing import Final

from stream_app.intake.values import Row, look_up

ENTRIES_MAX: Final = 10_000
"""Of a list in one row; no order has as many, and whoever waits beside it would wait long."""


class FlawError(ValueError):
    """A field of the event that a row cannot give."""

    def __init__(self, field: str, columns: list[str], text: str) -> None:
        named = " or ".join(columns)
        super().__init__(f"{field}: {named + ' ' if named else ''}{text}")


def entries_of(row: Row, path: str) -> list[Row]:
    """The row once for each entry of the list at `path`, with the entry's fields as `path.name`.

    Raises:
        FlawError: the list is too long.
    """
    found = list(islice(_spread(row, path), ENTRIES_MAX + 1))
    check_count(path, len(found))
    return found


def _spread(row: Row, path: str) -> Iterator[Row]:
    """The row with the fields of each entry of the list at `path`; a list in the entries of another list brings those with it."""
    entries = look_up(row, path)
    if isinstance(entries, list):
        check_count(path, len(entries))
        for entry in entries:
            if isinstance(entry, dict):
                yield ChainMap({f"{path}.{name}": value for name, value in entry.items()}, row)
        return
    outer = path.rpartition(".")[0]
    for inner in _spread(row, outer) if outer else ():
        if isinstance(inner.get(path), list):
            yield from _spread(inner, path)


def check_count(path: str, count: int) -> None:
    """Whether a list has a length that a list of an order can have.

    Raises:
        FlawError: it is longer.
    """
    if count > ENTRIES_MAX:
        raise FlawError(path, [], f"has more than {ENTRIES_MAX} entries; send them in several rows")
