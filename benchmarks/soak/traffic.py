"""A day of four shops, the same for the same seed: what every customer did before it, and tick by tick what happens in it.

A tick is what comes within a quarter of a second of the run; all its events lie within less than the worker's grace, and no customer
has two of them. So whoever is told in order reaches the log in time order over all topics, which is when a replay must agree to the byte.

Every customer's id is a canary with the look of an e-mail address, and so are notes, orders and what is garbage: no log line, no
metric and no error may show one.
"""

import random
from collections import Counter, deque
from typing import Any, NamedTuple

import msgspec

from benchmarks.soak.shops import EVENTS_SHOPS, PATIENCE_DAYS, SHOPS, WEIGHTS
from stream_app.codec.times import format_time
from stream_app.domain.events import ORDER_TYPES
from stream_app.worker.sender import watermark_of

CANARY = "zq-canary"
TICK_S = 0.25
DAY_MS = 86_400_000
_WITHIN_MS = 150
_HOUR_SHARES = (2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 14, 16, 13, 12, 12, 13, 15, 18, 22, 24, 18, 10, 5)  # night, lunch, the evening's peak
_BEGINS_HOUR = 6  # so that the busy hours are those in which the workers live longest
_PEAK = 3.0  # a newsletter goes out: so many times as much, twice a day, for a fortieth of it
_CATEGORIES = ("red wine", "white wine", "sneakers", "boots", "leather belt", "handbag", "hat")
_KNOWN_MAX = 4_000
_OF_SHOP = dict(zip(SHOPS, WEIGHTS, strict=True))


class Line(NamedTuple):
    """A record to publish. `partition` is None where its key belongs; `time_ms` becomes the record's time."""

    topic: str
    key: bytes
    value: bytes
    time_ms: int
    partition: int | None = None


class Person(NamedTuple):
    """A customer. `lot` is what may happen to him: tidy, untidy, related, merging, erasable."""

    shop: str
    name: str
    lot: str


