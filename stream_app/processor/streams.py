"""How far time has come for each shop of a partition, record by record (domain.md, section 5).

A deadline fires when stream time has reached it and the next record to be folded is not older. Records are folded in batches
and deadlines are fired after them; yet whether one came before a customer's next event must not depend on where a batch was
cut. So this remembers, for the batch at hand, what time it was after which record, and a customer's deadlines that time had
passed are fired before his next event. In a log in time order there is nothing to remember: his own event is later still.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from stream_app.domain.facts.state import NEVER

_SPARED_MAX: Final = 1_000
"""So many spared customers travel in the marker; with more of them it would outgrow a record, and a restart forgets them."""


class Stream:
    """The time of one shop, in UTC milliseconds.

    `reached_ms` is how far its deadlines may fire by itself: the largest event time less the grace, or the latest watermark.
    `horizon_ms` is how far they may fire now, `all_ms` for customers that this batch has not touched. `owed_ms` is how far they
    should have fired already, when there were more than one unit of work could fire. `come_ms` is how far time had come, at its
    furthest, in this batch.
    """

    __slots__ = (
        "all_ms",
        "before",
        "come_ms",
        "events_ms",
        "horizon_ms",
        "owed_ms",
        "reached_ms",
        "steps",
        "steps_at",
        "told",
        "watermark_ms",
    )

    def __init__(self, grace_ms: int, events_ms: int = NEVER, watermark_ms: int = NEVER, owed_ms: int = NEVER) -> None:
        self.events_ms = events_ms
        self.watermark_ms = watermark_ms
        self.owed_ms = owed_ms
        self.horizon_ms = self.all_ms = self.come_ms = NEVER
        self.reached_ms = max(events_ms - grace_ms, watermark_ms)
        self.steps_at = [-1]  # places in the batch at which `reached_ms` grew, and to what
        self.steps = [self.reached_ms]
        self.told: list[tuple[int, int, int]] = []  # time, grace and place of everything folded in this unit of work
        self.before = events_ms, self.reached_ms


class Streams:
    """The shops of a partition, and the batch at hand."""

    def __init__(self, grace_ms: int) -> None:
        self._grace_ms = grace_ms
        self._shops: dict[str, Stream] = {}
        self._times: list[int] = []
        self._highest: list[int] = []  # highest[i]: the largest time of the batch up to place i
        self._touched: list[Stream] = []
        self._latest: list[int] = [NEVER]  # latest[i]: the largest time of the batch from place i on
        self._spared: dict[bytes, int] = {}  # how far his deadlines are owed to a customer, if less than to the others of his shop

    def resume(self, memo: Mapping[str, Any]) -> None:
        """Take back what `memo` gave."""
        self._shops = {shop: Stream(self._grace_ms, *times[:3]) for shop, times in memo.items()}
        self._spared = {key.encode(): owed_ms for times in memo.values() for key, owed_ms in times[3:]}

    def memo(self) -> dict[str, list[Any]]:
        """{shop: [events_ms, watermark_ms, owed_ms, and [key, owed_ms] of each of its customers to whom less is owed]}."""
        found: dict[str, list[Any]] = {
            shop: [stream.events_ms, stream.watermark_ms, stream.owed_ms] for shop, stream in self._shops.items()
        }
        if len(self._spared) <= _SPARED_MAX:
            for key, owed_ms in sorted(self._spared.items()):
                name = key.decode()
                found[name.partition("/")[0]].append([name, owed_ms])
        return found

    def get(self, shop: str) -> Stream | None:
        """The shop's stream, None before its first event here."""
        return self._shops.get(shop)

    def know(self, shop: str) -> None:
        """The shop is known here, though none of its events may have come."""
        if shop not in self._shops:
            self._shops[shop] = Stream(self._grace_ms)

    def shops(self) -> Iterable[str]:
        """Every shop that has been seen here."""
        return self._shops

    def begin(self, times: Sequence[int]) -> int:
        """A batch of records with these times begins; returns the place of its first record."""
        place = len(self._times)
        self._times.extend(times)
        highest = self._highest[-1] if self._highest else NEVER
        for time_ms in times:
            highest = max(highest, time_ms)
            self._highest.append(highest)
        return place

    def event(self, shop: str, time_ms: int, place: int) -> None:
        """An event is folded."""
        stream = self._shops.get(shop)
        if stream is None:
            stream = self._shops[shop] = Stream(self._grace_ms)
        self._tell(stream, time_ms, self._grace_ms, place)

    def watermark(self, shop: str, time_ms: int, place: int) -> None:
        """A watermark is folded: it needs no grace."""
        stream = self._shops.setdefault(shop, Stream(self._grace_ms))
        stream.watermark_ms = max(stream.watermark_ms, time_ms)
        self._tell(stream, time_ms, 0, place)

    def retract(self, shop: str, place: int) -> None:
        """What was told of `place` was a duplicate, and moves no time; it matters if the copy has another time than its original."""
        stream = self._shops[shop]
        if place not in stream.steps_at:
            return
        told, stream.told = stream.told, []
        stream.events_ms, stream.reached_ms = stream.before
        stream.steps_at, stream.steps = [-1], [stream.reached_ms]
        for time_ms, grace_ms, other in told:
            if other != place:
                self._tell(stream, time_ms, grace_ms, other)

    def _tell(self, stream: Stream, time_ms: int, grace_ms: int, place: int) -> None:
        if not stream.told:
            stream.before = stream.events_ms, stream.reached_ms
            self._touched.append(stream)
        stream.told.append((time_ms, grace_ms, place))
        stream.events_ms = max(stream.events_ms, time_ms)
        if time_ms - grace_ms > stream.reached_ms:
            stream.reached_ms = time_ms - grace_ms
            stream.steps_at.append(place)
            stream.steps.append(stream.reached_ms)

    def has_passed(self, stream: Stream, deadline_ms: int, key: bytes, touched: int, place: int) -> bool:
        """Whether time passed `deadline_ms` between a customer's last touch and the record at `place`.

        `touched` is the place of his last event in this batch, -1 when he had none.
        """
        if deadline_ms <= stream.owed_ms and touched < 0 and deadline_ms <= self._spared.get(key, deadline_ms):
            return True
        first = self._first_after(stream, deadline_ms, touched)
        return first is not None and self._came(deadline_ms, first, place)

    def has_come(self, stream: Stream, time_ms: int, place: int) -> bool:
        """Whether time had come to `time_ms` when the record at `place` of this batch was to be folded."""
        first = self._first_after(stream, time_ms, -1)
        return first is not None and self._came(time_ms, first, place)

    def _came(self, time_ms: int, first: int, place: int) -> bool:
        """Whether one of the records from `first` to `place` is as late as `time_ms`; a log in time order is not searched."""
        if first > place or self._highest[place] < time_ms:
            return False
        return self._times[place] >= time_ms or max(self._times[first : place + 1]) >= time_ms

    def _first_after(self, stream: Stream, deadline_ms: int, touched: int) -> int | None:
        """The first place whose record was still to come when stream time had reached `deadline_ms`."""
        step = bisect_left(stream.steps, deadline_ms)
        return None if step == len(stream.steps) else max(stream.steps_at[step], touched) + 1

    def close(self, bound_ms: int | None, wall_ms: Mapping[str, int]) -> None:
        """The batch is folded: decide how far deadlines may fire.

        Args:
            bound_ms: no unread record is older; None when there are none.
            wall_ms: the wall clock, less the grace, of the shops that live by it and have nothing left to read.
        """
        self._suffixes()
        for shop, stream in self._shops.items():
            horizon = stream.reached_ms if bound_ms is None else min(stream.reached_ms, bound_ms)
            stream.horizon_ms = max(horizon, wall_ms.get(shop, NEVER))
            stream.come_ms = max(stream.horizon_ms, self._passed(stream))
            stream.all_ms = max(stream.come_ms, stream.owed_ms)

    def _suffixes(self) -> None:
        if len(self._latest) == len(self._times) + 1:  # they only ever grow in a unit of work, which fires in many steps
            return
        self._latest = [*accumulate(reversed(self._times), max)][::-1]
        self._latest.append(NEVER)

    def _passed(self, stream: Stream, touched: int = -1) -> int:
        """How far time had come, at its furthest, while what follows the place `touched` of the batch was folded.

        At each record the lesser of both times counts: how far stream time had come, and the latest that was still to follow.
        """
        latest, places, steps = self._latest, stream.steps_at, stream.steps
        i = bisect_left(range(len(steps)), True, key=lambda i: steps[i] >= latest[max(places[i], touched) + 1])
        before = steps[i - 1] if i else NEVER
        return before if i == len(steps) else max(before, latest[max(places[i], touched) + 1])

    def is_due(self, stream: Stream, deadline_ms: int, key: bytes, touched: int) -> bool:
        """Whether a customer's deadline may fire after the batch."""
        if deadline_ms <= stream.horizon_ms:
            return True
        if deadline_ms > stream.all_ms:
            return False
        if deadline_ms <= stream.owed_ms and touched < 0 and deadline_ms <= self._spared.get(key, deadline_ms):
            return True
        first = self._first_after(stream, deadline_ms, touched)
        return first is not None and self._latest[first] >= deadline_ms

    def forget(self, key: bytes) -> None:
        """Whoever has this key is erased, and is not remembered here either."""
        self._spared.pop(key, None)

    def owe(self) -> None:
        """Not everything due has fired: the rest is for later units of work."""
        for stream in self._shops.values():
            stream.owed_ms = stream.all_ms

    def settle(self, touched: Sequence[tuple[str, int, bytes, int]], *, complete: bool) -> None:
        """The unit of work ends.

        Args:
            touched: shop, deadline, key and place of the last event of the customers that the batch has touched.
            complete: everything due has fired.
        """
        if complete:
            self._spared.clear()
            for stream in self._shops.values():
                stream.owed_ms = NEVER
        else:
            self.owe()
            self._spare(touched)
        for stream in self._touched:
            stream.steps_at, stream.steps = [-1], [stream.reached_ms]
            stream.told.clear()
        self._touched.clear()
        self._times.clear()
        self._highest.clear()
        self._latest = [NEVER]

    def _spare(self, touched: Sequence[tuple[str, int, bytes, int]]) -> None:
        """What is owed to others happened before the last event of a customer: to him is owed only what has come since."""
        for key, owed_ms in list(self._spared.items()):
            stream = self._shops[key.decode().partition("/")[0]]
            self._owe_to(stream, key, max(owed_ms, stream.horizon_ms, self._passed(stream)))
        for shop, deadline_ms, key, place in touched:
            stream = self._shops[shop]
            since_ms = max(stream.horizon_ms, self._passed(stream, place))
            self._owe_to(stream, key, since_ms if deadline_ms <= stream.owed_ms else stream.owed_ms)

    def _owe_to(self, stream: Stream, key: bytes, owed_ms: int) -> None:
        if owed_ms < stream.owed_ms:
            self._spared[key] = owed_ms
        else:
            self._spared.pop(key, None)

    def leave_open(self) -> None:
        """Nothing may fire now, since an input is not known: what the batch has passed is owed."""
        self._suffixes()
        for stream in self._shops.values():
            stream.horizon_ms = NEVER
            stream.come_ms = self._passed(stream)
            stream.all_ms = max(stream.come_ms, stream.owed_ms)
