"""Classes by pareto, live: one partition's part in finding a shop's cut-offs (domain.md, 3.5).

Whoever passes the start of an evaluation day adds what he is worth to the partition's sketch of that day. When time has passed it
and nothing is due any more, the sketch is closed and goes to the shop's home, one of the partitions. The home has heard enough
when every partition has closed the day; it merges, cuts, and tells all. Customers come under the cut-offs as under a new version
of the policy. Everything travels in the unit of work of what caused it, so each value counts once, whatever is killed.
"""

from msgspec import Struct

from stream_app.codec.changes import HEADERS
from stream_app.codec.derived import encode_derived
from stream_app.domain.dimensions.share import with_cut
from stream_app.domain.events import CutOffsTaken, Event, EventData, ValuesAsked, ValuesSketched
from stream_app.domain.facts.state import NEVER
from stream_app.domain.ids import Who, identify
from stream_app.domain.pareto import Cut, Sketch
from stream_app.domain.policy import Policy
from stream_app.engine.fold import Unit
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.processor.hop import REKEYED
from stream_app.processor.ledgers import (
    Ledger,
    Name,
    decode_ledger,
    decode_sketch,
    encode_ledger,
    encode_sketch,
    ledger_key,
    read_sketch,
    sketch_key,
    write_sketch,
)
from stream_app.processor.policies import PolicyBook
from stream_app.processor.streams import Stream, Streams

_CUTS_KEPT = 50
"""So many evaluations are remembered: a customer whom the sweep has not met for longer comes under the newest at once."""


class _Shop(Struct):
    """A ledger with its sketches, and what of it must be written."""

    ledger: Ledger
    own: dict[Name, Sketch]
    merged: dict[Name, Sketch]
    touched: set[bytes]
    armed_ms: int | None = None
    changed: bool = False
    woken: bool = False


