"""Seeded histories: files of CloudEvents that do everything the rules speak of, in any order, with a policy that makes it matter."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from tests.oracle.days import DAY, EPOCH, day_of, start, to_ms
from tests.oracle.policies import CATEGORIES, policy

Raw = dict[str, Any]
CHANNELS = ("email", "mailing", "phone", "visit", "chat", "other")
BEGINNINGS = (datetime(2011, 10, 1, tzinfo=UTC), datetime(2018, 2, 10, tzinfo=UTC), datetime(2020, 8, 20, tzinfo=UTC))
NAMES = ("customer-{}", "{}/x", "Zoë {}", "a.b_{}", "{}")


@dataclass
class History:
    """`events` as they lie in the file; `document` is the policy."""

    events: list[Raw]
    document: dict[str, Any]


@dataclass
class Teller:
    """Tells the story of one customer: calls append to `told` as (event time, or when it arrives if that is fixed, event)."""

    rng: Random
    document: dict[str, Any]
    shop: str
    customer: str
    contradict: bool
    begin: int
    peers: tuple[str, ...] = ()
    merging: bool = False
    told: list[tuple[int, Raw]] = field(default_factory=list)
    order_ids: list[str] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)

    def moment(self) -> int:
        """A time: often anywhere, sometimes exactly on an edge: a tie, a local midnight, whole days after an earlier event."""
        rng = self.rng
        if self.moments and rng.random() < 0.45:
            near = rng.choice(self.moments)
            zone = self.document.get("time_zone", "UTC")
            edge = rng.randint(0, 3)
            if edge == 0:
                return near
            if edge == 1:
                lengths: tuple[int, ...] = (1, 7, 30, 60, 90, self.document["window_days"], *self.document["horizons"].values())
                return near + rng.choice([days for days in lengths if days < 1_000]) * DAY + rng.choice((-1, 0, 1))
            if edge == 2:
                return start(zone, day_of(zone, near) + rng.randint(0, 2)) + rng.choice((-1, 0, 1))
            return near + rng.randint(-3 * DAY, 20 * DAY)
        return self.begin + int(rng.random() ** 1.5 * 560 * DAY)

    def name(self, prefix: str) -> str:
        """An id: short, or as long as ids may be, or not of ASCII; short where ties of the oldest decide what a limit forgets."""
        number = self.rng.getrandbits(40)
        if "dedup_events" in self.document["horizons"]:
            return f"{number:x}"
        return self.rng.choice((f"{number:x}", f"{prefix}-{number:x}", f"{number:x}-{prefix * 100}", f"{prefix}é-{number:x}"))

    def tell(self, kind: str, data: dict[str, Any], time: int | None = None, arrives: int | None = None) -> None:
        """One more event."""
        time = self.moment() if time is None else time
        self.moments.append(time)
        event_id = self.rng.choice(self.told)[1]["id"] if self.contradict and self.told and self.rng.random() < 0.02 else self.name("e")
        raw = {"specversion": "1.0", "id": event_id, "source": f"/shops/{self.shop}", "type": kind, "subject": self.customer}
        self.told.append((time if arrives is None else arrives, raw | {"time": written(self.rng, time), "data": data}))

    def order(self, time: int | None = None, arrives: int | None = None) -> None:
        """An order with up to four lines, and what may follow it, or precede it."""
        rng = self.rng
        order_id = self.name("o")
        if self.contradict and self.order_ids and rng.random() < 0.08:
            order_id = rng.choice(self.order_ids)
        self.order_ids.append(order_id)
        total = rng.choice((0, 1, 999, rng.randint(100, 30_000), rng.randint(100, 30_000)))
        data: dict[str, Any] = {"order_id": order_id, "currency": "EUR", "total_minor": total}
        if rng.random() < 0.8:
            data["lines"] = [self._line() for _ in range(rng.randint(0, 4))]
        if rng.random() < 0.3:
            data["discount_minor"] = rng.randint(0, 3_000)
        if rng.random() < 0.5:
            data["cost_minor"] = rng.randint(0, max(1, total * 5 // 4))
        self.tell("order.placed", data, time, arrives)
        placed = self.moments[-1]
        while rng.random() < 0.35:
            self._amend(order_id, total, placed)

    def _line(self) -> dict[str, Any]:
        line = {"sku": "s-1", "quantity": self.rng.randint(1, 3), "total_minor": self.rng.randint(0, 9_000)}
        category = self.rng.choice(CATEGORIES)
        return line if category is None else line | {"category": category}

    def _amend(self, order_id: str, total: int, placed: int) -> None:
        rng = self.rng
        time = placed + rng.choice((0, 1, rng.randint(-6 * DAY, 3 * DAY), rng.randint(0, 90 * DAY), rng.randint(0, 300 * DAY)))
        kind = rng.choice(("order.cancelled", "order.refunded", "order.refunded", "payment.received"))
        if kind == "order.cancelled":
            self.tell(kind, {"order_id": order_id}, time)
        elif kind == "payment.received":
            due = written(rng, time + rng.randint(-60, 20) * DAY + rng.choice((0, 1, -1)))
            self.tell(kind, {"order_id": order_id, "due_at": due, "amount_minor": max(1, total)}, time)
            if rng.random() < 0.5:
                due = written(rng, time - rng.randint(0, 40) * DAY)
                self.tell(kind, {"order_id": order_id, "due_at": due, "amount_minor": 1}, time + rng.randint(-DAY, DAY))
        else:
            refund_id = f"r-{rng.randint(1, 3)}" if self.contradict else self.name("r")
            amount = max(1, rng.choice((total, total // 2, total // 3, total + 5)))
            self.tell(kind, {"order_id": order_id, "refund_id": refund_id, "amount_minor": amount}, time)

    def anything(self) -> None:
        """Some event that is no order."""
        rng = self.rng
        channel = rng.choice(CHANNELS)
        outcome = rng.choice(("positive", "neutral", "negative", "unsubscribed"))
        made: dict[str, Any] = {"channel": channel, "direction": rng.choice(("outbound", "inbound"))}
        if rng.random() < 0.4:
            made["cost_minor"] = rng.randint(0, 4_000)
        scores = {name: rng.randint(0, 100) for name in ("loyalty", "vision", "reach") if rng.random() < 0.6}
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("contact.made", made),
            ("contact.made", made | {"campaign_id": "c-1"}),
            ("contact.responded", {"channel": channel, "outcome": outcome}),
            ("interest.shown", {"kind": rng.choice(("brochure", "quote", "signup", "visit", "other"))}),
            ("preference.set", {"preferred_channel": channel, "closed_channels": rng.sample(CHANNELS, 2)}),
            ("lead.identified", {"note": "met"}),
            ("lead.ruled_out", {}),
            ("referral.made", {"referred_customer_id": rng.choice((f"nobody-{rng.randint(1, 9)}", *self.peers))}),
            ("feedback.given", {"kind": rng.choice(("idea", "complaint", "review")), "accepted": rng.random() < 0.6}),
            ("profile.assessed", {"criteria": scores}),
        ]
        kind, data = rng.choice(kinds)
        self.tell(kind, data)
        while kind == "contact.made" and rng.random() < 0.5:  # they come in campaigns
            again = data | {"channel": rng.choice(CHANNELS), "direction": rng.choice(("outbound", "outbound", "inbound"))}
            self.tell(kind, again, self.moments[-1] + rng.randint(0, 5) * DAY)

    def orphan(self) -> None:
        """A cancel, refund or payment for an order that never comes."""
        self._amend(f"never-{self.rng.getrandbits(16):x}", 500, self.moment())

    def straggler(self) -> None:
        """An order at the very edge of the ledger, that arrives when a later event has just moved the edge there."""
        horizon = self.document["horizons"]["ledger_days"]
        if self.moments and horizon < 1_000:
            after = self.rng.choice(self.moments)
            self.order(after - horizon * DAY + self.rng.choice((-1, 0, 1, 3_600_000)), arrives=after + 2)

    def fault(self) -> None:
        """An event that is rejected when it is decoded."""
        rng = self.rng
        order = {"order_id": f"f-{rng.getrandbits(24):x}", "currency": "EUR", "total_minor": 5}
        year = rng.choice((datetime(1989, 12, 31, 23, 59, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)))
        faults: list[tuple[str, dict[str, Any], int | None]] = [
            ("order.placed", order | {"currency": "USD"}, None),
            ("order.exploded", order, None),
            ("order.placed", order, to_ms(year)),
        ]
        kind, data, time = rng.choice(faults)
        before = list(self.moments)
        self.tell(kind, data, time)
        self.moments = before

    def story(self, size: int, *, faults: bool) -> None:
        """About `size` events."""
        while len(self.told) < size:
            lot = self.rng.random()
            if lot < 0.5:
                self.order()
            elif lot < 0.55:
                self.straggler() if self.contradict else self.order()
            elif lot < 0.93:
                self.anything()
            elif lot < 0.97 and self.contradict:
                self.orphan()
            elif lot < 0.98 and self.contradict:
                self.tell("customer.erased", {})
            elif lot < 0.988 and self.merging:
                self.tell("customer.merged", {"into": self.rng.choice(self.peers)})
            elif faults:
                self.fault()


def written(rng: Random, time_ms: int) -> str:
    """The moment in RFC 3339 with some offset, some digits, and perhaps a part finer than a millisecond."""
    offset = rng.choice((0, 0, 60, -300, 345, 840))
    zone = UTC if offset == 0 else timezone(timedelta(minutes=offset))
    moment = (EPOCH + timedelta(milliseconds=time_ms)).astimezone(zone)
    digits = f".{time_ms % 1000:03d}" + rng.choice(("", "", "999", "000001"))
    if time_ms % 1000 == 0 and rng.random() < 0.7:
        digits = ""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S") + digits
    return text + (
        "Z" if offset == 0 and rng.random() < 0.7 else f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
    )


def history(
    seed: int,
    customers: int = 25,
    size: int = 14,
    *,
    shuffled: bool = False,
    contradict: bool = True,
    dwell: bool = True,
    wide: bool = False,
) -> History:
    """A file of about `customers * size` events and its policy; the same for the same arguments.

    `shuffled` delays events by up to months, else the file is nearly in order; `contradict` uses order and refund ids twice,
    sends amendments whose order never comes, and faults; `wide` horizons forget nothing.
    """
    rng = Random(f"{seed} {shuffled} {contradict}")
    document = policy(rng, dwell=dwell, wide=wide)
    if shuffled:
        document["horizons"].pop("ledger_orders", None)  # an order older than one that closed early: no state of bounded size can be exact
    begin = to_ms(rng.choice(BEGINNINGS))
    arrivals: list[tuple[int, Raw]] = []
    names = tuple(rng.choice(NAMES).format(number) for number in range(customers))
    for name in names:
        teller = Teller(rng, document, rng.choice(("acme", "b.v-2")), name, contradict, begin, peers=names, merging=contradict)
        teller.story(rng.randint(1, 2 * size), faults=contradict)
        for time, raw in teller.told:
            arrivals.append((time + _delay(rng, shuffled=shuffled), raw))
            if rng.random() < 0.1:
                horizon = document["horizons"]["dedup_days"] * DAY
                arrivals.append((time + rng.choice((0, DAY, rng.randint(0, 60 * DAY), horizon, horizon + 2)), raw))
    if rng.random() < 0.5:
        document["live_since"] = datetime.fromtimestamp(begin / 1000 + rng.randint(0, 500) * 86_400, UTC).isoformat()
    if contradict and rng.random() < 0.2:
        document["shop"] = "acme"  # the other shop is then unknown
    rng.shuffle(arrivals)
    arrivals.sort(key=lambda arrival: arrival[0])
    last = Teller(rng, document, "acme", "the last one", contradict=False, begin=begin)
    last.tell("interest.shown", {"kind": "visit"}, begin + (900 + rng.randint(0, 400)) * DAY)
    return History([raw for _, raw in arrivals] + [last.told[0][1]], document)


def _delay(rng: Random, *, shuffled: bool) -> int:
    if not shuffled:
        return rng.choice((0, 0, 0, DAY // 2))
    return rng.choice((0, 0, rng.randint(0, 2 * DAY), rng.randint(0, 30 * DAY), rng.randint(0, 250 * DAY)))
