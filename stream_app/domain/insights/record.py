"""The published records of a shop, `insights.month` and `insights.now`, from the sums of all partitions."""

from collections.abc import Mapping
from typing import Any, Final

from stream_app.domain.insights.figures import concentrate, log_odds, mean, percent, quantile
from stream_app.domain.insights.tally import NOW, Name

MONTH_TYPE: Final = "insights.month"
NOW_TYPE: Final = "insights.now"
TOPIC: Final = "insights"

Sums = Mapping[Name, int]


def describe_month(month: str, sums: Sums, active_at_start: int, currency: str | None) -> dict[str, Any]:
    """The data of a month; `active_at_start` follows from the months before."""
    new, lost, won_back, left = (sums.get((kind,), 0) for kind in ("new", "lost", "won_back", "left"))
    alarms = sums.get(("false_alarms",), 0)
    return {
        "period": month,
        "currency": currency,
        "active_at_start": active_at_start,
        "new": new,
        "lost": lost,
        "won_back": won_back,
        "left_otherwise": left,
        "active_at_end": active_at_start + new + won_back - lost - left,
        "churn_pct": percent(lost, active_at_start),
        "false_alarms": alarms,
        "false_alarm_pct": percent(alarms, lost),
        "revoked": sums.get(("revoked",), 0),
        "lag_days": _lag(sums),
        "brought_back": _brought_back(sums),
    }


def describe_now(sums: Sums, currency: str | None) -> dict[str, Any]:
    """The data of `now`."""
    counts = _by_value(sums, "count")
    lifecycle = counts.get("lifecycle", {})
    lost, kept = lifecycle.get("inactive", 0), lifecycle.get("active", 0)
    return {
        "period": NOW,
        "currency": currency,
        "customers": sum(lifecycle.values()),
        "counts": counts,
        "erased": _by_value(sums, "erased"),
        "lost": lost,
        "kept": kept,
        "product_groups": _products(sums, "group", lost, kept),
        "categories": _products(sums, "category", lost, kept),
        "brought_back": _brought_back(sums),
        "revenue": _revenue(sums),
    }


def flows(sums: Sums) -> dict[str, int]:
    """By month how many more customers were active at its end than at its start; of the sums of `now`."""
    return {name[1]: amount for name, amount in sums.items() if name[0] == "flow"}


def _by_value(sums: Sums, what: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, count in sorted(sums.items()):
        if name[0] == what:
            found.setdefault(name[1], {})[name[2]] = count
    return found


def _lag(sums: Sums) -> dict[str, int | float] | None:
    histogram = {int(name[1]): count for name, count in sums.items() if name[0] == "lag_days"}
    if not histogram:
        return None
    return {
        "count": sum(histogram.values()),
        "mean": mean(histogram),
        "median": quantile(histogram, 50),
        "p90": quantile(histogram, 90),
        "min": min(histogram),
        "max": max(histogram),
    }


def _brought_back(sums: Sums) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for field, what in (("product_groups", "back_group"), ("categories", "back_category")):
        rows = sorted((-count, name[1]) for name, count in sums.items() if name[0] == what)
        found[field] = [{"name": name, "customers": -count} for count, name in rows]
    return found


def _products(sums: Sums, what: str, lost: int, kept: int) -> list[dict[str, Any]]:
    """A row for each product; first those whose buyers are lost more often for sure, by where the interval begins."""
    rows = []
    for product in {name[1] for name in sums if name[0] == what}:
        lost_with, kept_with = sums.get((what, product, "lost"), 0), sums.get((what, product, "kept"), 0)
        odds = log_odds(lost_with, kept_with, lost, kept)
        row = {"name": product, "lost": lost_with, "kept": kept_with, "log_odds": odds.value}
        rows.append({**row, "low": odds.low, "high": odds.high, "corrected": odds.corrected})
    return sorted(rows, key=lambda row: (-row["low"], row["name"]))


def _revenue(sums: Sums) -> dict[str, int | float | None]:
    buckets = {
        int(name[1]): (count, sums[("revenue", name[1], "minor")])
        for name, count in sums.items()
        if name[0] == "revenue" and name[2] == "customers"
    }
    found = concentrate(buckets)
    return {
        "customers": found.customers,
        "total_minor": found.total_minor,
        "top_customers": found.top_customers,
        "top_minor": found.top_minor,
        "top_share_pct": percent(found.top_minor, found.total_minor),
    }
