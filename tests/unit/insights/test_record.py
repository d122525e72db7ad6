"""The records that are made of a shop's sums."""

from stream_app.domain.insights.record import describe_month, describe_now
from stream_app.domain.insights.tally import NOW, Name, Tally, month_of
from tests.builders import policy


def test_a_month_of_nothing_is_whole() -> None:
    assert describe_month("2026-03", {}, 0, None) == {
        "period": "2026-03",
        "currency": None,
        "active_at_start": 0,
        "new": 0,
        "lost": 0,
        "won_back": 0,
        "left_otherwise": 0,
        "active_at_end": 0,
        "churn_pct": None,
        "false_alarms": 0,
        "false_alarm_pct": None,
        "revoked": 0,
        "lag_days": None,
        "brought_back": {"product_groups": [], "categories": []},
    }


def test_a_month() -> None:
    sums: dict[Name, int] = {("new",): 10, ("lost",): 6, ("won_back",): 2, ("left",): 1, ("false_alarms",): 1, ("revoked",): 3}
    sums |= {("lag_days", "30"): 5, ("lag_days", "91"): 1, ("back_group", "wine"): 1, ("back_group", "ale"): 1, ("back_group", "tea"): 2}
    found = describe_month("2026-03", sums, 120, "EUR")
    assert (found["active_at_start"], found["active_at_end"]) == (120, 125)
    assert (found["churn_pct"], found["false_alarm_pct"], found["left_otherwise"], found["revoked"]) == (5.0, 16.67, 1, 3)
    assert found["lag_days"] == {"count": 6, "mean": 40.17, "median": 30, "p90": 91, "min": 30, "max": 91}
    groups = [(row["name"], row["customers"]) for row in found["brought_back"]["product_groups"]]
    assert groups == [("tea", 2), ("ale", 1), ("wine", 1)]  # most first, then by name


def test_now() -> None:
    sums: dict[Name, int] = {("count", "lifecycle", "active"): 110, ("count", "lifecycle", "inactive"): 20, ("count", "class", "A"): 9}
    sums |= {("erased", "lifecycle", "inactive"): 1, ("flow", "2026-03"): 4}
    sums |= {("category", "rare", "kept"): 1, ("category", "wine", "lost"): 12, ("category", "wine", "kept"): 80}
    sums |= {
        ("revenue", "100", "customers"): 5,
        ("revenue", "100", "minor"): 500,
        ("revenue", "90", "customers"): 1,
        ("revenue", "90", "minor"): 90,
    }
    found = describe_now(sums, "EUR")
    assert (found["customers"], found["lost"], found["kept"]) == (130, 20, 110)
    assert found["counts"] == {"class": {"A": 9}, "lifecycle": {"active": 110, "inactive": 20}}
    assert found["erased"] == {"lifecycle": {"inactive": 1}}
    # Nobody lost has bought the rare one: its corrected ratio is the larger, and says the less.
    assert [(row["name"], row["lost"], row["kept"], row["corrected"]) for row in found["categories"]] == [
        ("wine", 12, 80, False),
        ("rare", 0, 1, True),
    ]
    assert found["categories"][1]["log_odds"] > found["categories"][0]["log_odds"]
    assert found["revenue"] == {"customers": 6, "total_minor": 590, "top_customers": 2, "top_minor": 200, "top_share_pct": 33.9}


def test_a_month_is_the_shops_own() -> None:
    assert month_of(policy().calendar, 31 * 86_400_000 - 1) == "1970-01"
    assert month_of(policy().calendar, 31 * 86_400_000) == "1970-02"
    assert month_of(policy().calendar, -1) == "1969-12"


def test_what_comes_to_nothing_is_forgotten_and_times_only_grow() -> None:
    tally, other = Tally(), Tally()
    tally.add(NOW, ("lost",), 2)
    other.add(NOW, ("lost",), -2)
    tally.touch(NOW, 5)
    other.touch(NOW, 3)
    tally.merge(other)
    assert (tally.sums, tally.times) == ({NOW: {}}, {NOW: 5})
