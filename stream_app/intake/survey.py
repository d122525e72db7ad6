"""What the columns of an unknown table hold, as far as its first rows show: times, amounts, counts, words."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice, product
from pathlib import Path
from typing import Any, Final

from stream_app.errors import Failure
from stream_app.intake.rows import read_rows
from stream_app.intake.values import Row, read_time

ROWS_MAX: Final = 5_000
_SAMPLE: Final = 300
_DELIMITERS: Final = ",;\t|"
_CLOCKS: Final = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_DAYS: Final = tuple(
    pattern.replace("-", mark) for pattern, mark in product(("%d-%m-%Y", "%m-%d-%Y", "%d-%m-%y", "%m-%d-%y", "%Y-%m-%d"), "-/.")
)
_FORMATS: Final = tuple(day + clock for day, clock in product((*_DAYS, "%Y%m%d", "%d %b %Y", "%b %d, %Y"), _CLOCKS))
_NUMBER: Final = re.compile(r"[^0-9A-Za-z]{0,3}(?:[A-Z]{3} )?[+-]?[0-9][0-9.,]*(?: ?(?:[A-Z]{3}|[^0-9A-Za-z\s]{1,3}))?")
_PART: Final = re.compile(r"([.,])([0-9]{1,2})(?![0-9])[^0-9]*$")
_COUNTED_SINCE_1970: Final = (("seconds", 300_000_000, 4_000_000_000), ("milliseconds", 300_000_000_000, 4_000_000_000_000))


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: as the head has it.
        filled: the share of rows in which it holds something, 0 to 1.
        distinct: how many different values the rows hold.
        is_grouped: whether equal values always stand in successive rows, and some do.
        times: how its values can be read as times, best first: (pattern of `strptime` or None, unit of a number or None).
        is_number: whether all values are numbers; `has_decimals` and `has_negatives` of them.
        is_whole: whether all are small whole numbers, as of pieces.
        decimal_mark: `,` or `.` where the values tell.
        words: its values, if they are few.
    """

    name: str
    filled: float
    distinct: int
    is_grouped: bool
    times: tuple[tuple[str | None, str | None], ...]
    is_number: bool
    has_decimals: bool
    has_negatives: bool
    is_whole: bool
    decimal_mark: str | None
    words: tuple[str, ...]


@dataclass(frozen=True)
class Survey:
    """The first rows of a table: `rows` holds them, `columns` what they tell."""

    delimiter: str
    rows: list[Row]
    columns: list[Column]


def survey(file: Path) -> Survey:
    """Look at the first rows of a file.

    Raises:
        Failure: it cannot be read, or has no rows.
    """
    delimiter = _sniff(file) if file.suffix.lower() == ".csv" else ","
    rows = [row for _, row in islice(read_rows(file, delimiter), ROWS_MAX) if row is not None]
    if not rows:
        raise Failure(f"{file}: has no rows under its head")
    names = [name for name, value in rows[0].items() if name and not isinstance(value, dict | list)]
    return Survey(delimiter, rows, [_look(name, [_plain(row.get(name)) for row in rows]) for name in names])


def _sniff(file: Path) -> str:
    """The delimiter under which most rows have as many cells as the head."""
    if not file.is_file():
        raise Failure(f"{file}: no such file")
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as source:
        lines = list(islice(source, 100))

    def fit(delimiter: str) -> int:
        cells = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        return sum(count == cells[0] for count in cells) * (cells[0] - 1) if cells else 0

    return max(_DELIMITERS, key=fit)


def _plain(value: Any) -> Any:
    text = value.strip() if isinstance(value, str) else value
    return None if text == "" else text


def _look(name: str, values: Sequence[Any]) -> Column:
    filled = [value for value in values if value is not None]
    texts = [str(value) for value in filled]
    distinct = set(texts)
    sample = list(islice(dict.fromkeys(texts), _SAMPLE))
    is_number = bool(sample) and not any(isinstance(value, bool) for value in filled) and all(map(_NUMBER.fullmatch, sample))
    parts = [match for text in sample if (match := _PART.search(text))] if is_number else []
    runs = sum(1 for _ in groupby(texts))
    return Column(
        name=name,
        filled=len(filled) / len(values),
        distinct=len(distinct),
        is_grouped=len(distinct) == runs < len(texts),
        times=_times(filled, sample),
        is_number=is_number,
        has_decimals=bool(parts),
        has_negatives=is_number and any("-" in text for text in distinct),
        is_whole=is_number and all(re.fullmatch(r"-?[0-9]{1,4}(\.0)?", text) for text in sample),
        decimal_mark=max((match[1] for match in parts), key=[match[1] for match in parts].count) if parts else None,
        words=tuple(sorted(distinct)) if len(distinct) <= min(30, len(texts) // 2) else (),
    )


def _times(filled: Sequence[Any], sample: Sequence[str]) -> tuple[tuple[str | None, str | None], ...]:
    """All ways in which every value is a time; several where day and month cannot be told apart."""
    if not filled:
        return ()
    if all(isinstance(value, datetime) for value in filled) or all(_is_time(text, None) for text in sample):
        return ((None, None),) if not all(text.isdigit() for text in sample) else _counted(sample)
    if counted := _counted(sample):
        return counted
    return tuple(
        (pattern, None) for pattern in _FORMATS if _is_time(sample[0], pattern) and all(_is_time(text, pattern) for text in sample)
    )


def _counted(sample: Sequence[str]) -> tuple[tuple[str | None, str | None], ...]:
    """A number that counts since 1970 lies between 1979 and 2096, unless it is a date without marks."""
    if not all(re.fullmatch(r"[0-9]+(\.0)?", text) for text in sample):
        return ()
    if all(len(text) == len("20260301") and _is_time(text, "%Y%m%d") and text[:2] in ("19", "20") for text in sample):
        return (("%Y%m%d", None),)
    numbers = [float(text) for text in sample]
    return tuple((None, unit) for unit, low, high in _COUNTED_SINCE_1970 if all(low <= number < high for number in numbers))


def _is_time(text: str, pattern: str | None) -> bool:
    try:
        read_time(text, "UTC", pattern, None)
    except (ValueError, OverflowError):
        return False
    return True
