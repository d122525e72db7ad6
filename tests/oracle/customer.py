"""One customer's life: events in log order, deadlines between them, changes out. Every evaluation starts from nothing."""

from typing import Any

from tests.oracle import contact, opportunity, pareto, reactions, segment
from tests.oracle.days import DAY
from tests.oracle.measures import Event, Order, Policy, latest, leading, measure, note_referral, voided
from tests.oracle.moments import moments

DIMENSIONS = ("lifecycle", "churn_risk", "class", "segment", "label", "service_level", "contact", "winback", "opportunity")
NEEDS = {"class": "classes", "segment": "segments", "label": "labels", "service_level": "service_levels"}
NEEDS |= {"contact": "contact", "opportunity": "opportunity"}
CLASSES = "CBA"
RELATIONS = ("contact.made", "contact.responded", "interest.shown")
OF_AN_ORDER = ("order.cancelled", "order.refunded", "payment.received")

NEVER = -(1 << 62)


class Customer:
    """What is known of one customer, and what was published about him."""

    def __init__(self, policy: Policy) -> None:
        """Begin with nothing known."""
        self.policy = policy
        self.clock = self.high = NEVER
        self.low = 1 << 62
        self.ids: dict[str, int] = {}
        self.open: dict[str, Order] = {}
        self.closed: list[Order] = []
        self.others: list[Event] = []
        self.referred: dict[str, tuple[int, int | None]] = {}  # when the referral was made, and the first order as told
        self.waiting: list[tuple[int, Event]] = []
        self.rejected: list[tuple[str, str]] = []
        self.duplicates = 0
        self.hold: int | None = None
        self.cut: tuple[int, int] | None = None  # the cut-offs he stands under, by pareto
        self.weighed: list[tuple[int, int]] = []  # evaluation day, value_total
        self.exit_since: int | None = None
        self.mark: tuple[int, int] | None = None  # of an erasure: its time, and until when events from before it are dropped
        self.past: list[Customer] = []  # his lives before erasures
        self.absorbed: set[str] = set()  # who was merged into him
        self.has_left = False  # he was merged into another
        self.receipts: list[dict[str, Any]] = []
        self.announced: int | None = None
        self.statuses: dict[str, str | None] = {name: None for name in DIMENSIONS if name not in NEEDS or policy[NEEDS[name]] is not None}
        self.changes: list[dict[str, Any]] = []
        self.notices: list[dict[str, Any]] = []
        self.reactions: list[dict[str, Any]] = []

    # --- time -----------------------------------------------------------------------------------------------------

    @property
    def orders(self) -> list[Order]:
        """Every order ever accepted."""
        return [*self.closed, *self.open.values()]

    def advance(self, until: int) -> None:
        """Fire every deadline up to and including `until`, each at its own time."""
        while True:
            moment = min((moment for moment in moments(self) if moment > self.clock), default=None)
            if moment is None or moment > until:
                return
            self.clock = moment
            self.mark = None if self.mark is None or moment >= self.mark[1] else self.mark
            for expiry, event in list(self.waiting):
                if expiry <= moment:
                    self.waiting.remove((expiry, event))
                    self.rejected.append((event["id"], "order_unknown"))
            self.evaluate({"kind": "time"}, moment)
            day = pareto.evaluated(self.policy, moment) if pareto.asks(self.policy) else None
            if day is not None:
                self._weigh(day)

    def _weigh(self, day: int) -> None:
        """An evaluation day begins: what he is worth counts in the cut-offs, and he comes under them."""
        if any(not voided(order) for order in self.orders):
            self.weighed.append((day, self.measures()["value_total"]))
        self.cut = self.policy["cuts"].get(day, self.cut)
        self.evaluate({"kind": "policy"}, self.clock)

    # --- events ---------------------------------------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        """Whether anything is known of him, besides that he was erased."""
        return self.clock > NEVER and not self.has_left

    def fold(self, event: Event) -> None:
        """One event in log order: dict with `time`, `day`, `id`, `type`, `data`."""
        horizons = self.policy["horizons"]
        high = max(self.high, event["time"])
        if self.is_duplicate(event):
            return
        self.advance(event["time"])
        late = event["time"] < self.clock
        if not self.exists and pareto.asks(self.policy):
            self.cut = pareto.in_force(self.policy, event["time"])
        self.clock = max(self.clock, event["time"])
        self.high = high
        self.remember(event)
        edge = high - horizons["ledger_days"] * DAY
        for order_id in [order_id for order_id, order in self.open.items() if order["time"] < edge]:
            self.closed.append(self.open.pop(order_id))
        kind = self._apply(event, edge)
        while len(self.open) > horizons["ledger_orders"]:
            oldest = min(self.open, key=lambda order_id: (self.open[order_id]["time"], order_id))
            self.closed.append(self.open.pop(oldest))
        if kind is not None:
            self.low = min(self.low, event["time"])
            kind = "late" if kind == "event" and late else kind
            self.evaluate({"kind": kind, "event_id": event["id"]}, self.clock)

    def refuse(self, event: Event, code: str) -> None:
        """An event that the policy refuses: its id is remembered, and nothing else."""
        if not self.is_duplicate(event):
            self.rejected.append((event["id"], code))
            self.remember(event)

    def is_duplicate(self, event: Event) -> bool:
        known: bool = self.ids.get(event["id"], -(DAY**3)) >= max(self.high, event["time"]) - self.policy["horizons"]["dedup_days"] * DAY
        self.duplicates += known
        return known

    def remember(self, event: Event) -> None:
        """Note the id; forget those behind the horizon and the oldest ones beyond the limit."""
        horizons = self.policy["horizons"]
        self.ids[event["id"]] = event["time"]
        edge = self.high - horizons["dedup_days"] * DAY
        kept = sorted((time, name) for name, time in self.ids.items() if time >= edge)
        self.ids = {name: time for time, name in kept[-horizons["dedup_events"] :]}

    def _apply(self, event: Event, edge: int) -> str | None:
        """Take the event into the facts; the kind of cause, or None when it was rejected."""
        if event["type"] == "order.placed":
            return self._place(event, edge)
        if event["type"] in OF_AN_ORDER:
            if event["data"]["order_id"] in self.open:
                accepted = self.amend(event)
            else:
                self.waiting.append((self.clock + self.policy["horizons"]["pending_days"] * DAY, event))
                accepted = True
            kind = "event" if event["type"] == "payment.received" else "void"
            return kind if accepted else None
        note_referral(self.referred, event)
        self.others.append(event)
        return "event"

    def _place(self, event: Event, edge: int) -> str | None:
        data = event["data"]
        order_id = data["order_id"]
        if event["time"] < edge:
            self.rejected.append((event["id"], "order_closed"))
            return None
        if order_id in self.open:
            self.rejected.append((event["id"], "order_exists"))
            return None
        groups = {self.policy["groups"].get(line.get("category"), "default") for line in data.get("lines", [])}
        self.open[order_id] = {
            "time": event["time"],
            "day": event["day"],
            "id": event["id"],
            "total": data["total_minor"],
            "discount": data.get("discount_minor", 0),
            "cost": data.get("cost_minor"),
            "groups": groups or {"default"},
            "cancelled": False,
            "refunds": {},
            "late_days": [],
        }
        waited = [entry for entry in self.waiting if entry[1]["data"]["order_id"] == order_id]
        self.waiting = [entry for entry in self.waiting if entry not in waited]
        for _, amendment in waited:
            self.amend(amendment)
        return "void" if any(amendment["type"] != "payment.received" for _, amendment in waited) else "event"

    def amend(self, event: Event) -> bool:
        """Apply a cancel, refund or payment to its open order; False when it was rejected."""
        order, data = self.open[event["data"]["order_id"]], event["data"]
        if event["type"] == "order.cancelled":
            order["cancelled"] = True
        elif event["type"] == "payment.received":
            order["late_days"].append(max(0, (event["time"] - data["due_at"]) // DAY))
        elif data["refund_id"] in order["refunds"]:
            self.rejected.append((event["id"], "refund_exists"))
            return False
        else:
            order["refunds"][data["refund_id"]] = data["amount_minor"]
        return True

    # --- evaluation -----------------------------------------------------------------------------------------------

    def measures(self, clock: int | None = None) -> dict[str, Any]:
        """All measures at the customer's clock, or at a later one."""
        return measure(self.orders, self.others, self.clock if clock is None else clock, self.policy, list(self.referred.values()))

    def _lifecycle(self, lead: dict[str, Any] | None) -> str:
        if lead:
            return "active" if self.clock < lead["inactive_at"] else "inactive"
        said = latest(event for event in self.others if event["type"].startswith("lead."))
        if said and said["type"] == "lead.ruled_out":
            return "other"
        if self.orders or any(event["type"] in RELATIONS for event in self.others):
            return "potential"
        return "possibly_interested"

    def _churn_risk(self, lead: dict[str, Any] | None, lifecycle: str) -> str | None:
        if lead is None or lifecycle != "active":
            return None
        for level in ("high", "medium"):
            if self.clock >= lead["last_ms"] + lead["patience_ms"] * self.policy["churn_risk"][f"{level}_pct"] // 100:
                return level
        return "low"

    def _winback(self, lead: dict[str, Any] | None, lifecycle: str) -> str:
        if lead is None or lifecycle != "inactive":
            return "none"
        for tier in ("gone", "cooling"):
            if self.clock >= lead["inactive_at"] + self.policy["winback"][f"{tier}_days"] * DAY:
                return tier
        return "recent"

    def _class(self, computed: str | None) -> str | None:
        """The class after the anti-flap rule."""
        current, dwell = self.statuses["class"], self.policy["downgrade_dwell_days"] * DAY
        if computed is None:
            self.hold = None
            return None
        if current is None or CLASSES.index(computed) >= CLASSES.index(current) or dwell == 0:
            self.hold = None
            return computed
        if self.hold is None:
            self.hold = self.clock
        if self.clock >= self.hold + dwell:
            current = CLASSES[CLASSES.index(current) - 1]
            self.hold = None if current == computed else self.clock
        return current

    def _compute(self, lead: dict[str, Any] | None) -> dict[str, str | None]:
        lifecycle = self._lifecycle(lead)
        now: dict[str, str | None] = {
            "lifecycle": lifecycle,
            "churn_risk": self._churn_risk(lead, lifecycle),
            "winback": self._winback(lead, lifecycle),
        }
        if "opportunity" in self.statuses:
            now["opportunity"] = opportunity.judge(self.orders, self.clock, self.policy)
        measures = self.measures() if {"class", "segment"} & set(self.statuses) else {}
        if "class" in self.statuses:
            now["class"] = self._class(pareto.compute(self.policy, self.cut, measures))
        klass = now.get("class")
        if "segment" in self.statuses:
            self.exit_since = segment.since(segment.exit_rule(self.policy), self.exit_since, measures, self.clock)
            now["segment"] = segment.judge(self.policy, now, measures, self.exit_since, self.clock)
        if "label" in self.statuses:
            now["label"] = self.policy["labels"][klass] if klass else None
        if "service_level" in self.statuses:
            now["service_level"] = segment.service_level(self.policy, now.get("segment"), klass)
        if "contact" in self.statuses:
            now["contact"] = contact.judge(self._facts(now))
        return now

    def _facts(self, now: dict[str, str | None]) -> contact.Facts:
        facts = {"orders": self.orders, "others": self.others, "low": self.low, "clock": self.clock}
        return facts | {"measures": self.measures(), "now": now, "policy": self.policy}

    def evaluate(self, cause: dict[str, Any], clock: int) -> None:
        self.publish(*self.judge(), cause, clock)

    def judge(self) -> tuple[dict[str, str | None], int | None]:
        """All statuses at the clock, and when he turns inactive, if that is near."""
        lead = leading([order for order in self.orders if not voided(order)], self.policy)
        now = self._compute(lead)
        return now, lead["inactive_at"] if lead and now["churn_risk"] == "high" else None

    def publish(self, now: dict[str, str | None], wanted: int | None, cause: dict[str, Any], clock: int) -> None:
        """Say what has changed, what will (`wanted` is when he turns inactive, if that is near), and what it sets in motion."""
        done = []
        for dimension in self.statuses:
            before = self.statuses[dimension]
            if now[dimension] == before:
                continue
            change: dict[str, Any] = {"dimension": dimension, "from": before, "to": now[dimension]}
            change |= {"sequence": len(self.changes) + 1, "effective_at": clock, "cause": cause, "revokes": None}
            previous = next((old for old in reversed(self.changes) if old["dimension"] == dimension), None)
            if cause["kind"] in ("late", "void") and previous and previous["from"] == now[dimension]:
                change["revokes"] = previous["sequence"]
            live_since = self.policy["live_since"]
            change["origin"] = "backfill" if live_since is not None and clock < live_since else "live"
            self.statuses[dimension] = now[dimension]
            self.changes.append(change)
            done.append(change)
        self.notices += reactions.noticed(self.announced, wanted, self.statuses["lifecycle"], self.clock)
        self.announced = wanted
        for kind in reactions.said(done, cause):
            advice = contact.advice(self._facts(now)) if kind == "contact.advised" else None
            self.reactions.append({"type": kind, "at": self.clock, "advice": advice})
