"""A share of the customers: read their events from the files, evaluate each customer from first to last.

A replay is cut by customer: every shard reads all lines and keeps its own. One customer's events are applied in a row, which
saves decoding and encoding his state between them. Those who refer to each other are a family, and share one row: what an event
means for another is applied to him right after it.
"""

from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from stream_app.codec.changes import encode_outgoing
from stream_app.codec.dead_letters import dead_letter_headers, dead_letter_line
from stream_app.codec.events import check_time, decode_record, peek
from stream_app.codec.marks import REPLAY_SECRET, digest_of, find_named, mark_key
from stream_app.domain import evaluate
from stream_app.domain.changes import Outgoing, Who
from stream_app.domain.erasure import erase
from stream_app.domain.evaluate import Outcome
from stream_app.domain.events import EVENT_TYPES, ORDER_TYPES, CustomerErased, Event, Rejected, RelationErased, RelationForgotten
from stream_app.domain.facts.notes import Mark, Raw
from stream_app.domain.facts.state import State, is_customer
from stream_app.domain.policy import Policy
from stream_app.domain.profile import profile
from stream_app.replay.families import Name

SortKey = tuple[int, str, str, int, int]
"""Group (0 dead letters, 1 events, 2 profiles) is the caller's; this is (effective_at, shop, customer, sequence, place)."""


class Life:
    """A customer, what he has become, and what was said of him."""

    def __init__(self, who: Who) -> None:
        self.who = who
        self.state: State | None = None
        self.outcome = Outcome()


_NOT_A_LINE: Raw = ("", 0, -1, None, None, [])


class Line(NamedTuple):
    """One accepted event of a file, and where it stood."""

    time_ms: int
    number: int
    event: Event
    text: bytes


