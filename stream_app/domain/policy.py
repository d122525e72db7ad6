"""A shop's thresholds, compiled: what the rules read. The document itself is checked in `codec.policy`.

Money in minor units of `currency`; days are counts; `_pct` are whole percentages.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from stream_app.domain.calendar import Calendar
from stream_app.domain.events import CHANNELS, Channel
from stream_app.domain.pareto import ParetoClasses


@dataclass(frozen=True)
class Fixed:
    """`fixed`: patience is `days` after the last order."""

    days: int


@dataclass(frozen=True)
class OwnRhythm:
    """`own_rhythm`: the group's prior pulled toward the customer's own gaps."""

    prior_days: int = 60
    prior_weight: int = 2
    factor_pct: int = 250
    min_days: int = 30
    max_days: int = 730


@dataclass(frozen=True)
class GammaGamma:
    """The Gamma-Gamma model of the margin of one purchase, in minor units."""

    p: float
    q: float
    v: float


@dataclass(frozen=True)
class Alive:
    """`alive`: MBG/NBD parameters with time in days; patience ends where P(alive) falls to `theta`."""

    r: float
    alpha: float
    a: float
    b: float
    theta: float
    min_days: int
    max_days: int
    gamma_gamma: GammaGamma | None = None


Rhythm = Fixed | OwnRhythm | Alive


UNWINDOWED: Final = frozenset({"recency_days", "tenure_days", "strategic", "p_alive_pct"})
"""Measures that do not change when a day leaves the window (besides `criteria.<name>`)."""

TIMED: Final = frozenset({"recency_days", "tenure_days", "p_alive_pct"})
"""Measures that move with time alone, and so have deadlines at the thresholds of their criteria."""

MODELLED: Final = frozenset({"value_future", "value_total"})
"""Measures that do so where the probability model values a group."""


VALUE_NOW: Final = 12
PRODUCT_GROUPS: Final = 13
RECENCY_DAYS: Final = 14
NUMBERS: Final = {
    "orders": 0,
    "revenue": 1,
    "margin": 2,
    "occasions": 11,
    "value_now": VALUE_NOW,
    "product_groups": PRODUCT_GROUPS,
    "recency_days": RECENCY_DAYS,
}
"""Measures that are read without their name on every event: below 12 by their place in `State.sums`."""

BY_NAME: Final = 99
"""The number of all other measures."""


@dataclass(frozen=True)
class Criterion:
    """One line of the score: points of the highest threshold reached. `thresholds` ascend; `points` is parallel to it."""

    measure: str
    weight: int
    thresholds: tuple[int, ...]
    points: tuple[int, ...]
    number: int = BY_NAME  # derived, as in `NUMBERS`

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", NUMBERS.get(self.measure, BY_NAME))


@dataclass(frozen=True)
class ScoreClasses:
    """`classes: {by: score}`: A from `a`, B from `b`, else C."""

    a: int
    b: int


@dataclass(frozen=True)
class Condition:
    """One test of a segment's rule: of a dimension, by its number, or of a measure (then `dimension` is -1).

    `test` is one of is, in, at_least, below.
    `wanted` holds the answers of `is` and `in`, `limit` the bound of `at_least` and `below`.
    """

    measure: str
    dimension: int
    test: str
    wanted: tuple[int | str | None, ...] = ()
    limit: int = 0
    number: int = BY_NAME  # derived, as in `NUMBERS`

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", NUMBERS.get(self.measure, BY_NAME))


@dataclass(frozen=True)
class SegmentRule:
    """A segment of the shop's own: all conditions must hold. The reserved `exit` has its conditions in `ExitRule`."""

    name: str
    when: tuple[Condition, ...]


@dataclass(frozen=True)
class ExitRule:
    """Below which values a customer is to be let go, after how long, and what protects him."""

    value_now_below: int = 0
    value_future_below: int = 1_000
    strategic_below: int = 40
    exit_dwell_days: int = 60
    min_age_days: int = 180
    protect_criteria: dict[str, int] = field(default_factory=dict)
    protect_default: int = 80


@dataclass(frozen=True)
class Segments:
    """The rules in their order, and `exit` among them."""

    rules: tuple[SegmentRule, ...]
    exit: ExitRule | None = None
    # Derived: what can change without an event.
    dimensions: tuple[int, ...] = ()
    timed: tuple[tuple[str, tuple[int, ...]], ...] = ()
    reads_window: bool = False
    reads_score: bool = False

    def __post_init__(self) -> None:
        conditions = [condition for rule in self.rules for condition in rule.when]
        names = {condition.measure for condition in conditions if condition.dimension < 0}
        windowed = any(name not in UNWINDOWED and name != "score" and not name.startswith("criteria.") for name in names)
        thresholds: dict[str, set[int]] = {}
        for condition in conditions:
            if condition.measure in TIMED | MODELLED:
                known = thresholds.setdefault(condition.measure, set())
                if condition.test in ("at_least", "below"):
                    known.add(condition.limit)
                for answer in condition.wanted:
                    if isinstance(answer, int):
                        known.update((answer, answer + 1))
        object.__setattr__(self, "dimensions", tuple(sorted({c.dimension for c in conditions if c.dimension >= 0})))
        object.__setattr__(self, "timed", tuple((name, tuple(sorted(thresholds[name]))) for name in sorted(thresholds)))
        object.__setattr__(self, "reads_window", windowed or self.exit is not None)
        object.__setattr__(self, "reads_score", "score" in names)


