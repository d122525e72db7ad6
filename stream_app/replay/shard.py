"""A bucket of customers: their events are decoded, and each customer is evaluated from first to last.

A replay is cut by customer. One customer's events are applied in a row, which saves decoding and encoding his state between them.
What he publishes is encoded when his row is done: mappings that wait for the end would have to be fetched from memory again.
"""

from collections.abc import Iterable
from operator import itemgetter
from typing import Final

from stream_app.codec.changes import encode_line
from stream_app.codec.dead_letters import dead_letter_headers, dead_letter_line
from stream_app.codec.envelope import VALUE_BYTES_MAX
from stream_app.codec.events import check_time, decode_record, peek
from stream_app.domain import evaluate
from stream_app.domain.events import CustomerMerged, Event, ReferralMade, Rejected
from stream_app.domain.facts.notes import Raw
from stream_app.domain.facts.state import is_customer
from stream_app.domain.policy import Policy
from stream_app.domain.profile import profile
from stream_app.replay.evaluation import Sketches, Versions, collect
from stream_app.replay.families import Families, Name, pair_of
from stream_app.replay.lives import NEVER, Life, Watermarks, encode, raw_of
from stream_app.replay.output import Output
from stream_app.replay.piles import Entry
from stream_app.replay.row import Row
from stream_app.telemetry.rule_errors import report_rule_error

Line = tuple[int, int, Event, bytes]
"""One accepted event, as it sorts: its time, the number of its line over all files, and the line."""

_ENDS: Final = b"\r\n"
_STREAM_STEP: Final = 4_000
_time_of: Final = itemgetter(0)
_number_of: Final = itemgetter(1)


