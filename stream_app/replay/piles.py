"""The output, however long: sorted runs on disk, cut into slices by key, so that a slice can be sorted in memory.

Where the cuts lie is learnt from a sample of the keys. A bad sample costs memory only up to a point: a slice that has become too
large is merged from its runs, piece by piece, which is slower.
"""

from bisect import bisect_left
from collections.abc import Iterator
from heapq import merge
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from stream_app.replay.spill import Place, Spill

Entry = tuple[Any, ...]
"""A key, which nothing else shares, and at the end a text."""

Run = list[Place] | list[list[Entry]]
"""Entries in order, in pieces: where these are on disk, or themselves."""

ENTRY_BYTES: Final = 200
"""What an entry in memory costs besides its text."""

_PIECE_BYTES: Final = 1 << 18
_SLICE_BYTES_MIN: Final = 1 << 21
_SAMPLE: Final = 4_000
_text_of: Final = itemgetter(-1)


class Pile:
    """Entries of one kind, as one process has put them down; `bytes_max` of them stay in memory.

    Attributes:
        slices: what is on disk, slice by slice.
        sizes: the bytes of all texts, slice by slice.
        counts: how many entries, slice by slice.
    """

    def __init__(self, spill: Spill, index: int, bytes_max: int) -> None:
        self._spill = spill
        self._index = index
        self._bytes_max = bytes_max
        self._bytes = 0
        self._cuts: list[Entry] | None = None
        self._held: list[Entry] = []
        self.slices: list[list[Run]] = [[]]
        self.sizes = [0]
        self.counts = [0]

    def add(self, entries: list[Entry], size: int) -> None:
        """Put entries down, whose texts have `size` bytes together."""
        self._held.extend(entries)
        self._bytes += size + ENTRY_BYTES * len(entries)
        if self._bytes > self._bytes_max and self._cuts is not None:
            self._flush()

    def sample(self) -> tuple[int, list[Entry]]:
        """Bytes of what is in memory, and some of the keys."""
        return self._bytes, [entry[:-1] for entry in self._held[:: len(self._held) // _SAMPLE + 1]]

    def cut(self, cuts: list[Entry]) -> None:
        """Slices begin at these keys; called once, by all processes alike."""
        self._cuts = cuts
        slices = len(cuts) + 1
        self.slices, self.sizes, self.counts = [[] for _ in range(slices)], [0] * slices, [0] * slices

    def finish(self, *, keep: bool) -> None:
        """Nothing more comes. What is in memory may stay there, with `keep` and if nothing had to leave it before."""
        if not keep or any(self.slices):
            self._flush()
        elif self._held:
            self._held.sort()
            self.slices, self.sizes, self.counts = [[[self._held]]], [_size(self._held)], [len(self._held)]

    def _flush(self) -> None:
        """Put on disk what is in memory."""
        entries, self._held, self._bytes = self._held, [], 0
        entries.sort()
        start = 0
        for number, end in enumerate([*(bisect_left(entries, key) for key in self._cuts or ()), len(entries)]):
            if start < end:
                part = entries[start:end]
                size = _size(part)
                step = max(1, len(part) * _PIECE_BYTES // (size + ENTRY_BYTES * len(part)))
                pieces = (part[at : at + step] for at in range(0, len(part), step))
                self.slices[number].append([self._spill.put_object(self._index, piece) for piece in pieces])
                self.sizes[number] += size
                self.counts[number] += len(part)
            start = end


def _size(entries: list[Entry]) -> int:
    return sum(map(len, map(_text_of, entries)))


def choose_cuts(samples: list[tuple[int, list[Entry]]], factor: float, slice_bytes: int, least: int = 1) -> list[Entry]:
    """Keys that cut what is `factor` times as much as the samples into slices of `slice_bytes`, or into `least`, if these are not tiny."""
    keys = sorted(chain.from_iterable(keys for _, keys in samples))
    size = sum(size for size, _ in samples) * factor
    slices = min(len(keys), int(max(size / slice_bytes, min(least, size / _SLICE_BYTES_MIN))) + 1)
    return [keys[len(keys) * number // slices] for number in range(1, slices)]


def texts_of(runs: list[Run], spill: Spill, *, at_once: bool) -> Iterator[list[bytes]]:
    """The texts of a slice in the order of their keys: all in one list, or, if there are too many, a few at a time."""
    if at_once:
        entries = list(chain.from_iterable(chain.from_iterable(_pieces(run, spill) for run in runs)))
        entries.sort()
        yield list(map(_text_of, entries))
        return
    texts: list[bytes] = []
    for entry in merged(runs, spill):
        texts.append(entry[-1])
        if len(texts) == _SAMPLE:
            yield texts
            texts = []
    yield texts


def merged(runs: list[Run], spill: Spill) -> Iterator[Entry]:
    """The entries of all runs in order, with one piece of each in memory."""
    return merge(*(chain.from_iterable(_pieces(run, spill)) for run in runs))


def _pieces(run: Run, spill: Spill) -> Iterator[list[Entry]]:
    for piece in run:
        yield piece if isinstance(piece, list) else spill.get_object(piece)
