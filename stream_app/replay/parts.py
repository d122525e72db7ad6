"""The input, cut into equal parts of whole lines, and what has to be known of it before its lines go their ways."""

from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

_BLOCK_BYTES: Final = 1 << 18
"""So that it is still in the processor's caches when it is taken apart."""


class Part(NamedTuple):
    """Lines of a file: from byte `start` to byte `end`."""

    file: Path
    start: int
    end: int


def cut(files: list[Path], count: int) -> list[list[Part]]:
    """`count` lists of parts, of about as many bytes each, in the order of the files."""
    sizes = [file.stat().st_size for file in files]
    whole = sum(sizes)
    lists: list[list[Part]] = [[] for _ in range(count)]
    before = 0
    for file, size in zip(files, sizes, strict=True):
        with file.open("rb") as source:
            at = len(BOM_UTF8) if source.read(len(BOM_UTF8)) == BOM_UTF8 else 0
            for index, parts in enumerate(lists):
                end = _line_start(source, min(size, whole * (index + 1) // count - before), size)
                if at < end:
                    parts.append(Part(file, at, end))
                    at = end
        before += size
    return lists


def _line_start(source: BinaryIO, place: int, size: int) -> int:
    """The beginning of the first line that does not begin before `place`."""
    if place <= 0 or place >= size:
        return max(place, 0)
    source.seek(place - 1)
    source.readline()
    return source.tell()


def lines_of(parts: list[Part], read: Callable[[int], None] = lambda _: None) -> Iterator[list[bytes]]:
    """The lines of all parts, many at a time, without their line feeds; `read` is told the bytes."""
    for block in blocks_of(parts):
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        yield lines
        read(len(block))


def blocks_of(parts: list[Part]) -> Iterator[bytes]:
    """The bytes of all parts, many whole lines at a time."""
    for file, start, end in parts:
        with file.open("rb") as source:
            source.seek(start)
            while (left := end - source.tell()) > 0:
                block = source.read(min(_BLOCK_BYTES, left))
                if not block:
                    break  # it has become shorter
                yield block + source.readline() if block[-1:] != b"\n" else block
