"""False alarms against lag: the rule as tables."""

from typing import Any

import pytest

from stream_app.domain.calendar import DAY_MS
from stream_app.domain.policy import Fixed, OwnRhythm
from stream_app.replay.calibrate.frontier import Silences, candidates, choose, find_row
from stream_app.replay.calibrate.purchases import Purchase
from stream_app.replay.calibrate.report import _frontier

WHO = ("acme", "c")


def _buyer(*days: float) -> list[Purchase]:
    return [Purchase(int(day * DAY_MS), int(day), 100, 40) for day in days]


@pytest.mark.parametrize(
    ("days", "end", "patience", "alarms", "reversed_"),
    [
        ((0,), 29.9, 30, 0, 0),  # not yet
        ((0,), 30, 30, 1, 0),  # at the very moment
        ((0, 30), 30, 30, 1, 1),  # the deadline comes before the purchase of the same moment
        ((0, 29.9), 59.8, 30, 0, 0),
        ((0, 40), 60, 30, 1, 1),  # lost, and back
        ((0, 40), 80, 30, 2, 1),  # and lost for good
        ((0, 0, 0), 35, 30, 1, 0),  # three orders at once are one silence
        ((0, 50, 100, 150), 150, 30, 3, 3),
    ],
)
def test_alarms(days: tuple[float, ...], end: float, patience: int, alarms: int, reversed_: int) -> None:
    row = Silences({WHO: _buyer(*days)}, int(end * DAY_MS)).judge(Fixed(patience))
    assert (row["alarms"], row["reversed"]) == (alarms, reversed_)
    assert row["lag_median_days"] == (patience if alarms else None)
    assert row["false_alarm_pct"] == (round(100 * reversed_ / alarms, 1) if alarms else None)


def test_own_rhythm_grows_with_the_customers_own_gaps() -> None:
    """Prior 10 at weight 1, factor 100: after (0) 10 days, after (0, 30) (10 + 30) / 2 = 20 days."""
    rhythm = OwnRhythm(10, 1, 100, 1, 730)
    assert Silences({WHO: _buyer(0, 30)}, 49 * DAY_MS).judge(rhythm)["alarms"] == 1
    assert Silences({WHO: _buyer(0, 30)}, 50 * DAY_MS).judge(rhythm)["lag_median_days"] == 15.0


def _row(alarms: int, reversed_: int, lag: float, days: int = 1) -> dict[str, Any]:
    share = round(100 * reversed_ / alarms, 1) if alarms else None
    return {
        "method": "fixed", "parameters": {"days": days}, "alarms": alarms, "reversed": reversed_,
        "false_alarm_pct": share, "lag_median_days": lag,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        ([_row(100, 40, 30), _row(90, 18, 60), _row(80, 8, 90)], 1),  # the shortest lag within 20 %
        ([_row(100, 40, 30), _row(90, 30, 60)], 1),  # none within: the fewest false alarms
        ([_row(100, 40, 30), _row(10, 1, 20), _row(90, 18, 60)], 2),  # one that notices next to nobody is not chosen for it
        ([_row(0, 0, 0.0)], None),
        ([], None),
    ],
)
def test_choose(rows: list[dict[str, Any]], chosen: int | None) -> None:
    assert choose(rows, 20.0) == (None if chosen is None else rows[chosen])


def test_a_setting_that_notices_next_to_nobody_is_no_point_of_the_chart() -> None:
    rows = [_row(100, 40, 30), _row(10, 1, 20, 2)]
    page = _frontier({"frontier": rows, "proposed": None}, 20.0)
    assert page.count("% false, noticed after") == 1
    assert "less than half of the losses: 1." in page
    assert "less than half" not in _frontier({"frontier": rows[:1], "proposed": None}, 20.0)


def test_a_row_is_found_again_by_its_rhythm() -> None:
    rows = [_row(1, 0, 30, 30), _row(1, 0, 60, 60)]
    assert find_row(rows, {"method": "fixed", "days": 60, "gamma_gamma": {}}) == 1
    assert find_row(rows, {"method": "fixed", "days": 61}) == find_row(rows, None) == -1


def test_what_is_compared_without_gaps_or_model_is_fixed_days_alone() -> None:
    found = list(candidates(None, None))
    assert {type(rhythm) for rhythm in found} == {Fixed}
    assert {60, 90, 180} <= {rhythm.days for rhythm in found if isinstance(rhythm, Fixed)}
