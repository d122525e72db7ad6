"""Files as rows: CSV, Parquet, JSON Lines, and a JSON list. Read in a stream, but for the JSON list."""

import csv
from collections.abc import Iterator
from pathlib import Path

import msgspec

from stream_app.errors import Failure
from stream_app.intake.values import Row

FORMS = (".csv", ".parquet", ".jsonl", ".ndjson", ".json")

Numbered = tuple[int, Row | None]
"""Line or row number, from 1, and the row; None where the line is not one."""


def read_rows(file: Path, delimiter: str) -> Iterator[Numbered]:
    """The rows of a file in their order.

    Raises:
        Failure: the file is missing, of another form, or not what its name says.
    """
    if not file.is_file():
        raise Failure(f"{file}: no such file")
    form = file.suffix.lower()
    try:
        if form == ".csv":
            yield from _read_csv(file, delimiter)
        elif form == ".parquet":
            yield from _read_parquet(file)
        elif form == ".json":
            yield from _read_json(file)
        elif form in (".jsonl", ".ndjson"):
            yield from _read_lines(file)
        else:
            raise Failure(f"{file}: a mapping reads {', '.join(FORMS)}")
    except (csv.Error, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise Failure(f"{file}: cannot be read as {form.removeprefix('.')} in UTF-8 ({type(error).__name__})") from None


def _read_csv(file: Path, delimiter: str) -> Iterator[Numbered]:
    with file.open(encoding="utf-8-sig", newline="") as source:
        table = csv.reader(source, delimiter=delimiter)
        head = next(table, None)
        if head is None:
            return
        names = [name.strip() for name in head]
        start = table.line_num + 1
        for cells in table:
            if cells:
                # A quoted cell may span lines: a row is named by the line on which it begins.
                yield start, dict(zip(names, cells, strict=True)) if len(cells) == len(names) else None
            start = table.line_num + 1


def _read_parquet(file: Path) -> Iterator[Numbered]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        number = 0
        for batch in parquet.ParquetFile(file).iter_batches(batch_size=10_000):
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except pa.ArrowException as error:
        raise Failure(f"{file}: cannot be read as parquet ({type(error).__name__})") from None


def _read_json(file: Path) -> Iterator[Numbered]:
    found = msgspec.json.decode(file.read_bytes())
    for number, row in enumerate(found if isinstance(found, list) else [found], 1):
        yield number, row if isinstance(row, dict) else None


def _read_lines(file: Path) -> Iterator[Numbered]:
    with file.open("rb") as source:
        for number, line in enumerate(source, 1):
            text = line.removeprefix(b"\xef\xbb\xbf").strip()
            if not text:
                continue
            try:
                row = msgspec.json.decode(text)
            except msgspec.DecodeError:
                row = None
            yield number, row if isinstance(row, dict) else None
