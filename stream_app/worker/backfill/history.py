"""The files as one sequence, the same in every run: by event time, then by file, then by line. Sorted on disk where they are not.

A place in the sequence is what a record carries to Kafka, so nothing here may depend on the clock, on chance or on an earlier run.
"""

from collections.abc import Callable, Iterator
from hashlib import blake2b, file_digest
from heapq import merge
from pathlib import Path
from typing import Final

from msgspec import Struct

from stream_app.errors import Failure
from stream_app.worker.publish import Item, Lines

CHUNK_BYTES: Final = 128 << 20
"""So much of a file that is not in time order is sorted at a time, in memory."""

_DIGEST_BYTES: Final = 8
_TOLD_EVERY: Final = 5_000

Tell = Callable[[int, int], None]
"""Told how many lines and how many bytes have been read."""


class Survey(Struct):
    """What the files hold.

    Attributes:
        lines: counts and complaints of the reading; `latest_ms` of each shop.
        files: each with whether it is in time order.
        count: events that will be published.
        first_ms: the earliest event time, None without an event that has one.
    """

    lines: Lines
    files: list[tuple[Path, bool]]
    count: int
    first_ms: int | None


def digest_of(files: list[Path]) -> str:
    """What tells these files, in this order, from all others, in hexadecimal.

    Raises:
        Failure: a file is missing.
    """
    whole = blake2b(digest_size=_DIGEST_BYTES)
    for file in files:
        if not file.is_file():
            raise Failure(f"{file}: no such file; give JSONL files with one CloudEvent a line")
        with file.open("rb") as source:
            whole.update(file_digest(source, "blake2b").digest())
    return whole.hexdigest()


def survey(files: list[Path], until_ms: int, tell: Tell) -> Survey:
    """Read everything once; what happened after `until_ms` is refused."""
    lines = Lines(until_ms, until_ms)
    found: list[tuple[Path, bool]] = []
    count = size = 0
    first_ms: int | None = None
    for index, file in enumerate(files):
        before_ms, is_sorted = -1, True
        for time_ms, _, _, _, line in lines.read(index, file):
            is_sorted = is_sorted and time_ms >= before_ms
            before_ms = time_ms
            if time_ms >= 0 and (first_ms is None or time_ms < first_ms):
                first_ms = time_ms
            count += 1
            size += len(line) + 1
            if count % _TOLD_EVERY == 0:
                tell(count, size)
        found.append((file, is_sorted))
    return Survey(lines, found, count, first_ms)


def in_order(found: Survey, until_ms: int, folder: Path) -> Iterator[Item]:
    """The events in their order; what must be sorted is written to `folder`, as much as the files hold."""
    runs: list[Path] = []
    for file, is_sorted in found.files:
        runs += [file] if is_sorted else _sort(file, until_ms, folder, len(runs))
    lines = Lines(until_ms, until_ms)
    return merge(*(lines.read(index, run) for index, run in enumerate(runs)))


def _sort(file: Path, until_ms: int, folder: Path, number: int) -> list[Path]:
    """Pieces of a file, each in time order; lines of one time stay in theirs."""
    pieces: list[Path] = []
    held: list[tuple[int, bytes]] = []
    size = 0

    def write() -> None:
        held.sort(key=lambda entry: entry[0])
        piece = folder / f"{number + len(pieces)}.jsonl"
        with piece.open("wb") as target:
            target.writelines(line + b"\n" for _, line in held)
        pieces.append(piece)
        held.clear()

    for time_ms, _, _, _, line in Lines(until_ms, until_ms).read(0, file):
        held.append((time_ms, line))
        size += len(line)
        if size >= CHUNK_BYTES:
            write()
            size = 0
    if held:
        write()
    return pieces
