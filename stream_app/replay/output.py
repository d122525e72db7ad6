"""What a replay writes, in three kinds one after the other: dead letters, events, profiles."""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from fcntl import F_GETFL, fcntl
from io import FileIO
from itertools import accumulate, chain
from pathlib import Path
from typing import BinaryIO, Final

from stream_app.errors import Failure
from stream_app.replay.piles import Entry, Pile, Run, choose_cuts, texts_of
from stream_app.replay.spill import FULL, Spill
from stream_app.replay.team import Team

KINDS: Final = ("dead_letters", "events", "customers")
Target = FileIO | BinaryIO
_DEAD_LETTERS, _EVENTS, _PROFILES = range(3)
_SLICES_EACH: Final = 16
"""About so many for each process, or more, so that none writes for long while the others are done."""

_TEXTS_AT_ONCE: Final = 400
_TOO_LARGE: Final = 3
"""A slice of so many times its size was cut by a bad sample, and is not sorted in memory."""


class Output:
    """The lines that one process has to write."""

    def __init__(self, spill: Spill, index: int, bytes_max: int) -> None:
        self._spill = spill
        self.piles = [Pile(spill, index, bytes_max) for _ in KINDS]

    def take_dead_letters(self, entries: list[Entry]) -> None:
        """Number of line, text."""
        self.piles[_DEAD_LETTERS].add(entries, sum(len(entry[-1]) for entry in entries))

    def take_events(self, entries: list[Entry], size: int) -> None:
        """Effective time, name, sequence, place, text; the texts have `size` bytes."""
        self.piles[_EVENTS].add(entries, size)

    def take_profiles(self, entries: list[Entry]) -> None:
        """Name, text."""
        self.piles[_PROFILES].add(entries, sum(len(entry[-1]) for entry in entries))

    def cut(self, team: Team, factor: float, slice_bytes: int) -> None:
        """Agree with all others on slices, by what everybody has so far; in the end there will be `factor` times as much."""
        everyone = team.exchange([pile.sample() for pile in self.piles])
        for kind, pile in enumerate(self.piles):
            pile.cut(choose_cuts([samples[kind] for samples in everyone], factor, slice_bytes, _SLICES_EACH * team.count))

    def write(self, team: Team, out: Path | None, slice_bytes: int) -> dict[str, int]:
        """Write everybody's lines to `out`, or to standard output; returns how many there are of each kind.

        Where a file can be written at any place, all write their slices side by side; else the first process writes them all.
        """
        for pile in self.piles:
            pile.finish(keep=team.count == 1)
        everyone = team.exchange([(pile.slices, pile.sizes, pile.counts) for pile in self.piles])
        runs: list[list[Run]] = []
        sizes: list[int] = []
        for kind in range(len(KINDS)):
            mine = [piles[kind] for piles in everyone]
            runs += [[run for slices, _, _ in mine for run in slices[number]] for number in range(len(mine[0][0]))]
            sizes += [sum(some) for some in zip(*(one for _, one, _ in mine), strict=True)]
        starts = [0, *accumulate(sizes)]
        with ExitStack() as opened:
            target = _open(opened, out, "wb") if team.index == 0 else None
            place = team.exchange(None if target is None else _place(target))[0]
            if target is None and place is not None:
                target = _open(opened, out, "r+b")
            team.begin("writing", starts[-1])
            if target is not None:
                for number in team.share(len(runs)):
                    all_texts = texts_of(runs[number], self._spill, at_once=sizes[number] <= _TOO_LARGE * slice_bytes)
                    _write(target, all_texts, None if place is None else place + starts[number])
                    team.advance(sizes[number])
                team.exchange(None)
                if place is not None and team.index == 0:
                    os.lseek(target.fileno(), place + starts[-1], os.SEEK_SET)
                target.flush()
            else:
                team.exchange(None)
        return {kind: sum(sum(piles[number][2]) for piles in everyone) for number, kind in enumerate(KINDS)}


def _open(opened: ExitStack, out: Path | None, mode: str) -> Target:
    if out is not None:
        return opened.enter_context(FileIO(out, mode))
    sys.stdout.flush()
    return sys.stdout.buffer


def _place(target: Target) -> int | None:
    """Where in a file the next byte goes; None when it can only be written from front to back."""
    try:
        number = target.fileno()
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(number).st_mode) or fcntl(number, F_GETFL) & os.O_APPEND:
        return None
    return os.lseek(number, 0, os.SEEK_CUR)


def _pieces(texts: list[bytes]) -> Iterator[list[bytes]]:
    """Few enough at a time to be put together in the processor's caches: in one, they would be so in memory that is new each time."""
    return (texts[at : at + _TEXTS_AT_ONCE] for at in range(0, len(texts), _TEXTS_AT_ONCE))


def _write(target: Target, lists: Iterable[list[bytes]], place: int | None) -> None:
    """Write lines, from `place` on if there is one.

    Raises:
        Failure: the disk is full.
    """
    for texts in chain.from_iterable(map(_pieces, lists)):
        content = memoryview(b"".join(texts))
        try:
            while content:
                written = target.write(content) if place is None else os.pwrite(target.fileno(), content, place)
                assert written is not None
                content = content[written:]
                place = None if place is None else place + written
        except OSError as error:
            if error.errno not in FULL:
                raise
            message = f"{target.name}: the disk is full; free some space, or name another file with --out"
            raise Failure(message) from None
