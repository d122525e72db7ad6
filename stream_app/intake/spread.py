"""A list in a row: the row once for each of its entries, without a copy of the row."""

from collections import ChainMap
from collections.abc import Iterator

from stream_app.intake.values import Row, look_up


class FlawError(ValueError):
    """A field of the event that a row cannot give."""

    def __init__(self, field: str, columns: list[str], text: str) -> None:
        named = " or ".join(columns)
        super().__init__(f"{field}: {named + ' ' if named else ''}{text}")


def spread(row: Row, path: str, entries_max: int | None) -> Iterator[Row]:
    """The row with the fields of each entry of the list at `path`, as `path.name`; of a list in a list the outer fields, too.

    Raises:
        FlawError: there are more than `entries_max`.
    """
    for count, laid in enumerate(_spread(row, path, entries_max), 1):
        check_count(path, count, entries_max)
        yield laid


def _spread(row: Row, path: str, entries_max: int | None) -> Iterator[Row]:
    entries = look_up(row, path)
    if isinstance(entries, list):
        check_count(path, len(entries), entries_max)
        for entry in entries:
            if isinstance(entry, dict):
                yield ChainMap({f"{path}.{name}": value for name, value in entry.items()}, row)
        return
    outer = path.rpartition(".")[0]
    for inner in _spread(row, outer, entries_max) if outer else ():
        if isinstance(inner.get(path), list):
            yield from _spread(inner, path, entries_max)


def check_count(path: str, count: int, entries_max: int | None) -> None:
    """Whether a list is short enough for somebody beside whom others wait.

    Raises:
        FlawError: it is longer than `entries_max`.
    """
    if entries_max is not None and count > entries_max:
        raise FlawError(path, [], f"has more than {entries_max} entries; send fewer at a time")
