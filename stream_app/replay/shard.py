"""A share of the customers: read their events from the files, evaluate each customer from first to last.

A replay is cut by customer: every shard reads all lines and keeps its own. One customer's events are applied in a row, which
saves decoding and encoding his state between them. Those who refer to each other are a family, and share one row: what an event
means for another is applied to him right after it. What a customer publishes is encoded when his row is done: millions of
mappings that wait for the end would have to be fetched from memory again.
"""

from bisect import bisect_right
from codecs import BOM_UTF8
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Final
from zlib import crc32

from stream_app.codec.changes import encode_line
from stream_app.codec.dead_letters import dead_letter_headers, dead_letter_line
from stream_app.codec.envelope import VALUE_BYTES_MAX
from stream_app.codec.events import check_time, decode_record, peek
from stream_app.codec.marks import REPLAY_SECRET, digests_of, find_named, mark_key
from stream_app.domain import evaluate, merge
from stream_app.domain.changes import Who
from stream_app.domain.erasure import erase, erase_along
from stream_app.domain.evaluate import Outcome
from stream_app.domain.events import (
    KEPT_AS_READ,
    CustomerErased,
    CustomerMerged,
    Event,
    ReferralMade,
    Rejected,
    RelationErased,
    RelationForgotten,
)
from stream_app.domain.facts.notes import Mark, Raw
from stream_app.domain.facts.state import is_customer
from stream_app.domain.policy import Policy
from stream_app.domain.profile import profile
from stream_app.replay.evaluation import Cuts, Sketches, Versions, collect
from stream_app.replay.families import Families, Name
from stream_app.replay.lives import Life, encode, life_of, name_of, raw_of

Line = tuple[int, int, Event, bytes | int]
"""One accepted event, as it sorts: its time, the number of its line over all files, and the line, or where to read it again."""

_NOT_A_LINE: Final[Raw] = ("", 0, -1, None, None, [])
_BUFFER_BYTES: Final = 1 << 20
_WATERMARK: Final = "watermark"
_ENDS: Final = b"\r\n"
_first_of: Final = itemgetter(0)
_number_of: Final = itemgetter(1)


