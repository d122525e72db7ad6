"""The course of a replay, the same in each of its processes: route lines to buckets, find the end, weigh, evaluate, write."""

import gc
from collections.abc import Iterator
from itertools import accumulate, chain
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

from stream_app.domain.policy import Policy
from stream_app.replay.evaluation import Sketches, Versions, find_cuts
from stream_app.replay.families import Families, find_pairs
from stream_app.replay.lives import NEVER, Watermarks
from stream_app.replay.output import Output
from stream_app.replay.parts import Part, blocks_of, cut, lines_of
from stream_app.replay.piles import Entry, Pile, merged
from stream_app.replay.routing import Bucket, Lines, Router, read_back, time_of
from stream_app.replay.shard import Shard
from stream_app.replay.spill import Spill
from stream_app.replay.team import Team

_MIB: Final = 1 << 20
_PROCESS_BYTES: Final = 90 * _MIB
"""What a process takes before it has read anything."""

_BUCKET_BYTES: Final = 1 << 19
"""As large a bucket as the processor's caches hold with all that is decoded of it."""

_BLOCK_BYTES: Final = 1 << 16
"""No more buckets than that what goes to disk of each at a time has about so many bytes."""

_BUCKETS_MAX: Final = 8_000
_BUCKETS_EACH: Final = 8
"""At least so many for each of several processes, so that none is left waiting for long in the end."""

_TOO_LARGE: Final = 4
"""A bucket of so many times its size holds somebody, or a family, with too many events, and is not decoded in memory."""


class Job(NamedTuple):
    """What is replayed, into what, and what each process may hold in memory: lines on their way, a bucket's text, the output."""

    files: list[Path]
    policy: Policy
    out: Path | None
    until_ms: int | None
    as_given: bool
    wall_ms: int
    lines_bytes: int
    bucket_bytes: int
    output_bytes: int
    slice_bytes: int

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self.files)


