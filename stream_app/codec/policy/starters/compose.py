"""A goal's part and a sector's part -> one commented policy. The same two give the same bytes."""

from dataclasses import asdict
from string import Template

from stream_app.codec.policy.starters.goals import GOALS
from stream_app.codec.policy.starters.parts import Goal, Numbers, Sector
from stream_app.codec.policy.starters.sectors import SECTORS

_DOCUMENT = Template("""\
# A shop's policy: the thresholds behind every status. Check it with `stream-app policy check FILE`,
# publish it with `stream-app policy publish FILE`. Money is in minor units (cents) of `currency`.
$about
# shop: acme                    # without a shop it is the default for every shop that has no policy of its own
version: 1                      # count up with each change
time_zone: UTC                  # IANA name, like Europe/Amsterdam: days begin at its midnight
currency: EUR                   # required; orders in another currency are rejected

margin_pct: $margin_pct                  # the margin of an order that carries no cost of its own

# Which categories of an order line belong together. A category belongs to one group; all others are the group default.
product_groups:
$product_groups

# How long a customer may be silent before he counts as inactive, per product group.
#   own_rhythm: from his own gaps; prior_days and prior_weight help out while he has few
#   fixed:      the same days for everybody
#   alive:      r, alpha, a, b of an MBG/NBD model in days, and the probability theta at which patience ends;
#               with gamma_gamma: {p, q, v}, the model of a purchase's margin, future value is the model's too
rhythm:
$rhythm

churn_risk: $churn_risk
winback: $winback

# live_since: 2026-03-01T00:00:00Z              # changes before it are backfill: they start no win-back and no service level
clock: wall                                     # events: only event times and watermarks move time (for playing history)

window_days: $window_days                                # value and measures look back so far
horizon_days: 365                               # and future value so far ahead
costs:
  channel: $channel
$costs
value: $value

# The score, 0 to 100: each band map gives the points of the highest threshold reached, 0 below the first.
criteria:
$criteria
classes: $classes
downgrade_dwell_days: ${downgrade_dwell}# a lower class must last so long before it counts
labels: {A: gold, B: silver, C: bronze}

# Segments: the first rule whose conditions all hold; without conditions a rule always matches. A condition compares a measure, or
# lifecycle, churn_risk, winback, opportunity or class, with is, in, at_least or below. The rule exit is reserved: whom to part with,
# unless he brings others in, has given accepted feedback, is new, or is strong in an assessed criterion.
segments:
$segments
service_levels: $service_levels

# How often a customer may be contacted, and for which share of his value: by class, else the default. What is left out sets no limit.
contact:
$contact

# Opportunity: revenue that grows to so much of that of the days before, and groups that go with what was bought.
opportunity: {growth_pct: $growth_pct, growth_days: $growth_days}
cross_sell: $cross_sell

# How long single events are remembered: duplicates, events that wait for their order, open orders.
horizons: {dedup_days: 30, pending_days: 30, ledger_days: $ledger_days, suppress_days: 400}
""")


def write_policy(goal: str | None = None, sector: str | None = None) -> str:
    """A commented policy for a goal of `GOALS` in a sector of `SECTORS`; without them the general values."""
    aim, trade = GOALS[goal], SECTORS[sector]
    placed = _DOCUMENT.substitute(
        asdict(trade)
        | asdict(aim)
        | {
            "about": _say_about(goal, sector, aim, trade),
            "downgrade_dwell": f"{aim.downgrade_dwell_days:<26}",
            "window_days": "$window_days",
            "growth_days": "$growth_days",
        }
    )
    return Template(placed).substitute(_count(trade.numbers, aim))


def _say_about(goal: str | None, sector: str | None, aim: Goal, trade: Sector) -> str:
    parts = [f"# Goal {goal}: {aim.words}\n"] if goal is not None else []
    if sector is not None:
        parts.append(f"# Sector {sector}: {trade.words}\n")
    return "#\n" + "".join(parts) if parts else ""


def _count(numbers: Numbers, aim: Goal) -> dict[str, int]:
    """Every number that a text of the other part may hold. Value in total is value now and about as much to come."""
    return asdict(numbers) | {
        "two_gaps": 2 * numbers.gap_days,
        "four_gaps": 4 * numbers.gap_days,
        "six_gaps": 6 * numbers.gap_days,
        "total_low": 2 * numbers.value_low,
        "total_mid": 2 * numbers.value_mid,
        "total_high": 2 * numbers.value_high,
        "twice_young_days": 2 * numbers.young_days,
        "budget_a": aim.budget_a,
        "budget_b": aim.budget_b,
        "budget_default": aim.budget_default,
    }