class Shard:
    """Shard `index` of `count`."""

    def __init__(self, policy: Policy, families: dict[Name, Name], index: int, count: int, wall_ms: int) -> None:
        self._policy = policy
        self._families = families
        self._index = index
        self._count = count
        self._wall_ms = wall_ms
        self._lines: dict[Name, list[Line]] = {}  # by customer, or by the head of his family
        self._watermarks: list[tuple[int, str, int]] = []  # line number, shop, time
        self.dead_letters: list[tuple[int, bytes]] = []
        self.events: list[tuple[SortKey, bytes]] = []
        self.profiles: list[tuple[str, str, bytes]] = []
        self.latest_ms: int | None = None
        self._lives: list[Life] = []
        self._marks: dict[bytes, Mark] = {}
        self.erasures = 0

    def read(self, files: list[Path]) -> None:
        """Decode this shard's lines."""
        number = -1
        for file in files:
            with file.open("rb") as lines:
                if lines.read(len(BOM_UTF8)) != BOM_UTF8:
                    lines.seek(0)
                for line in lines:
                    number += 1
                    text = line.rstrip(b"\r\n")
                    if text.strip() and self._is_mine(text):
                        self._take(number, text)

    def _is_mine(self, text: bytes) -> bool:
        seen = peek(text) if self._count > 1 else None
        if seen is None:
            return self._index == 0  # nobody's, and the first shard says what is wrong with it
        _, shop, customer, _ = seen
        if not customer:
            return True
        if self._families:
            shop, customer = self._families.get((shop, customer), (shop, customer))
        return crc32(f"{shop}/{customer}".encode()) % self._count == self._index

    def _take(self, number: int, text: bytes) -> None:
        event = decode_record(None, text, (), 0)
        rejected = event if isinstance(event, Rejected) else self._refuse(event)
        if rejected is not None:
            # A line without a customer comes by in every shard; one of them reports it.
            if self._index == 0 or (isinstance(event, Event) and event.customer_id):
                seen = peek(text)
                self._reject(rejected, _raw(number, seen[0] if seen else "", text))
            return
        assert isinstance(event, Event)
        if event.customer_id:
            name = event.shop_id, event.customer_id
            name = self._families.get(name, name) if self._families else name
            self._lines.setdefault(name, []).append(Line(event.time_ms, number, event, text))
        else:
            self._accept(event.time_ms)
            self._watermarks.append((number, event.shop_id, event.time_ms))

    def _refuse(self, event: Event) -> Rejected | None:
        rejected = check_time(event, self._wall_ms)
        if rejected is not None:
            return rejected
        policy = self._policy
        return None if policy.shop in (None, event.shop_id) else evaluate.unknown_shop()

    def _reject(self, rejected: Rejected, raw: Raw) -> None:
        topic, partition, number, _, value, _ = raw
        headers = dead_letter_headers(rejected, topic, partition, number)
        self.dead_letters.append((number, dead_letter_line(value, headers).encode() + b"\n"))

    def fold(self, until_ms: int | None, *, as_given: bool) -> None:
        """Apply every customer's events, those later than `until_ms` left out; `latest_ms` is then the latest accepted one's."""
        for (shop_id, _), lines in self._lines.items():
            taken = lines if until_ms is None else [line for line in lines if line.time_ms <= until_ms]
            if not as_given:
                taken.sort()  # numbers are unique, so events are never compared
            watermarks = self._watermarks_of(shop_id, until_ms) if as_given else iter(())
            self._lives.extend(self._live(taken, watermarks))
        self._lines.clear()

    def conclude(self, until_ms: int) -> None:
        """Fire every deadline up to `until_ms`; fills `events`, `profiles` and `dead_letters`, each in order."""
        for life in self._lives:
            who, state, outcome = life.who, life.state, life.outcome
            if state is not None:
                evaluate.advance(who, state, until_ms, self._policy, outcome)
            for place, outgoing in enumerate(outcome.published):
                key = (outgoing.time_ms, who.shop_id, who.customer_id, outgoing.sequence, place)
                self.events.append((key, encode_line(outgoing)))
            for rejected, raw in outcome.rejected:
                self._reject(rejected, raw)
            if state is not None and is_customer(state):
                evaluate.reach(state, until_ms, self._policy)
                self.profiles.append((who.shop_id, who.customer_id, encode_line(profile(who, state, self._policy))))
        self.dead_letters.sort()
        self.events.sort()
        self.profiles.sort()

    def _live(self, lines: list[Line], watermarks: Iterator[tuple[int, int]]) -> list[Life]:
        """The lives of one customer, or of a family."""
        lives: dict[str, Life] = {}
        life: Life | None = None
        watermark = next(watermarks, None)
        for line in lines:
            while watermark is not None and watermark[0] < line.number:
                self._reach_all(lives, watermark[1])
                watermark = next(watermarks, None)
            event = line.event
            if life is None or life.who.customer_id != event.customer_id:
                life = _life_of(lives, event)
            outcome = life.outcome
            self._apply(life, event, _raw(line.number, event.type, line.text))
            is_refused = outcome.rejected and outcome.rejected[-1][1][2] == line.number
            if not is_refused and not outcome.timeless:
                self._accept(line.time_ms)
            if outcome.derived:
                self._tell(lives, outcome)
        return list(lives.values())

    def _tell(self, lives: dict[str, Life], outcome: Outcome) -> None:
        """Apply what an event means for others, and what that means again."""
        told, outcome.derived = outcome.derived, []
        for event in told:  # it grows on the way
            life = _life_of(lives, event)
            self._apply(life, event, _NOT_A_LINE)
            told.extend(life.outcome.derived)
            life.outcome.derived = []

    def _reach_all(self, lives: dict[str, Life], time_ms: int) -> None:
        for life in lives.values():
            if life.state is not None:
                evaluate.advance(life.who, life.state, time_ms, self._policy, life.outcome)
            elif self._marks:
                self._mark_of(life.who, time_ms)

    def _apply(self, life: Life, event: Event, raw: Raw) -> None:
        who, state = life.who, life.state
        mark = self._mark_of(who, event.time_ms) if state is None and self._marks else None
        if type(event.data) is CustomerErased:
            made = erase(who, state, event, self._policy, mark, {}, digest_of(REPLAY_SECRET, who), life.outcome)
            if made is not None:
                self._marks[mark_key(REPLAY_SECRET, who)] = made
                self.erasures += 1
                life.state = None
            return
        if type(event.data) is RelationErased:
            names = () if state is None else (*state.referred, *state.referrers)
            found = find_named(REPLAY_SECRET, who.shop_id, names, event.data.digest)
            event = Event(event.type, event.id, who.shop_id, who.customer_id, event.time_ms, RelationForgotten(found or ""))
        life.state = evaluate.apply(who, state, event, raw, self._policy, life.outcome, mark)
        if mark is not None and life.state is not None:
            del self._marks[mark_key(REPLAY_SECRET, who)]  # from here on his state knows it

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


def _life_of(lives: dict[str, Life], event: Event) -> Life:
    life = lives.get(event.customer_id)
    if life is None:
        life = lives[event.customer_id] = Life(Who(event.shop_id, event.customer_id))
    return life


def encode_line(outgoing: Outgoing) -> bytes:
    """One line of the replay's output: the topic and the event."""
    return b'{"topic":"' + outgoing.topic.encode() + b'","event":' + encode_outgoing(outgoing) + b"}\n"


def _raw(number: int, event_type: str, text: bytes) -> Raw:
    """The coordinates of a line: the topic its type goes to, and its number over all files, from 0, as the offset."""
    topic = "contacts" if event_type in EVENT_TYPES and event_type not in ORDER_TYPES else "orders"
    return (topic, 0, number, None, text, [])