class Shard:
    """A bucket.

    Attributes:
        latest_ms: the time of the latest accepted event, or NEVER.
        erasures: how many customers were erased.
    """

    def __init__(self, policy: Policy, versions: Versions, wall_ms: int, watermarks: Watermarks, output: Output | None) -> None:
        self._policy = policy
        self._versions = versions
        self._wall_ms = wall_ms
        self._watermarks = watermarks
        self._output = output
        self._lines: dict[Name, list[Line]] = {}  # by customer
        self._families: Families[Name] = Families()
        self._rejected: list[tuple[Rejected, Raw]] = []
        self._events: list[Entry] = []
        self._size = 0  # of their texts
        self._profiles: list[Entry] = []
        self._lives: list[Life] = []
        self.latest_ms: int = NEVER
        self.erasures = 0

    def read(self, numbers: list[int], texts: list[bytes]) -> None:
        """Decode lines, which come in the order of their numbers."""
        for number, text in zip(numbers, texts, strict=True):
            event = self._decode(number, text)
            if event is None:
                continue
            if type(event.data) is ReferralMade or type(event.data) is CustomerMerged:
                pair = pair_of(event)
                assert pair is not None
                self._families.join(pair)
            line: Line = (event.time_ms, number, event, text)
            name = event.shop_id, event.customer_id
            mine = self._lines.get(name)
            if mine is None:
                self._lines[name] = [line]
            else:
                mine.append(line)

    def _decode(self, number: int, text: bytes) -> Event | None:
        """A customer's accepted event; what is none is rejected, and a watermark only moves time."""
        # An end of line is no fault of an event, and so is cut off only where somebody might see it: it would cost a copy.
        event = decode_record(None, text if len(text) <= VALUE_BYTES_MAX else text.rstrip(_ENDS), (), 0)
        if isinstance(event, Rejected):
            if not text.strip():
                return None
            event = decode_record(None, text.rstrip(_ENDS), (), 0)
        rejected = event if isinstance(event, Rejected) else self._refuse(event)
        if rejected is not None:
            seen = peek(text)
            self._rejected.append((rejected, raw_of(number, seen[0] if seen else "", text)))
            return None
        assert isinstance(event, Event)
        if event.customer_id:
            return event
        self._accept(event.time_ms)
        self._watermarks.add(number, event.shop_id, event.time_ms)
        return None

    def _refuse(self, event: Event) -> Rejected | None:
        rejected = check_time(event, self._wall_ms)
        if rejected is not None:
            return rejected
        policy = self._policy
        return None if policy.shop in (None, event.shop_id) else evaluate.unknown_shop()

    def fold(self, until_ms: int | None, end_ms: int | None, *, as_given: bool) -> None:
        """Apply every customer's events, those later than `until_ms` left out.

        With `end_ms` each customer is concluded at once; without it `conclude` or `weigh` does that later, when the end is known.
        """
        self._join_families()
        for name in sorted(self._lines):  # so that what is said at one moment is in order, but for families
            shop_id, lines = name[0], self._lines[name]
            taken = lines if until_ms is None else [line for line in lines if line[0] <= until_ms]
            if not as_given:
                taken.sort()  # numbers are unique, so events are never compared
            row = self._row_of(shop_id, until_ms, as_given=as_given)
            for time_ms, number, event, text in taken:
                row.take(time_ms, number, event, text)
            lines.clear()
            self._end(row, end_ms)
        self._lines.clear()
        if end_ms is not None:
            self._hand_on()

    def stream(self, lines: Iterable[tuple[int, bytes]], until_ms: int | None, end_ms: int | None, *, as_given: bool) -> None:
        """The same for a bucket that is too large to be decoded in memory, as a family may be; lines come in the order of their events."""
        rows: dict[str, Row] = {}
        since = 0
        for number, text in lines:
            event = self._decode(number, text)
            if event is None or (until_ms is not None and event.time_ms > until_ms):
                continue
            row = rows.get(event.shop_id)
            if row is None:
                row = rows[event.shop_id] = self._row_of(event.shop_id, until_ms, as_given=as_given)
            row.take(event.time_ms, number, event, text)
            since += 1
            if since >= _STREAM_STEP and since >= len(row.lives):  # looking at all lives costs little an event
                since = 0
                for one in rows.values():
                    self._publish(one)
                self._hand_on()
        for row in rows.values():
            self._end(row, end_ms)
        self._hand_on()

    def weigh(self, until_ms: int) -> Sketches:
        """What everybody was worth on each evaluation day up to `until_ms`, after a fold without an end."""
        return collect(self._lives, self._policy, until_ms)

    def conclude(self, end_ms: int) -> None:
        """Fire every deadline up to `end_ms`, after a fold without an end."""
        lives, self._lives = self._lives, []
        self._conclude(lives, end_ms)
        self._hand_on()

    def _row_of(self, shop_id: str, until_ms: int | None, *, as_given: bool) -> Row:
        return Row(self._versions, self._watermarks.of(shop_id, until_ms) if as_given else [])

    def _join_families(self) -> None:
        heads = self._families.heads()
        for name, head in heads.items():
            if head != name and name in self._lines:
                self._lines.setdefault(head, []).extend(self._lines.pop(name))
        for head in set(heads.values()):
            self._lines.get(head, []).sort(key=_number_of)

    def _end(self, row: Row, end_ms: int | None) -> None:
        self._accept(row.latest_ms)
        self.erasures += row.erasures
        if end_ms is not None:
            self._conclude(list(row.lives.values()), end_ms)
            return
        self._publish(row)
        self._lives.extend(row.lives.values())

    def _publish(self, row: Row) -> None:
        for life in row.lives.values():
            if life.outcome.published:
                self._encode(life)

    def _encode(self, life: Life) -> None:
        if self._output is None:
            life.outcome.published.clear()
        else:
            self._size += encode(life, self._events)

    def _conclude(self, lives: list[Life], end_ms: int) -> None:
        for life in lives:
            who, state, outcome = life.who, life.state, life.outcome
            policy = self._versions.settle(life, end_ms)
            if state is not None:
                evaluate.advance(who, state, end_ms, policy, outcome)
            self._encode(life)
            if outcome.rejected:
                self._rejected.extend(outcome.rejected)
            if state is not None and is_customer(state):
                evaluate.reach(state, end_ms, policy)
                self._profiles.append((life.name, encode_line(profile(who, state, policy, outcome=outcome))))
            if outcome.rule_errors:
                report_rule_error(who.shop_id, outcome.rule_error)

    def _hand_on(self) -> None:
        """Give the output what there is of it."""
        output = self._output
        if output is None:
            return
        self._events.sort(key=_time_of)  # cheaper than by the whole key, which then finds hardly anything to do
        output.take_events(self._events, self._size)
        output.take_profiles(self._profiles)
        if self._rejected:
            output.take_dead_letters([(raw[2], _dead_letter(rejected, raw)) for rejected, raw in self._rejected])
        self._events, self._size, self._profiles, self._rejected = [], 0, [], []

    def _accept(self, time_ms: int) -> None:
        self.latest_ms = max(self.latest_ms, time_ms)


def _dead_letter(rejected: Rejected, raw: Raw) -> bytes:
    topic, partition, number, _, value, _ = raw
    headers = dead_letter_headers(rejected, topic, partition, number)
    return dead_letter_line(None if value is None else value.rstrip(_ENDS), headers).encode() + b"\n"