class Shard:
    """Shard `index` of `count`."""

    def __init__(self, policy: Policy, families: dict[Name, Name], index: int, count: int, wall_ms: int) -> None:
        self._policy = policy
        self._families = families
        self._index = index
        self._count = count
        self._wall_ms = wall_ms
        self._lines: dict[Name, list[Line]] = {}  # by customer, or by the head of his family
        self._found = Families()  # by a shard that is alone, as it reads
        self._starts: list[tuple[int, Path]] = []  # where a file begins, counted over all of them
        self._watermarks: list[tuple[int, str, int]] = []  # line number, shop, time
        self.dead_letters: list[tuple[int, bytes]] = []
        self.events: list[tuple[int, str, str, bytes]] = []  # effective_at, shop, customer
        self.profiles: list[tuple[str, str, bytes]] = []
        self.latest_ms: int | None = None
        self._lives: list[Life] = []
        self._marks: dict[bytes, Mark] = {}
        self.erasures = 0
        self._versions = Versions(policy, {})
        self._weighs = policy.pareto is not None

    def read(self, files: list[Path]) -> None:
        """Decode this shard's lines."""
        number, is_shared, place = -1, self._count > 1, 0
        for file in files:
            self._starts.append((place, file))
            with file.open("rb", buffering=_BUFFER_BYTES) as lines:
                if lines.read(len(BOM_UTF8)) == BOM_UTF8:
                    place += len(BOM_UTF8)
                else:
                    lines.seek(0)
                for line in lines:
                    number += 1
                    if not is_shared or self._is_mine(line):
                        self._take(number, line, place)
                    place += len(line)

    def _read_again(self, place: int) -> bytes:
        """The line that begins at `place`."""
        start, file = self._starts[bisect_right(self._starts, place, key=_first_of) - 1]
        with file.open("rb") as lines:
            lines.seek(place - start)
            return lines.readline().rstrip(_ENDS)

    def _is_mine(self, text: bytes) -> bool:
        seen = peek(text)
        if seen is None:
            return self._index == 0  # nobody's, and the first shard says what is wrong with it
        kind, shop, customer, _ = seen
        if not customer or kind == _WATERMARK:
            return True
        if self._families:
            shop, customer = self._families.get((shop, customer), (shop, customer))
        return crc32(f"{shop}/{customer}".encode()) % self._count == self._index

    def _take(self, number: int, text: bytes, place: int) -> None:
        # An end of line is no fault of an event, and so is cut off only where somebody might see it: it would cost a copy.
        event = decode_record(None, text if len(text) <= VALUE_BYTES_MAX else text.rstrip(_ENDS), (), 0)
        if isinstance(event, Rejected):
            if not text.strip():
                return
            event = decode_record(None, text.rstrip(_ENDS), (), 0)
        rejected = event if isinstance(event, Rejected) else self._refuse(event)
        if rejected is not None:
            seen = peek(text)
            # A line without a customer comes by in every shard; one of them reports it.
            if self._index == 0 or (seen is not None and seen[2] and seen[0] != _WATERMARK):
                self._reject(rejected, raw_of(number, seen[0] if seen else "", text))
            return
        assert isinstance(event, Event)
        if not event.customer_id:
            self._accept(event.time_ms)
            self._watermarks.append((number, event.shop_id, event.time_ms))
            return
        if type(event.data) is ReferralMade or type(event.data) is CustomerMerged:
            self._found.join(event)
        name = event.shop_id, event.customer_id
        name = self._families.get(name, name) if self._families else name
        # Millions of texts in memory would drive the rest out of the processor's caches; few are wanted again.
        line: Line = (event.time_ms, number, event, text.rstrip(_ENDS) if type(event.data) in KEPT_AS_READ else place)
        mine = self._lines.get(name)
        if mine is None:
            self._lines[name] = [line]
        else:
            mine.append(line)

    def _refuse(self, event: Event) -> Rejected | None:
        rejected = check_time(event, self._wall_ms)
        if rejected is not None:
            return rejected
        policy = self._policy
        return None if policy.shop in (None, event.shop_id) else evaluate.unknown_shop()

    def _reject(self, rejected: Rejected, raw: Raw) -> None:
        topic, partition, number, _, value, _ = raw
        headers = dead_letter_headers(rejected, topic, partition, number)
        self.dead_letters.append((number, dead_letter_line(None if value is None else value.rstrip(_ENDS), headers).encode() + b"\n"))

    def fold(self, until_ms: int | None, *, as_given: bool) -> None:
        """Apply every customer's events, those later than `until_ms` left out; `latest_ms` is then the latest accepted one's."""
        if self._count == 1:
            self._join_families()
        for (shop_id, _), lines in self._lines.items():
            taken = lines if until_ms is None else [line for line in lines if line[0] <= until_ms]
            if not as_given:
                taken.sort()  # numbers are unique, so events are never compared
            watermarks = self._watermarks_of(shop_id, until_ms) if as_given else iter(())
            lives = self._live(taken, watermarks)
            if not self._weighs:
                lines.clear()
                for life in lives:
                    encode(life)
            self._lives.extend(lives)
        if not self._weighs:
            self._lines.clear()

    def weigh(self, until_ms: int) -> Sketches:
        """The first of two passes ends: what everybody was worth on each evaluation day up to `until_ms`."""
        found = collect(self._lives, self._policy, until_ms)
        self._lives, self._marks, self.erasures, self._weighs = [], {}, 0, False
        return found

    def know(self, cuts: Cuts) -> None:
        """The second pass begins: `fold` again, by these cut-offs."""
        self._versions = Versions(self._policy, cuts)

    def _join_families(self) -> None:
        heads = self._found.heads()
        for name, head in heads.items():
            if head != name and name in self._lines:
                self._lines.setdefault(head, []).extend(self._lines.pop(name))
        for head in set(heads.values()):
            self._lines.get(head, []).sort(key=_number_of)

    def conclude(self, until_ms: int) -> None:
        """Fire every deadline up to `until_ms`; fills `events`, `profiles` and `dead_letters`, each in order."""
        self._lives.sort(key=name_of)
        for life in self._lives:
            who, state, outcome = life.who, life.state, life.outcome
            policy = self._versions.settle(life, until_ms)
            if state is not None:
                evaluate.advance(who, state, until_ms, policy, outcome)
            encode(life)
            life.said.sort()  # places are unique, so lines are never compared
            for time_ms, _, _, line in life.said:
                self.events.append((time_ms, who.shop_id, who.customer_id, line))
            life.said.clear()
            for rejected, raw in outcome.rejected:
                self._reject(rejected, raw)
            if state is not None and is_customer(state):
                evaluate.reach(state, until_ms, policy)
                self.profiles.append((who.shop_id, who.customer_id, encode_line(profile(who, state, policy))))
        self.dead_letters.sort()
        self.events.sort(key=_first_of)  # customers are in order already, and stay so within a moment

    def _live(self, lines: list[Line], watermarks: Iterator[tuple[int, int]]) -> list[Life]:
        """The lives of one customer, or of a family."""
        lives: dict[str, Life] = {}
        life: Life | None = None
        watermark = next(watermarks, None)
        for time_ms, number, event, kept in lines:
            while watermark is not None and watermark[0] < number:
                self._reach_all(lives, watermark[1])
                watermark = next(watermarks, None)
            if life is None or life.who.customer_id != event.customer_id or life.is_merged():
                life = life_of(lives, event)
            outcome = life.outcome
            known = len(outcome.rejected)
            self._apply(life, event, raw_of(number, event.type, kept if isinstance(kept, bytes) else None))
            if not isinstance(kept, bytes):
                self._complete(outcome, known, number, kept)
            is_timeless = outcome.timeless
            if outcome.derived:
                self._tell(lives, outcome)
            is_refused = outcome.rejected and outcome.rejected[-1][1][2] == number
            if not is_refused and not is_timeless:
                self._accept(time_ms)
        return list(lives.values())

    def _complete(self, outcome: Outcome, known: int, number: int, place: int) -> None:
        """Give the line that stands at `place`, if it was refused, the text that its dead letter shows."""
        for k in range(known, len(outcome.rejected)):
            rejected, (topic, partition, offset, key, _, headers) = outcome.rejected[k]
            if offset == number:
                outcome.rejected[k] = (rejected, (topic, partition, offset, key, self._read_again(place), headers))

    def _tell(self, lives: dict[str, Life], outcome: Outcome) -> None:
        """Apply what an event means for others, and what that means again."""
        told, outcome.derived = outcome.derived, []
        for event in told:  # it grows on the way
            life = life_of(lives, event)
            self._apply(life, event, _NOT_A_LINE)
            told.extend(life.outcome.derived)
            life.outcome.derived = []

    def _reach_all(self, lives: dict[str, Life], time_ms: int) -> None:
        for life in lives.values():
            if life.state is not None:
                evaluate.advance(life.who, life.state, time_ms, self._versions.settle(life, time_ms), life.outcome)
            elif self._marks:
                self._mark_of(life.who, time_ms)

    def _apply(self, life: Life, event: Event, raw: Raw) -> None:
        who, state, policy = life.who, life.state, self._versions.before(life, event)
        mark = self._mark_of(who, event.time_ms) if state is None and self._marks else None
        data = event.data
        if type(data) is CustomerErased:
            digests = digests_of(REPLAY_SECRET, who, state)
            made = erase(who, state, event, policy, mark, {}, digests, life.outcome)
            self.erasures += made is not None
            return self._leave_mark(life, made)
        if type(data) is RelationErased and data.until_ms is not None:
            return self._leave_mark(life, erase_along(who, state, event, data, policy, mark, life.outcome))
        if type(data) is RelationErased:
            names = () if state is None else (*state.referred, *state.referrers)
            found = find_named(REPLAY_SECRET, who.shop_id, names, {data.digest, *data.others})
            event = Event(event.type, event.id, who.shop_id, who.customer_id, event.time_ms, RelationForgotten(found))
        life.state = merge.apply(who, state, event, raw, policy, life.outcome, mark)
        if mark is not None and life.state is not None:
            del self._marks[mark_key(REPLAY_SECRET, who)]  # from here on his state knows it
        return None

    def _leave_mark(self, life: Life, mark: Mark | None) -> None:
        if mark is not None:
            self._marks[mark_key(REPLAY_SECRET, life.who)] = mark
            life.state = None

    def _mark_of(self, who: Who, time_ms: int) -> Mark | None:
        """The mark of one without a state, unless it has ended by this time."""
        key = mark_key(REPLAY_SECRET, who)
        mark = self._marks.get(key)
        if mark is not None and mark[1] <= time_ms:
            del self._marks[key]
            return None
        return mark

    def _accept(self, time_ms: int) -> None:
        if self.latest_ms is None or time_ms > self.latest_ms:
            self.latest_ms = time_ms

    def _watermarks_of(self, shop_id: str, until_ms: int | None) -> Iterator[tuple[int, int]]:
        return (
            (number, time_ms) for number, shop, time_ms in self._watermarks if shop == shop_id and (until_ms is None or time_ms <= until_ms)
        )