def plan_memory(memory_bytes: int, processes: int) -> tuple[int, int, int, int]:
    """How much each of them may hold: lines on their way, a bucket's text, output, a slice of it (`Job`)."""
    share = max(memory_bytes // processes - _PROCESS_BYTES, memory_bytes // processes // 8)
    return share // 3, max(share // 16, 1), share // 4, max(share // 6, 1)


class Course:
    """One process's way through a replay."""

    def __init__(self, team: Team, job: Job, spill: Spill) -> None:
        self._team = team
        self._job = job
        self._spill = spill
        self._versions = Versions(job.policy, {})
        self._watermarks = Watermarks()
        self._parts: list[Part] = []
        self._buckets: list[list[Bucket]] = []  # of each, what every process has of it
        self._before = [0]  # how many lines there are before those of each process
        self._held: tuple[int, Shard] | None = None  # folded, and not yet concluded
        self._output = Output(spill, team.index, job.output_bytes)

    def run(self) -> dict[str, int]:
        """Go it; returns how many lines were written of each kind, and how many customers were erased."""
        gc.disable()  # what is made for an event is freed with it; walking all objects again and again finds nothing
        try:
            count = self._count_buckets()
            self._parts = cut(self._job.files, self._team.count)[self._team.index]
            if count > 1:
                self._route(count)
            else:
                self._buckets = [[]]
            end_ms = self._find_end()
            if self._job.policy.pareto is not None:
                self._weigh(end_ms)
            erasures = self._evaluate(end_ms)
            counts = self._output.write(self._team, self._job.out, self._job.slice_bytes)
        finally:
            gc.enable()
        return {**counts, "erasures": erasures} if erasures else counts

    def _count_buckets(self) -> int:
        job = self._job
        small = min(job.size // _BUCKET_BYTES, job.lines_bytes // _BLOCK_BYTES)
        least = 1 if self._team.count == 1 else _BUCKETS_EACH * self._team.count
        return min(max(-(-job.size // job.bucket_bytes), small, least), _BUCKETS_MAX)

    def _route(self, count: int) -> None:
        """Put all lines into `count` buckets, at first as if nobody had to do with another, which spares most inputs a second look."""
        team = self._team
        router = self._router(count, None)
        if any(team.exchange(router.relates)):
            heads = self._find_heads()
            self._spill.forget(team.index)
            router = self._router(count, heads)
        if team.count > 1:
            router.flush()
        everyone = team.exchange((router.buckets, router.lines, router.watermarks))
        self._before = [0, *accumulate(lines for _, lines, _ in everyone)]
        for place in range(count):
            self._buckets.append([buckets[place] for buckets, _, _ in everyone])
        for before, (_, _, watermarks) in zip(self._before, everyone, strict=False):
            for number, shop_id, time_ms in watermarks:
                self._watermarks.add(before + number, shop_id, time_ms)

    def _router(self, count: int, heads: dict[int, int] | None) -> Router:
        """A router that all lines have been through, or, without `heads`, some until it was found that they are needed."""
        job, team = self._job, self._team
        router = Router(job.policy, job.wall_ms, count, heads or {}, self._spill, team.index, job.lines_bytes)
        team.begin("reading", job.size)
        for lines in lines_of(self._parts, team.advance):
            router.take(lines)
            if not job.as_given and len(router.watermarks) > 1:
                router.watermarks = [max(router.watermarks, key=itemgetter(2))]  # in time order they matter for the end alone
            if heads is None:
                if router.relates:
                    team.alarm()
                if team.is_alarmed:
                    break
        return router

    def _find_heads(self) -> dict[int, int]:
        """The head of every family, by number; whoever has none is left out."""
        pairs: set[tuple[int, int]] = set()
        self._team.begin("looking for families", self._job.size)
        for block in blocks_of(self._parts):
            pairs.update(find_pairs(block))
            self._team.advance(len(block))
        families: Families[int] = Families()
        for pair in chain.from_iterable(self._team.exchange(pairs)):
            families.join(pair)
        return families.heads()

    def _find_end(self) -> int:
        """When time ends: with the latest event that is accepted, which only a fold can tell.

        Buckets are folded in the order of their latest events, until none can have a later one than was found. What was folded last
        is kept, so that nothing is folded twice where the first events looked at are accepted, as they nearly always are.
        """
        job, team = self._job, self._team
        found_ms = self._watermarks.latest_ms()
        waiting = sorted(range(len(self._buckets)), key=self._latest_of, reverse=True)
        while True:
            chosen = waiting[: team.count]
            del waiting[: team.count]
            latest_ms = NEVER
            if team.index < len(chosen):
                bucket = chosen[team.index]
                is_large = self._is_large(bucket)
                shard = self._fold(bucket, None, is_silent=is_large or job.policy.pareto is not None)
                latest_ms = shard.latest_ms
                self._held = None if is_large else (bucket, shard)
            found_ms = max(found_ms, *team.exchange(latest_ms))
            if job.until_ms is not None:
                return job.until_ms
            if not waiting or self._latest_of(waiting[0]) <= found_ms:
                return max(found_ms, 0)

    def _latest_of(self, bucket: int) -> int:
        return max((part.latest_ms for part in self._buckets[bucket]), default=NEVER)

    def _size_of(self, bucket: int) -> int:
        return sum(part.bytes for part in self._buckets[bucket])

    def _is_large(self, bucket: int) -> bool:
        return self._size_of(bucket) > _TOO_LARGE * self._job.bucket_bytes

    def _weigh(self, end_ms: int) -> None:
        """The first of two passes: what everybody was worth on each evaluation day, and the cut-offs that follow."""
        mine: list[Sketches] = []
        held, self._held = self._held, None
        if held is not None:
            mine.append(held[1].weigh(end_ms))
        known = set(self._team.exchange(None if held is None else held[0]))
        rest = [bucket for bucket in range(len(self._buckets)) if bucket not in known]
        mine.extend(self._fold(bucket, None, is_silent=True).weigh(end_ms) for bucket in self._share("weighing", rest))
        everyone = self._team.exchange(mine)
        self._versions = Versions(self._job.policy, find_cuts(chain.from_iterable(everyone), self._job.policy))

    def _evaluate(self, end_ms: int) -> int:
        """Fill the output; returns how many customers were erased."""
        team, erasures = self._team, 0
        order = sorted(range(len(self._buckets)), key=self._size_of)
        held, self._held = self._held, None
        if held is None and team.index < len(order) and not self._is_large(order[team.index]) and self._job.policy.pareto is not None:
            bucket = order[team.index]
            held = bucket, self._fold(bucket, end_ms, is_silent=False)
        elif held is not None:
            held[1].conclude(end_ms)
        if held is not None:
            erasures += held[1].erasures
        known = team.exchange(None if held is None else held[0])
        sampled = sum(self._size_of(bucket) for bucket in known if bucket is not None)
        self._output.cut(team, self._job.size / sampled if sampled else 1, self._job.slice_bytes)
        held = None
        for bucket in self._share("evaluating", [bucket for bucket in reversed(order) if bucket not in known]):
            erasures += self._fold(bucket, end_ms, is_silent=False).erasures
        return sum(team.exchange(erasures))

    def _share(self, name: str, buckets: list[int]) -> Iterator[int]:
        """Each of the buckets, to one process of all."""
        self._team.begin(name, sum(map(self._size_of, buckets)))
        for number in self._team.share(len(buckets)):
            yield buckets[number]
            self._team.advance(self._size_of(buckets[number]))

    def _fold(self, bucket: int, end_ms: int | None, *, is_silent: bool) -> Shard:
        job = self._job
        output = None if is_silent else self._output
        shard = Shard(job.policy, self._versions, job.wall_ms, self._watermarks, output)
        if self._is_large(bucket):
            shard.stream(self._in_order(bucket), job.until_ms, end_ms, as_given=job.as_given)
        else:
            for numbers, texts in self._lines_of(bucket):
                shard.read(numbers, texts)
            shard.fold(job.until_ms, end_ms, as_given=job.as_given)
        return shard

    def _lines_of(self, bucket: int) -> Iterator[Lines]:
        """The lines of a bucket in the order of their numbers."""
        if self._buckets[bucket]:
            for part, before in zip(self._buckets[bucket], self._before, strict=False):
                yield from read_back(part, before, self._spill)
            return
        number = 0  # there is one bucket, and nothing was put there
        for lines in lines_of(self._parts):
            yield list(range(number, number + len(lines))), lines
            number += len(lines)

    def _in_order(self, bucket: int) -> Iterator[tuple[int, bytes]]:
        """The lines of a large bucket in the order of their events, sorted on disk."""
        if self._job.as_given:
            for numbers, texts in self._lines_of(bucket):
                yield from zip(numbers, texts, strict=True)
            return
        pile = Pile(self._spill, self._team.index, self._job.output_bytes)
        pile.cut([])
        for numbers, texts in self._lines_of(bucket):
            entries: list[Entry] = [(time_of(text), number, text) for number, text in zip(numbers, texts, strict=True)]
            pile.add(entries, sum(map(len, texts)))
        pile.finish(keep=True)
        for _, number, text in merged(pile.slices[0], self._spill):
            yield number, text
