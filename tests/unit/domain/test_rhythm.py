"""The turn-over point: patience by three methods, and which product group leads (domain.md, 3.2)."""

import math

import pytest

from stream_app.domain.policy import Alive, Fixed, OwnRhythm, Rhythm
from stream_app.domain.rhythm import expected_days, p_alive, patience_ms, turnover_days
from tests.builders import DAY, Life, at, cancel, order, policy

CDNOW = Alive(r=0.52484, alpha=6.18299, a=0.89136, b=1.61400, theta=0.5, min_days=0, max_days=36500)


def test_the_published_probability_of_being_alive() -> None:
    assert p_alive_fraction(2, 30.43, 38.86) == pytest.approx(0.70613, abs=1e-4)


@pytest.mark.parametrize(("n", "span", "turn"), [(2, 30.43, 57.5578), (0, 0, 12.9815), (7, 29.43, 41.9595)])
def test_the_published_turnover_points(n: int, span: float, turn: float) -> None:
    assert turnover_days(CDNOW, n, span) == pytest.approx(turn, rel=1e-4)  # the vectors are in weeks
    assert p_alive_fraction(n, span, turn) == pytest.approx(0.5, abs=1e-4)


def p_alive_fraction(n: int, span: float, observed: float) -> float:
    return p_alive(CDNOW, n, span, (observed - span) * DAY)


PATIENCE: list[tuple[Rhythm, int, int, int]] = [
    # the method, n, the span and the patience in ms
    (Fixed(400), 0, 0, 400 * DAY),
    (Fixed(400), 9, 90, 400 * DAY),
    (OwnRhythm(60, 2, 250, 30, 730), 0, 0, 150 * DAY),  # 250 % of the prior
    (OwnRhythm(60, 2, 250, 30, 730), 1, 10, 250 * DAY * 130 // 300),  # 250 % of (120 + 10) / 3
    (OwnRhythm(60, 2, 250, 30, 730), 4, 40, 250 * DAY * 160 // 600),
    (OwnRhythm(60, 2, 250, 30, 730), 98, 98, 30 * DAY),  # never below min_days
    (OwnRhythm(60, 2, 250, 30, 730), 1, 2000, 730 * DAY),  # never above max_days
    (OwnRhythm(10, 1, 33, 0, 99), 2, 1, 33 * DAY * 11 // 300),  # floored once, at the end
    (Alive(1, 10, 1, 1, 0.5, 0, 9999), 0, 0, 0),  # odds 1: T = (10 + 0) * 1 - 10
    (Alive(1, 10, 1, 3, 0.5, 0, 9999), 0, 0, 20 * DAY),  # odds 3: T = 10 * 3 - 10
    (Alive(1, 10, 1, 3, 0.5, 0, 9999), 1, 6, math.floor((16 * 4**0.5 - 10 - 6) * DAY)),
    (Alive(1, 10, 1, 3, 0.5, 25, 9999), 0, 0, 25 * DAY),
    (Alive(1, 10, 1, 3, 0.5, 0, 15), 0, 0, 15 * DAY),
    (Alive(1e-3, 10, 1, 3, 1e-3, 0, 800), 0, 0, 800 * DAY),  # the power overflows
]


@pytest.mark.parametrize(("rhythm", "n", "span", "expected_ms"), PATIENCE)
def test_patience(rhythm: Rhythm, n: int, span: int, expected_ms: int) -> None:
    assert patience_ms(rhythm, n, span) == expected_ms


@pytest.mark.parametrize(
    ("rhythm", "n", "span", "days"),
    [
        (Fixed(400), 3, 30, 400),
        (OwnRhythm(60, 2, 250, 30, 730), 0, 0, 60),
        (OwnRhythm(60, 2, 250, 30, 730), 3, 30, 30),
        (OwnRhythm(60, 2, 250, 30, 730), 4, 31, 25),
        (Alive(0.5, 10, 1, 3, 0.5, 0, 9999), 2, 30, 16),
    ],
)
def test_expected_days(rhythm: Rhythm, n: int, span: int, days: int) -> None:
    assert expected_days(rhythm, n, span) == days


TWO_GROUPS = policy(rhythms={"wine": Fixed(10), "shoes": Fixed(30)}, default_rhythm=Fixed(20))


@pytest.mark.parametrize(
    ("orders", "leader", "turn"),
    [
        ([(0, ("red wine",))], "wine", 10),
        ([(0, ("red wine", "sneakers"))], "shoes", 30),
        ([(0, ("sneakers",)), (25, ("red wine",))], "wine", 35),
        ([(0, ("sneakers",)), (19, ("red wine",))], "shoes", 30),
        ([(0, ("sneakers",)), (20, ("red wine",))], "shoes", 30),  # a tie: first by name
        ([(10, ("sneakers",)), (20, ()), (30, ("red wine",))], "default", 40),  # a tie of three
    ],
)
def test_the_leading_group_sets_the_turnover_point(orders: list[tuple[int, tuple[str, ...]]], leader: str, turn: int) -> None:
    life = Life(TWO_GROUPS).take(*[order(at(day), f"o-{day}", categories=categories) for day, categories in orders])
    life.until(at(60))
    inactive = [one.data for one in life.published() if one.data["dimension"] == "lifecycle"][-1]
    assert (inactive["to"], inactive["effective_at"]) == ("inactive", at(turn))
    assert inactive["reason"]["measures"]["product_group"] == leader
    assert inactive["reason"]["thresholds"]["inactive_at"] == at(turn)


def test_a_void_gives_the_turnover_point_of_what_is_left() -> None:
    life = Life(TWO_GROUPS).take(order(at(0), categories=("sneakers",)), order(at(25), "o-2", categories=("red wine",)))
    assert life.now.deadline_ms is not None
    life.take(cancel(at(26), "o-2"))
    life.until(at(40))
    assert life.changes("lifecycle")[-1][:3] == ("active", "inactive", at(30))


def test_last_ms_is_the_latest_order_not_the_latest_arrival() -> None:
    life = Life(TWO_GROUPS).take(order(at(5)), order(at(2), "o-2"))
    life.until(at(30))
    assert life.changes("lifecycle")[-1][:3] == ("active", "inactive", at(25))
