"""The shapes of what we publish about whole shops, closed; the domain writes them as mappings (`domain.insights.record`)."""

from typing import Annotated

from msgspec import Meta

from stream_app.codec.schemas.outputs import Closed, Count, Dimension

Percent = Annotated[float, Meta(ge=0, description="Rounded to 2 decimals.")]
Month = Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}$", description="A local calendar month of `effective_at`.")]
Currency = Annotated[str | None, Meta(description="ISO 4217; null while the shop's policy is unknown.")]


class LagDays(Closed):
    """How late losses were noticed: whole days since the last counting order."""

    count: Count
    mean: float
    median: int
    p90: int
    min: int
    max: int


class Regained(Closed):
    """How many customers bought it when they came back."""

    name: str
    customers: Annotated[int, Meta(ge=1)]


class BroughtBack(Closed):
    """What customers bought when they came back, the most often bought first."""

    product_groups: list[Regained]
    categories: list[Regained]


class InsightsMonth(Closed):
    """How many customers a shop won and lost in a month. Changes that were revoked are in none of its numbers."""

    period: Month
    currency: Currency
    active_at_start: Annotated[int, Meta(description="Active when the month began, before any change of that moment.")]
    new: Annotated[Count, Meta(description="Anything else than inactive to active.")]
    lost: Annotated[Count, Meta(description="Active to inactive.")]
    won_back: Annotated[Count, Meta(description="Inactive to active.")]
    left_otherwise: Annotated[Count, Meta(description="Active to neither: a void or a merge.")]
    active_at_end: int
    churn_pct: Annotated[Percent | None, Meta(description="Lost of those active at the start; null when there were none.")]
    false_alarms: Annotated[Count, Meta(description="Of the lost: bought again within horizon_days, also when in a later month.")]
    false_alarm_pct: Annotated[Percent | None, Meta(description="Of the lost; null when there are none.")]
    revoked: Annotated[Count, Meta(description="Changes that were taken out of this month.")]
    lag_days: Annotated[LagDays | None, Meta(description="Null when nobody was lost.")]
    brought_back: BroughtBack


class Product(Closed):
    """How often those who bought it are lost, against those who did not buy it."""

    name: str
    lost: Count
    kept: Count
    log_odds: Annotated[
        float, Meta(description="Log of the odds ratio of being lost, 3 decimals; above 0: its buyers are lost more often.")
    ]
    low: Annotated[float, Meta(description="The 95 % interval begins.")]
    high: Annotated[float, Meta(description="It ends.")]
    corrected: Annotated[bool, Meta(description="A cell was 0, and a half was added to all four (Haldane and Anscombe).")]


class Revenue(Closed):
    """How much of the revenue the top 20 % of customers bring: of counting orders, after refunds, since the beginning."""

    customers: Annotated[Count, Meta(description="Those with revenue.")]
    total_minor: Count
    top_customers: Annotated[Count, Meta(description="20 % of them, rounded up.")]
    top_minor: Annotated[Count, Meta(description="Where the 20 % end among customers of about the same revenue, their mean counts.")]
    top_share_pct: Annotated[Percent | None, Meta(description="Null without revenue.")]


class InsightsNow(Closed):
    """How a shop's customers stand now, and what its products have to do with loss."""

    period: str
    currency: Currency
    customers: Annotated[Count, Meta(description="Those with a lifecycle.")]
    counts: Annotated[dict[Dimension, dict[str, Count]], Meta(description="By dimension and value; who has no value is not counted.")]
    erased: Annotated[dict[Dimension, dict[str, Count]], Meta(description="How many of `counts` are of customers who were erased.")]
    lost: Annotated[Count, Meta(description="Inactive now.")]
    kept: Annotated[Count, Meta(description="Active now.")]
    product_groups: Annotated[list[Product], Meta(description="Ordered by `low`, descending: what goes with loss for sure comes first.")]
    categories: list[Product]
    brought_back: BroughtBack
    revenue: Revenue


SHOP_TYPES: dict[str, type[Closed]] = {"insights.month": InsightsMonth, "insights.now": InsightsNow}
