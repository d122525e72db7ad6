"""What a goal and a sector each decide. Their texts may hold numbers of the other: `$gap_days`, `$budget_a`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Numbers:
    """A sector's measures of a usual customer, for the thresholds of a goal. Money in minor units."""

    gap_days: int
    """Days between two purchases in the main product group."""
    order_margin: int
    """What a usual order leaves."""
    value_low: int
    """What a customer leaves in the window, from modest ..."""
    value_mid: int
    value_high: int
    """... to excellent."""
    few: int
    """Days with a purchase in the window, from an occasional customer ..."""
    some: int
    many: int
    """... to a faithful one."""
    young_days: int
    """How long a customer is new, and nothing can be said of him."""
    window_days: int = 365
    growth_days: int = 90
    """Long enough to hold a few usual gaps, so that growth is more than an order that came early."""


@dataclass(frozen=True)
class Sector:
    """How people buy in a trade, and what it costs to serve them. Every text is the inside of a section."""

    words: str
    margin_pct: int
    product_groups: str
    rhythm: str
    winback: str
    channel: str
    costs: str
    value: str
    contact: str
    cross_sell: str
    numbers: Numbers
    ledger_days: int = 730


@dataclass(frozen=True)
class Goal:
    """What the shop wants most. Every text is the inside of a section."""

    words: str
    churn_risk: str
    criteria: str
    classes: str
    downgrade_dwell_days: int
    segments: str
    service_levels: str
    growth_pct: int
    budget_a: int
    budget_b: int
    budget_default: int