@dataclass(frozen=True)
class ServiceLevels:
    """`service_levels`: by segment first, else by class."""

    segment: dict[str, str]
    by_class: dict[str, str]


@dataclass(frozen=True)
class Opportunity:
    """When growth is one, and which groups (values) are offered to those who bought in which group (keys)."""

    growth_pct: int = 150
    growth_days: int = 90
    cross_sell: dict[str, tuple[str, ...]] = field(default_factory=dict)
    related: frozenset[str] = frozenset()  # derived: every group of `cross_sell`

    def __post_init__(self) -> None:
        object.__setattr__(self, "related", frozenset(self.cross_sell).union(*self.cross_sell.values()))


@dataclass(frozen=True)
class Cap:
    """At most `max_contacts` outbound contacts in `per_days` local days: through `channel`, or through all of them (None)."""

    channel: Channel | None
    max_contacts: int
    per_days: int
    kind: int = -1  # derived: how the day buckets call the channel's outbound contacts; negative for all

    def __post_init__(self) -> None:
        if self.channel is not None:
            object.__setattr__(self, "kind", 2 * CHANNELS.index(self.channel))


@dataclass(frozen=True)
class ContactRule:
    """How often, and for how much, a customer may be contacted; None sets no limit."""

    caps: tuple[Cap, ...] = ()
    max_silence_days: int | None = None
    budget_pct: int | None = None


@dataclass(frozen=True)
class ContactRules:
    """The rule of a class, else `default`."""

    by_class: dict[str, ContactRule]
    default: ContactRule | None = None


@dataclass(frozen=True)
class Policy:
    """One version of one shop's policy. `shop` None is the default for every shop without its own."""

    shop: str | None
    version: int
    hash: str
    calendar: Calendar
    currency: str
    margin_pct: int
    category_groups: dict[str, str]
    rhythms: dict[str, Rhythm]
    default_rhythm: Rhythm
    medium_pct: int
    high_pct: int
    live_since_ms: int | None
    clock: Literal["wall", "events"]
    window_days: int
    horizon_days: int
    channel_costs: dict[str, int]
    refund_cost: int
    annual_rate_pct: int
    referral_price: int
    feedback_price: int
    criteria: tuple[Criterion, ...]
    classes: ScoreClasses | None
    downgrade_dwell_days: int
    labels: dict[str, str] | None
    service_levels: ServiceLevels | None
    cooling_days: int
    gone_days: int
    dedup_days: int
    pending_days: int
    ledger_days: int
    ledger_orders: int
    dedup_events: int
    opportunity: Opportunity | None = None
    contact: ContactRules | None = None
    segments: Segments | None = None
    suppress_days: int = 400
    pareto: ParetoClasses | None = None
    # Derived, so that the hot path does not ask again.
    models_value: bool = False
    scores_window: bool = False
    timed_criteria: tuple[Criterion, ...] = ()
    growth_days: int = 0
    bucket_days: int = 0
    has_class: bool = False
    document_hash: str = ""  # `hash` without the cut-offs

    def __post_init__(self) -> None:
        object.__setattr__(self, "has_class", self.classes is not None or self.pareto is not None)
        object.__setattr__(self, "document_hash", self.hash.partition(":")[0])
        rhythms = (*self.rhythms.values(), self.default_rhythm)
        models_value = any(isinstance(rhythm, Alive) and rhythm.gamma_gamma is not None for rhythm in rhythms)
        object.__setattr__(self, "models_value", models_value)
        names = [criterion.measure for criterion in self.criteria]
        windowed = any(name not in UNWINDOWED and not name.startswith("criteria.") for name in names)
        object.__setattr__(self, "scores_window", windowed)
        timed = TIMED | MODELLED if models_value else TIMED
        object.__setattr__(self, "timed_criteria", tuple(c for c in self.criteria if c.measure in timed))
        object.__setattr__(self, "growth_days", 0 if self.opportunity is None else self.opportunity.growth_days)
        contact = self.contact or ContactRules({})
        rules = [*contact.by_class.values(), *([contact.default] if contact.default is not None else [])]
        object.__setattr__(self, "bucket_days", max([self.window_days, *[cap.per_days for rule in rules for cap in rule.caps]]))
