"""The policy document of contract.md as a model: every section, every default, every bound.

The numbers of the contract's sketch are the defaults inside their sections. What concerns more than one field is in checks.py.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, StrictStr, Tag

from stream_app.codec.policy.segments import SegmentRule
from stream_app.codec.policy.zones import check_zone
from stream_app.codec.times import YEAR_1_MS, YEAR_10000_MS, format_time, parse_time_ms

INTEGER_MAX = 2**53 - 1
DAYS_MAX = 36_500
WINDOW_DAYS_MAX = 7_300  # so that a day plus a window stays inside the calendar's table
LEDGER_ORDERS_MAX = 2_000
DEDUP_EVENTS_MAX = 4_000

Money = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
Days = Annotated[int, Field(ge=0, le=DAYS_MAX)]
DaysFromOne = Annotated[int, Field(ge=1, le=DAYS_MAX)]
WindowDays = Annotated[int, Field(ge=1, le=WINDOW_DAYS_MAX)]
Percent = Annotated[int, Field(ge=0, le=100)]
Word = Annotated[str, Field(min_length=1, max_length=128)]
Category = Annotated[str, Field(min_length=1, max_length=256)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Channel = Literal["email", "mailing", "phone", "visit", "chat", "other"]

SECTION = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=False, use_attribute_docstrings=True)
_THRESHOLD = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")


def _check_instant(text: str) -> str:
    time_ms = parse_time_ms(text)
    if time_ms is None or not text[:4].isdigit() or text.startswith("0000"):
        raise ValueError("must be RFC 3339 with an offset, like 2026-03-01T00:00:00Z")
    if not YEAR_1_MS <= time_ms < YEAR_10000_MS:
        raise ValueError("must lie in the years 1 to 9999 of UTC; name the moment from which reactions are wanted, or leave it out")
    return format_time(time_ms)


def _read_thresholds(bands: object) -> object:
    """JSON has no integer keys: thresholds come as strings, and only an integer's own spelling is one."""
    if not isinstance(bands, dict):
        return bands
    read = {int(key) if isinstance(key, str) and _THRESHOLD.fullmatch(key) else key: points for key, points in bands.items()}
    if len(read) != len(bands):
        raise ValueError("must name each threshold once")
    return read


class Section(BaseModel):
    """A part of the document; an unknown field in it is an error."""

    model_config = SECTION


class Fixed(Section):
    """The same patience for everybody."""

    method: Literal["fixed"] = "fixed"
    days: DaysFromOne = 400
    """Days after the last order until the customer counts as inactive."""


class OwnRhythm(Section):
    """Patience from the customer's own gaps, with the group's prior for those who have few."""

    method: Literal["own_rhythm"] = "own_rhythm"
    prior_days: Days = 60
    """The usual number of days between two purchases in this group."""
    prior_weight: Annotated[int, Field(ge=1, le=1_000_000)] = 2
    """How many gaps of his own weigh as much as the prior."""
    factor_pct: Annotated[int, Field(ge=1, le=100_000)] = 250
    """Patience as a percentage of the expected gap."""
    min_days: Days = 30
    max_days: Days = 730


class GammaGamma(Section):
    """The Gamma-Gamma model of the margin of one purchase."""

    p: Positive
    q: Positive
    v: Positive


class Alive(Section):
    """Patience ends where the MBG/NBD probability of being alive falls to theta. Time in days; the parameters have no default."""

    method: Literal["alive"]
    r: Positive
    alpha: Positive
    a: Positive
    b: Positive
    theta: Annotated[float, Field(gt=0, lt=1)] = 0.5
    min_days: Days = 30
    max_days: Days = 730
    gamma_gamma: GammaGamma | None = None


def _name_method(rhythm: object) -> str:
    method = rhythm.get("method", "own_rhythm") if isinstance(rhythm, dict) else getattr(rhythm, "method", "own_rhythm")
    return method if isinstance(method, str) else ""


Rhythm = Annotated[
    Annotated[Fixed, Tag("fixed")] | Annotated[OwnRhythm, Tag("own_rhythm")] | Annotated[Alive, Tag("alive")],
    Discriminator(_name_method, custom_error_type="method", custom_error_message="must be fixed, own_rhythm or alive"),
]


class ChurnRisk(Section):
    """Parts of the patience after which an active customer is at risk."""

    medium_pct: Percent = 50
    high_pct: Percent = 80


class ChannelCosts(Section):
    """What one contact costs, in minor units."""

    email: Money = 5
    mailing: Money = 150
    phone: Money = 600
    visit: Money = 12_000
    chat: Money = 200
    other: Money = 100


class Costs(Section):
    """What serving a customer costs."""

    channel: ChannelCosts = ChannelCosts()
    refund: Money = 500
    """Per refund, in minor units."""
    annual_rate_pct: Annotated[int, Field(ge=0, le=1_000)] = 8
    """The price of money that is paid late."""


class Value(Section):
    """What a customer brings besides his orders, in minor units."""

    referral: Money = 2_500
    feedback: Money = 500


class Criterion(Section):
    """One line of the score."""

    measure: Word
    weight: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    bands: Annotated[
        dict[Annotated[int, Field(ge=-INTEGER_MAX, le=INTEGER_MAX)], Percent],
        Field(min_length=1, max_length=100, json_schema_extra={"propertyNames": {"pattern": f"^{_THRESHOLD.pattern}$"}}),
        BeforeValidator(_read_thresholds),
    ]
    """Threshold -> points; the highest threshold reached counts, below the first it is 0 points."""