class Evaluations:
    """The ledgers of a partition: only shops whose classes are by pareto have one."""

    def __init__(self, policies: PolicyBook, streams: Streams, partition: int, partitions: int) -> None:
        self._policies = policies
        self._streams = streams
        self._partition = partition
        self._partitions = partitions
        self._shops: dict[str, _Shop] = {}
        self._is_loaded = False

    def load(self, unit: Unit) -> None:
        """Before anything else: take back what was committed; cut-offs must be known before anybody is judged."""
        if self._is_loaded:
            return
        self._is_loaded = True
        for shop_id in self._streams.shops():
            encoded = unit.read(ledger_key(shop_id))
            if encoded is None:
                continue
            ledger = decode_ledger(encoded)
            own = {name: _sketch(unit, sketch_key(shop_id, name, merged=False)) for name in map(_name, ledger.open)}
            merged = {name: _sketch(unit, sketch_key(shop_id, name, merged=True)) for name in map(_name, ledger.merged)}
            self._shops[shop_id] = _Shop(ledger, own, merged, touched=set())
            self._policies.cut(shop_id, ledger.cuts)

    def take(self, shop_id: str, valued: list[tuple[str, int, int]], unit: Unit) -> None:
        """A customer has passed evaluation days: what he was worth, unless a day is closed already."""
        for document_hash, day, value in valued:
            shop = self._shop(shop_id, day)
            if day <= shop.ledger.reached:
                unit.count("evaluations", "late")
                continue
            name = day, document_hash
            if name not in shop.own:
                shop.own[name] = Sketch()
                shop.ledger.open.append(name)
                shop.changed = True
            shop.own[name].add(value)
            shop.touched.add(sketch_key(shop_id, name, merged=False))

    def woken(self, key: bytes) -> None:
        """The ledger's timer has come: it is written again."""
        shop = self._shops[key.partition(b"/")[0].decode()]
        shop.changed = shop.woken = True

    def hear(self, event: Event, unit: Unit) -> bool:
        """Take in what another partition tells of a shop; True when new cut-offs hold from here on."""
        data, shop_id = event.data, event.shop_id
        self._streams.know(shop_id)
        if type(data) is ValuesSketched:
            self._gather(self._shop(shop_id, data.day), event, data, unit)
        elif type(data) is ValuesAsked:
            self._shop(shop_id, data.day)
        elif type(data) is CutOffsTaken:
            shop = self._shop(shop_id, int(data.policy_hash.split(":")[1]))
            shop.ledger.cuts = [*shop.ledger.cuts, data.policy_hash][-_CUTS_KEPT:]
            shop.changed = True
            self._policies.cut(shop_id, shop.ledger.cuts)
            return True
        return False

    def finish(self, unit: Unit, owed: set[str], *, complete: bool) -> None:
        """The unit of work ends: close what time has passed, unless more is due; write what has changed.

        Args:
            unit: the unit.
            owed: shops of which some customers have still to come under a newer version of the policy.
            complete: nothing is due any more.
        """
        for shop_id, shop in self._shops.items():
            held, stream = self._policies.current(shop_id), self._streams.get(shop_id)
            armed_ms = None
            if held is not None and stream is not None and held[1].pareto is None:
                self._drop(shop_id, shop)
            elif held is not None and stream is not None and shop_id not in owed:
                if complete and stream.horizon_ms > NEVER // 2:
                    self._close(shop_id, shop, stream, held[1], unit)
                # A timer that has come while more is due waits unarmed for the unit that has done with it: it is not in the way then.
                armed_ms = _next_ms(shop.ledger, held[1]) if complete or not shop.woken else None
            if shop.changed or armed_ms != shop.armed_ms or shop.touched:
                self._write(shop_id, shop, armed_ms, unit)

    def _shop(self, shop_id: str, day: int) -> _Shop:
        found = self._shops.get(shop_id)
        if found is None:
            found = self._shops[shop_id] = _Shop(Ledger(first=day), {}, {}, changed=True, touched=set())
        elif day < found.ledger.first and found.ledger.reached < day:
            found.ledger.first, found.changed = day, True
        return found

    def _close(self, shop_id: str, shop: _Shop, stream: Stream, policy: Policy, unit: Unit) -> None:
        """Send what time has passed to the shop's home, and say that it is all, up to the latest evaluation day."""
        pareto, ledger, calendar = policy.pareto, shop.ledger, policy.calendar
        assert pareto is not None
        ended = sorted(name for name in shop.own if calendar.start(name[0]) <= stream.horizon_ms)
        last = max([pareto.last_day(calendar.day(stream.horizon_ms)), *(day for day, _ in ended)])
        if last <= ledger.reached or last < ledger.first:
            return
        if not ended or ended[-1][0] < last:
            ended.append((last, policy.document_hash))
        home = partition_of(ledger_key(shop_id), self._partitions)
        for name in ended:
            asks = self._policies.by_hash(name[1]) or policy
            by = asks.pareto or pareto
            rows = write_sketch(shop.own.pop(name, Sketch()))
            shop.touched.add(sketch_key(shop_id, name, merged=False))
            told = ValuesSketched(self._partition, name[0], name[1], by.a_pct, by.b_pct, rows)
            self._send(shop_id, "values.sketched", calendar.start(name[0]), told, [home], unit)
        ledger.open = sorted(shop.own)
        ledger.reached = last
        shop.changed = True
        unit.count("evaluations", "closed")

    def _drop(self, shop_id: str, shop: _Shop) -> None:
        """The shop's classes are no longer by pareto: what was to be sent is for nobody."""
        if shop.own:
            shop.touched |= {sketch_key(shop_id, name, merged=False) for name in shop.own}
            shop.own.clear()
            shop.ledger.open, shop.changed = [], True

    def _gather(self, shop: _Shop, event: Event, data: ValuesSketched, unit: Unit) -> None:
        """At the shop's home: a partition has closed a day."""
        ledger, shop_id, name = shop.ledger, event.shop_id, (data.day, data.document_hash)
        shop.changed = True
        if not ledger.asked:
            ledger.asked = True
            self._send(shop_id, "values.asked", event.time_ms, ValuesAsked(data.day), range(self._partitions), unit)
        if data.rows:
            if name not in shop.merged:
                shop.merged[name] = Sketch()
                ledger.merged.append((*name, data.a_pct, data.b_pct))
            shop.merged[name].merge(read_sketch(data.rows))
            shop.touched.add(sketch_key(shop_id, name, merged=True))
        ledger.heard[data.partition] = data.day
        if len(ledger.heard) < self._partitions:
            return
        told_all = min(ledger.heard.values())
        for day, document_hash, a_pct, b_pct in sorted(ledger.merged):
            if day > told_all:
                break
            self._cut(shop, shop_id, (day, document_hash), a_pct, b_pct, unit)

    def _cut(self, shop: _Shop, shop_id: str, name: Name, a_pct: int, b_pct: int, unit: Unit) -> None:
        """Every partition has told of the day: find the cut-offs, and tell all of them."""
        ends = shop.merged.pop(name).cut_offs(a_pct, b_pct)
        shop.ledger.merged = [entry for entry in shop.ledger.merged if entry[:2] != name]
        shop.touched.add(sketch_key(shop_id, name, merged=True))
        asks = self._policies.by_hash(name[1])
        if ends is None or asks is None or asks.pareto is None:
            return
        cut = Cut(name[0], *ends)
        taken = CutOffsTaken(with_cut(asks, cut).hash)
        self._send(shop_id, "cut_offs.taken", asks.calendar.start(cut.day), taken, range(self._partitions), unit)
        unit.count("evaluations", "taken")

    def _send(self, shop_id: str, kind: str, time_ms: int, data: EventData, partitions: range | list[int], unit: Unit) -> None:
        event_id = identify(kind, Who(shop_id, ""), time_ms, self._partition, *_told(data))
        value = encode_derived(Event(kind, event_id, shop_id, "", time_ms, data))
        for partition in partitions:
            unit.emit(REKEYED, f"{shop_id}/".encode(), value, HEADERS, partition)
            unit.count("derived", kind)

    def _write(self, shop_id: str, shop: _Shop, armed_ms: int | None, unit: Unit) -> None:
        kept = {sketch_key(shop_id, name, merged=False): sketch for name, sketch in shop.own.items()}
        kept |= {sketch_key(shop_id, name, merged=True): sketch for name, sketch in shop.merged.items()}
        for key in sorted(shop.touched):
            if key in kept:
                unit.write(key, encode_sketch(kept[key]), None)
            elif unit.read(key) is not None:
                unit.write(key, None, None)
        if shop.changed or armed_ms != shop.armed_ms:
            unit.write(ledger_key(shop_id), encode_ledger(shop.ledger), armed_ms)
        shop.touched.clear()
        shop.changed, shop.armed_ms = False, armed_ms
        shop.woken = shop.woken and armed_ms is None


def _name(entry: tuple[int, str] | tuple[int, str, int, int]) -> Name:
    return entry[0], entry[1]


def _told(data: EventData) -> list[int | str]:
    return [data.day, data.document_hash] if type(data) is ValuesSketched else [data.policy_hash] if type(data) is CutOffsTaken else []


def _sketch(unit: Unit, key: bytes) -> Sketch:
    encoded = unit.read(key)
    return Sketch() if encoded is None else decode_sketch(encoded)


def _next_ms(ledger: Ledger, policy: Policy) -> int:
    """When the next evaluation day begins."""
    assert policy.pareto is not None
    day = ledger.first if ledger.reached < ledger.first else policy.pareto.next_day(ledger.reached)
    return policy.calendar.start(day)