class Day:
    """The history before, and the day from `begin_ms` on.

    Attributes:
        garbage: what is no event, by its bytes, with the code that its dead letter must have.
        counts: how many of what kind were told.
        untidy: keys of customers of `clock: events` shops whose changes may depend on the order of arrival.
    """

    def __init__(self, seed: int, *, begin_ms: int, seconds: float, customers: int, rate: float, partitions: int) -> None:
        """A day in `seconds`, of so many `customers` in all shops, at `rate` events a second on average."""
        self.begin_ms, self.seconds, self.partitions = begin_ms, seconds, partitions
        self.ticks = int(seconds / TICK_S)
        self.garbage: dict[bytes, str] = {}
        self.customers = customers
        self.counts: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._rate = rate
        self._number = 0
        self._orders: dict[str, deque[tuple[Person, str, int]]] = {shop: deque(maxlen=_KNOWN_MAX) for shop in SHOPS}
        self._again: deque[Line] = deque(maxlen=200)
        self._busy: set[Person] = set()
        self._gone: set[Person] = set()
        self._people = {shop: [_person(shop, n) for n in range(customers * _OF_SHOP[shop] // sum(WEIGHTS))] for shop in SHOPS}
        self._peaks = sorted(self._chance.uniform(0.05, 0.95) for _ in range(2))
        self.untidy = {
            f"{person.shop}/{person.name}"
            for shop in EVENTS_SHOPS
            for person in self._people[shop]
            if person.lot in {"untidy", "related", "merging"}
        }

    def past(self) -> list[Line]:
        """What happened before: of nearly everybody some orders, the last of which lets patience end somewhere in the run."""
        told: list[tuple[int, Line]] = []
        for shop, people in self._people.items():
            # Under `clock: wall` a patience that began so long ago ends while the run lasts; else, while the day does.
            span_ms = DAY_MS if shop in EVENTS_SHOPS else int(self.seconds * 1000)
            ends_ms = self.begin_ms if shop in EVENTS_SHOPS else self.begin_ms + DAY_MS
            for person in people:
                last_ms = ends_ms - PATIENCE_DAYS[shop] * DAY_MS + self._chance.randrange(int(span_ms * 0.95))
                for place in range(self._chance.choice((0, 1, 1, 2, 3, 4))):
                    at_ms = last_ms - place * self._chance.randrange(1, 20 * DAY_MS)
                    told.append((at_ms, self._order(person, at_ms)))
                if self._chance.random() < 0.02 and person.lot == "tidy" and shop == "harbour":
                    at_ms = self.begin_ms - self._chance.randrange(DAY_MS // 2, DAY_MS)
                    told.append((at_ms, self._event("order.cancelled", person, at_ms, {"order_id": f"never-{self._number}"})))
        return [line for _, line in sorted(told, key=lambda one: one[0])]

    def time_of(self, tick: int) -> int:
        """When in the day a tick is."""
        return self.begin_ms + int(tick * DAY_MS / self.ticks)

    def rate_at(self, tick: int) -> float:
        """Events a second of the run: few at night, most in the evening, many when a newsletter goes out."""
        part = tick / self.ticks
        hour = int(_BEGINS_HOUR + 24 * part) % 24
        share = _HOUR_SHARES[hour] * 24 / sum(_HOUR_SHARES)
        return self._rate * share * (_PEAK if any(0 <= part - peak < 1 / 40 for peak in self._peaks) else 1.0)

    def tick(self, number: int) -> list[Line]:
        """What happens in a tick."""
        self._busy.clear()
        chance, at_ms = self._chance, self.time_of(number)
        wanted = self.rate_at(number) * TICK_S
        count = int(wanted) + (chance.random() < wanted % 1)
        times = sorted(at_ms + chance.randrange(_WITHIN_MS) for _ in range(count))
        return [line for time_ms in times for line in self._something(time_ms)]

    def end(self) -> list[Line]:
        """The day is over: the watermarks of the shops whose time only events move."""
        at_ms = self.begin_ms + DAY_MS
        return [
            Line("orders", shop.encode(), watermark_of(shop, at_ms), at_ms, number)
            for shop in EVENTS_SHOPS
            for number in range(self.partitions)
        ]

    # -- one thing that happens

    def _something(self, at_ms: int) -> list[Line]:
        chance = self._chance
        lot = chance.random()
        if lot < 0.01:
            return [self._rubbish(at_ms)]
        if lot < 0.02 and self._again:
            self.counts["duplicate"] += 1
            return [chance.choice(self._again)]
        shop = chance.choices(SHOPS, WEIGHTS)[0]
        person = self._somebody(shop)
        if person is None:
            return []
        if person.lot == "untidy":
            return [self._untidy(person, at_ms)]
        line = self._usual(person, at_ms)
        if person.lot == "tidy" and shop != "booth":  # what booth's refused once may be taken when it comes again
            self._again.append(line)
        return [line]

    def _somebody(self, shop: str) -> Person | None:
        for _ in range(8):
            person = self._chance.choice(self._people[shop])
            if person not in self._busy:
                self._busy.add(person)
                return person
        return None

    def _usual(self, person: Person, at_ms: int) -> Line:
        """What happens in time order."""
        chance, lot = self._chance, self._chance.random()
        if person.lot == "erasable" and lot < 0.05:
            return self._event("customer.erased", person, at_ms, {})
        if person.lot == "related" and lot < 0.2:
            return self._refer(person, at_ms)
        if person.lot == "merging" and lot < 0.03 and person not in self._gone:
            return self._merge(person, at_ms)
        if lot < 0.55:
            return self._order(person, at_ms)
        if lot < 0.75:
            about = self._about(person.shop, at_ms)
            if about is not None:
                return about
        kind, data = self._word(chance)
        return self._event(kind, person, at_ms, data)

    def _untidy(self, person: Person, at_ms: int) -> Line:
        """Late, or in a partition that is not his."""
        if self._chance.random() < 0.5:
            self.counts["late"] += 1
            return self._order(person, at_ms - self._chance.randrange(60_000, 6 * 3_600_000))
        self.counts["misrouted"] += 1
        return self._order(person, at_ms)._replace(partition=self._chance.randrange(self.partitions))

    def _refer(self, person: Person, at_ms: int) -> Line:
        others = [self._chance.choice(self._people[person.shop]) for _ in range(12)]
        other = next((one for one in others if one.lot == "related"), person)
        return self._event("referral.made", person, at_ms, {"referred_customer_id": other.name})

    def _merge(self, person: Person, at_ms: int) -> Line:
        """Into one who is neither merged nor was merged into: who goes where stays simple, how their facts travel does not."""
        others = [self._chance.choice(self._people[person.shop]) for _ in range(20)]
        into = next((one for one in others if one.lot == "merging" and one != person and one not in self._gone | self._busy), None)
        if into is None:
            return self._order(person, at_ms)
        self._gone |= {person, into}
        self._busy.add(into)
        return self._event("customer.merged", person, at_ms, {"into": into.name})

    def _order(self, person: Person, at_ms: int) -> Line:
        chance, order_id = self._chance, f"{CANARY}-o-{self._number}"
        lines: list[dict[str, Any]] = []
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            amount = chance.randrange(500, 9_000)
            lines.append({"sku": f"s-{amount}", "category": chance.choice(_CATEGORIES), "quantity": 1, "total_minor": amount})
        total = sum(line["total_minor"] for line in lines)
        if person.lot in {"tidy", "erasable"}:
            self._orders[person.shop].append((person, order_id, total))
        return self._event("order.placed", person, at_ms, {"order_id": order_id, "currency": "EUR", "total_minor": total, "lines": lines})

    def _about(self, shop: str, at_ms: int) -> Line | None:
        """A cancel, a refund, a payment, or the same order once more under another event id."""
        known, chance = self._orders[shop], self._chance
        for _ in range(4):
            if not known:
                return None
            owner, order_id, total = chance.choice(known)
            if owner not in self._busy:
                break
        else:
            return None
        self._busy.add(owner)
        lot = chance.random()
        if lot < 0.25:
            return self._event("order.cancelled", owner, at_ms, {"order_id": order_id})
        if lot < 0.7:
            amount = chance.randrange(1, total + 1)
            return self._event(
                "order.refunded", owner, at_ms, {"order_id": order_id, "refund_id": f"{CANARY}-r-{self._number}", "amount_minor": amount}
            )
        if lot < 0.95 or shop != "harbour":
            due = format_time(at_ms - chance.randrange(10) * DAY_MS)
            return self._event("payment.received", owner, at_ms, {"order_id": order_id, "due_at": due, "amount_minor": total})
        self.counts["order again"] += 1
        data = {"order_id": order_id, "currency": "EUR", "total_minor": total, "lines": []}
        return self._event("order.placed", owner, at_ms, data)

    @staticmethod
    def _word(chance: random.Random) -> tuple[str, dict[str, Any]]:
        channel = chance.choice(("email", "mailing", "phone", "visit", "chat", "other"))
        outcome = chance.choice(("positive", "neutral", "negative", "unsubscribed"))
        return chance.choice(
            (
                ("contact.made", {"channel": channel, "direction": chance.choice(("outbound", "inbound"))}),
                ("contact.made", {"channel": channel, "direction": "outbound", "campaign_id": "spring"}),
                ("contact.responded", {"channel": channel, "outcome": outcome}),
                ("interest.shown", {"kind": chance.choice(("brochure", "quote", "visit"))}),
                ("preference.set", {"preferred_channel": channel, "closed_channels": ["chat"]}),
                ("lead.identified", {"note": f"{CANARY} was met"}),
                ("lead.ruled_out", {}),
                ("feedback.given", {"kind": "idea", "accepted": chance.random() < 0.5}),
                ("profile.assessed", {"criteria": {"loyalty": chance.randrange(101)}}),
            )
        )

    def _event(self, kind: str, person: Person, at_ms: int, data: dict[str, Any]) -> Line:
        self._number += 1
        self.counts[kind] += 1
        event = {"specversion": "1.0", "id": f"e-{self._number}", "source": f"/shops/{person.shop}", "type": kind}
        value = msgspec.json.encode({**event, "subject": person.name, "time": format_time(at_ms), "data": data})
        return Line("orders" if kind in ORDER_TYPES else "contacts", f"{person.shop}/{person.name}".encode(), value, at_ms)

    def _rubbish(self, at_ms: int) -> Line:
        """What is no event, in every way that can be told without knowing the customer."""
        self.counts["garbage"] += 1
        person = Person("harbour", f"{CANARY}-nobody-{self._number}@people.example", "tidy")
        order = {"order_id": f"{CANARY}-g-{self._number}", "currency": "EUR", "total_minor": 5}
        line = self._event("order.placed", person, at_ms, order)
        self.counts["order.placed"] -= 1
        event: dict[str, Any] = msgspec.json.decode(line.value)
        code, value = self._chance.choice(
            (
                ("invalid_json", line.value[:-9]),
                ("invalid_json", b"\xff\xfe " + line.value),
                ("invalid_envelope", _without(event, "id")),
                ("invalid_data", {**event, "data": {**order, "total_minor": "12"}}),
                ("unknown_type", {**event, "type": "order.exploded"}),
                ("unknown_shop", {**event, "source": "/shops/nowhere"}),
                ("currency_mismatch", {**event, "data": {**order, "currency": "USD"}}),
                ("time_out_of_range", {**event, "time": "1985-01-01T00:00:00Z"}),
                ("time_out_of_range", {**event, "time": "2999-01-01T00:00:00Z"}),
            )
        )
        raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
        self.garbage[raw] = code
        key = line.key.replace(b"harbour/", b"nowhere/") if code == "unknown_shop" else line.key
        return line._replace(key=key, value=raw)


def _person(shop: str, number: int) -> Person:
    lots = {"harbour": ("tidy",) * 9 + ("erasable",), "meadow": ("tidy", "untidy", "related", "merging")}.get(shop, ("tidy",))
    return Person(shop, f"{CANARY}-{number}@{shop}.example", lots[number % len(lots)])


def _without(event: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != name}