class ScoreClasses(Section):
    """Classes from the score: A from `A`, B from `B`, else C."""

    by: Literal["score"] = "score"
    a: Annotated[Percent, Field(alias="A")] = 70
    b: Annotated[Percent, Field(alias="B")] = 40


class ParetoClasses(Section):
    """Classes from the share in the shop's value."""

    by: Literal["pareto"]
    a_pct: Annotated[Percent, Field(alias="A_pct")] = 80
    b_pct: Annotated[Percent, Field(alias="B_pct")] = 95
    evaluate_every_days: DaysFromOne = 30


def _name_by(classes: object) -> str:
    by = classes.get("by", "score") if isinstance(classes, dict) else getattr(classes, "by", "score")
    return by if isinstance(by, str) else ""


Classes = Annotated[
    Annotated[ScoreClasses, Tag("score")] | Annotated[ParetoClasses, Tag("pareto")],
    Discriminator(_name_by, custom_error_type="by", custom_error_message="must be score or pareto"),
]


class PerClass(Section):
    """A word for each class."""

    a: Annotated[Word, Field(alias="A")]
    b: Annotated[Word, Field(alias="B")]
    c: Annotated[Word, Field(alias="C")]


class ServiceLevels(Section):
    """The level by segment, else by class."""

    segment: dict[Word, Word] = {}
    by_class: Annotated[PerClass | None, Field(alias="class")] = None


class ChannelCap(Section):
    """A cap on one channel."""

    max_contacts: Annotated[int, Field(ge=0, le=1_000_000)]
    per_days: WindowDays = 30


class ContactRule(Section):
    """How often and how dearly a customer may be contacted; a missing field sets no limit."""

    max_contacts: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    per_days: WindowDays = 30
    max_silence_days: DaysFromOne | None = None
    budget_pct: Annotated[int, Field(ge=0, le=100_000)] | None = None
    channels: dict[Channel, ChannelCap] = {}


class Contact(Section):
    """Rules per class; `default` for all others."""

    a: Annotated[ContactRule | None, Field(alias="A")] = None
    b: Annotated[ContactRule | None, Field(alias="B")] = None
    c: Annotated[ContactRule | None, Field(alias="C")] = None
    default: ContactRule | None = None


class Opportunity(Section):
    """When growing revenue is an opportunity."""

    growth_pct: Annotated[int, Field(ge=0, le=1_000_000)] = 150
    growth_days: Annotated[int, Field(ge=1, le=WINDOW_DAYS_MAX // 2)] = 90


class Winback(Section):
    """Tiers after the turn-over point."""

    cooling_days: Days = 90
    gone_days: Days = 365


class Horizons(Section):
    """How long, and how many, single events are remembered."""

    dedup_days: DaysFromOne = 30
    pending_days: DaysFromOne = 30
    ledger_days: DaysFromOne = 730
    ledger_orders: Annotated[int, Field(ge=1, le=LEDGER_ORDERS_MAX)] = LEDGER_ORDERS_MAX
    dedup_events: Annotated[int, Field(ge=1, le=DEDUP_EVENTS_MAX)] = DEDUP_EVENTS_MAX
    suppress_days: DaysFromOne = 400
    """How long events from before an erasure are dropped."""


class PolicyDocument(Section):
    """One version of a shop's policy. Without `shop` it is the default for every shop without its own."""

    shop: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")] | None = None
    version: Annotated[int, Field(ge=1, le=INTEGER_MAX)] = 1
    time_zone: Annotated[StrictStr, AfterValidator(check_zone)] = "UTC"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    """ISO 4217 code; orders in another currency are rejected."""
    margin_pct: Percent = 40
    product_groups: dict[Word, Annotated[list[Category], Field(min_length=1)]] = {}
    rhythm: dict[Word, Rhythm] = {}
    """By product group; `default` for all others."""
    churn_risk: ChurnRisk = ChurnRisk()
    live_since: Annotated[StrictStr, AfterValidator(_check_instant)] | None = None
    """Changes before this instant are marked as backfill and start no reactions."""
    clock: Literal["wall", "events"] = "wall"
    window_days: WindowDays = 365
    horizon_days: DaysFromOne = 365
    costs: Costs = Costs()
    value: Value = Value()
    criteria: Annotated[list[Criterion], Field(max_length=100)] = []
    classes: Classes | None = None
    downgrade_dwell_days: Days = 30
    labels: PerClass | None = None
    segments: Annotated[list[SegmentRule], Field(max_length=100)] | None = None
    service_levels: ServiceLevels | None = None
    contact: Contact | None = None
    cross_sell: dict[Word, Annotated[list[Word], Field(min_length=1)]] | None = None
    opportunity: Opportunity | None = None
    winback: Winback = Winback()
    horizons: Horizons = Horizons()

    def canonical(self) -> dict[str, Any]:
        """The document with every default filled in, as JSON values; what the hash is made of, and so without younger defaults."""
        younger = {"horizons": {"suppress_days"}} if self.horizons.suppress_days == Horizons().suppress_days else None
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=younger)
