"""What a month of a shop counts, and in which month a moment lies, one rule a row (domain.md, section 8)."""

from datetime import datetime
from typing import Any

import pytest

from stream_app.domain.insights.record import describe_month, describe_now
from stream_app.domain.insights.tally import Name, month_of
from stream_app.domain.insights.turns import Kind, kind_of
from tests.unit.domain.test_calendar import calendar

KINDS: list[tuple[str | None, str | None, Kind]] = [
    # (lifecycle from, to, what the change counts for)
    ("active", "inactive", "lost"),
    ("inactive", "active", "won_back"),
    (None, "active", "new"),
    ("other", "active", "new"),
    ("possibly_interested", "active", "new"),
    ("potential", "active", "new"),
    ("active", "potential", "left"),
    ("active", "other", "left"),
    ("active", None, "left"),
    ("inactive", "potential", ""),
    ("inactive", None, ""),
    (None, "inactive", ""),
    ("potential", "other", ""),
]


@pytest.mark.parametrize(("before", "after", "kind"), KINDS, ids=[f"{row[0]} to {row[1]}" for row in KINDS])
def test_what_a_turn_counts_for(before: str | None, after: str | None, kind: Kind) -> None:
    assert kind_of(before, after) == kind


Sums = dict[Name, int]
FIGURES: list[tuple[str, Sums, int, dict[str, Any]]] = [
    # (what, the sums of the month, active at its start, figures)
    ("nobody was active", {("lost",): 2, ("new",): 2}, 0, {"churn_pct": None, "active_at_end": 0}),
    ("nobody was lost", {}, 50, {"churn_pct": 0.0, "lag_days": None, "false_alarm_pct": None}),
    ("one of three", {("lost",): 1}, 3, {"churn_pct": 33.33, "active_at_end": 2}),
    ("all", {("lost",): 4}, 4, {"churn_pct": 100.0, "active_at_end": 0}),
    ("new ones are not in the churn", {("lost",): 1, ("new",): 100}, 4, {"churn_pct": 25.0, "active_at_end": 103}),
    ("nor are those won back", {("lost",): 1, ("won_back",): 6}, 4, {"churn_pct": 25.0, "active_at_end": 9}),
    ("who left otherwise is no loss", {("left",): 1}, 4, {"churn_pct": 0.0, "lost": 0, "active_at_end": 3}),
    ("false alarms", {("lost",): 4, ("false_alarms",): 1}, 10, {"churn_pct": 40.0, "false_alarms": 1, "false_alarm_pct": 25.0}),
    ("revoked ones are told apart", {("revoked",): 3}, 10, {"revoked": 3, "lost": 0, "churn_pct": 0.0, "active_at_end": 10}),
    (
        "the lag of one loss",
        {("lost",): 1, ("lag_days", "40"): 1},
        10,
        {"lag_days": {"count": 1, "mean": 40.0, "median": 40, "p90": 40, "min": 40, "max": 40}},
    ),
    (
        "the lag of ten",
        {("lost",): 10, ("lag_days", "10"): 8, ("lag_days", "20"): 1, ("lag_days", "90"): 1},
        10,
        {"lag_days": {"count": 10, "mean": 19.0, "median": 10, "p90": 20, "min": 10, "max": 90}},
    ),
]


@pytest.mark.parametrize(("what", "sums", "active", "expected"), FIGURES, ids=[row[0] for row in FIGURES])
def test_the_figures_of_a_month(what: str, sums: Sums, active: int, expected: dict[str, Any]) -> None:
    found = describe_month("2026-03", sums, active, "EUR")
    assert {name: found[name] for name in expected} == expected


COUNTS: list[tuple[str, Sums, int, int, int]] = [
    # (what, how many have which value, customers, lost, kept)
    ("nobody", {}, 0, 0, 0),
    ("relations are customers, neither lost nor kept", {("count", "lifecycle", "potential"): 3}, 3, 0, 0),
    ("kept", {("count", "lifecycle", "active"): 3}, 3, 0, 3),
    ("lost", {("count", "lifecycle", "inactive"): 2, ("count", "lifecycle", "active"): 3}, 5, 2, 3),
    ("other dimensions count nobody twice", {("count", "lifecycle", "active"): 3, ("count", "class", "A"): 3}, 3, 0, 3),
    ("the erased are apart", {("count", "lifecycle", "active"): 3, ("erased", "lifecycle", "active"): 9}, 3, 0, 3),
]


@pytest.mark.parametrize(("what", "sums", "customers", "lost", "kept"), COUNTS, ids=[row[0] for row in COUNTS])
def test_who_is_counted_now(what: str, sums: Sums, customers: int, lost: int, kept: int) -> None:
    found = describe_now(sums, "EUR")
    assert (found["customers"], found["lost"], found["kept"]) == (customers, lost, kept)


MONTHS = [
    # (the shop's zone, a moment in UTC, the shop's month)
    ("UTC", "2026-03-31T23:59:59+00:00", "2026-03"),
    ("UTC", "2026-04-01T00:00:00+00:00", "2026-04"),
    ("Europe/Amsterdam", "2026-03-31T21:59:59+00:00", "2026-03"),
    ("Europe/Amsterdam", "2026-03-31T22:00:00+00:00", "2026-04"),
    ("Europe/Amsterdam", "2025-12-31T23:00:00+00:00", "2026-01"),
    ("America/Sao_Paulo", "2026-04-01T02:59:59+00:00", "2026-03"),
    ("America/Sao_Paulo", "2026-04-01T03:00:00+00:00", "2026-04"),
]


@pytest.mark.parametrize(("zone", "moment", "month"), MONTHS)
def test_the_month_of_a_moment_is_the_shops(zone: str, moment: str, month: str) -> None:
    assert month_of(calendar(zone), int(datetime.fromisoformat(moment).timestamp()) * 1000) == month
