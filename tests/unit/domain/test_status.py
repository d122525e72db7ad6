"""Lifecycle, churn risk and win-back (domain.md, 3.1, 3.3 and 3.10)."""

import pytest

from stream_app.domain.events import Event
from stream_app.domain.policy import Fixed
from tests.builders import Life, at, cancel, contact, event, order, policy

FIXED = policy(default_rhythm=Fixed(100), rhythms={}, cooling_days=90, gone_days=365)
RELATIONS = [
    contact(at(0)),
    contact(at(0), direction="inbound"),
    event("contact.responded", at(0), "r", channel="email", outcome="neutral"),
    event("interest.shown", at(0), "i", kind="brochure"),
]
NO_RELATIONS = [
    event("lead.identified", at(0), "l"),
    event("preference.set", at(0), "p"),
    event("feedback.given", at(0), "f", kind="idea", accepted=True),
    event("profile.assessed", at(0), "a", criteria={"fit": 50}),
    event("referral.made", at(0), "m", referred_customer_id="c-2"),
    event("payment.received", at(0), "w", order_id="o-9", due_ms=0, amount_minor=1),
]
RULED_OUT = event("lead.ruled_out", at(1), "out")


@pytest.mark.parametrize(
    ("events", "lifecycle"),
    [
        *[([one], "potential") for one in RELATIONS],
        *[([one], "possibly_interested") for one in NO_RELATIONS],
        *[([one, RULED_OUT], "other") for one in [*RELATIONS, *NO_RELATIONS]],
        ([RULED_OUT, event("lead.identified", at(2), "in")], "possibly_interested"),
        ([RULED_OUT, event("lead.identified", at(0), "in")], "other"),
        ([order(at(0)), RULED_OUT], "active"),  # who buys is a customer
        ([order(at(0)), cancel(at(1))], "potential"),  # even a voided order is a relation
        ([order(at(0)), cancel(at(1)), RULED_OUT], "other"),
        ([order(at(0)), order(at(9), "o-2"), cancel(at(9))], "active"),
    ],
)
def test_lifecycle(events: list[Event], lifecycle: str) -> None:
    life = Life(FIXED).take(*events)
    assert life.status("lifecycle") == lifecycle
    assert life.status("winback") == "none"
    assert life.status("churn_risk") == ("low" if lifecycle == "active" else None)
    assert (life.status("class") is None) == (lifecycle != "active")


MOMENTS = [
    # (ms after the order, lifecycle, churn risk, winback) of a patience of 100 days; every moment is inclusive
    (0, "active", "low", "none"),
    (at(50) - at(0) - 1, "active", "low", "none"),
    (at(50) - at(0), "active", "medium", "none"),
    (at(80) - at(0) - 1, "active", "medium", "none"),
    (at(80) - at(0), "active", "high", "none"),
    (at(100) - at(0) - 1, "active", "high", "none"),
    (at(100) - at(0), "inactive", None, "recent"),
    (at(190) - at(0) - 1, "inactive", None, "recent"),
    (at(190) - at(0), "inactive", None, "cooling"),
    (at(465) - at(0) - 1, "inactive", None, "cooling"),
    (at(465) - at(0), "inactive", None, "gone"),
    (at(9999) - at(0), "inactive", None, "gone"),
]


@pytest.mark.parametrize(("after_ms", "lifecycle", "risk", "winback"), MOMENTS)
@pytest.mark.parametrize("by", ["time", "event"])
def test_silence(after_ms: int, lifecycle: str, risk: str | None, winback: str, by: str) -> None:
    life = Life(FIXED).take(order(at(0.3)))
    if by == "time":
        life.until(at(0.3) + after_ms)
    else:
        life.take(event("preference.set", at(0.3) + after_ms, "now"))
    assert [life.status(name) for name in ("lifecycle", "churn_risk", "winback")] == [lifecycle, risk, winback]


def test_silence_is_published_at_its_own_moments() -> None:
    life = Life(FIXED).take(order(at(0))).until(at(9999))
    assert life.changes("churn_risk") == [
        (None, "low", at(0), "event"),
        ("low", "medium", at(50), "time"),
        ("medium", "high", at(80), "time"),
        ("high", None, at(100), "time"),
    ]
    assert life.changes("lifecycle") == [(None, "active", at(0), "event"), ("active", "inactive", at(100), "time")]
    assert life.changes("winback") == [
        (None, "none", at(0), "event"),
        ("none", "recent", at(100), "time"),
        ("recent", "cooling", at(190), "time"),
        ("cooling", "gone", at(465), "time"),
    ]
    assert life.now.deadline_ms is None


def test_shares_of_patience_are_floored_in_milliseconds() -> None:
    life = Life(policy(default_rhythm=Fixed(1), rhythms={}, medium_pct=33, high_pct=67)).take(order(at(0))).until(at(1))
    assert [change[2] - at(0) for change in life.changes("churn_risk")] == [0, 86_400_000 * 33 // 100, 86_400_000 * 67 // 100, 86_400_000]


def test_equal_shares_leave_the_first_out() -> None:
    life = Life(policy(default_rhythm=Fixed(10), rhythms={}, medium_pct=80, high_pct=80)).take(order(at(0))).until(at(10))
    assert [change[1] for change in life.changes("churn_risk")] == ["low", "high", None]
    life = Life(policy(default_rhythm=Fixed(10), rhythms={}, medium_pct=100, high_pct=100)).take(order(at(0))).until(at(10))
    assert [change[1] for change in life.changes("churn_risk")] == ["low", None]
    life = Life(policy(default_rhythm=Fixed(10), rhythms={}, medium_pct=0, high_pct=0)).take(order(at(0)))
    assert life.status("churn_risk") == "high"


def test_a_void_may_skip_tiers_and_take_back() -> None:
    life = Life(FIXED).take(order(at(0)), order(at(550), "o-2"))
    assert life.status("winback") == "none"
    life.take(cancel(at(560), "o-2"))
    assert life.changes("winback")[-1] == ("none", "gone", at(560), "void")
    assert life.changes("lifecycle")[-1] == ("active", "inactive", at(560), "void")
    life.take(order(at(440), "o-3"))  # late: inactive since day 540 only
    assert life.changes("winback")[-1] == ("gone", "recent", at(560), "late")


def test_tiers_of_zero_days_are_passed_at_once() -> None:
    life = Life(policy(default_rhythm=Fixed(10), rhythms={}, cooling_days=0, gone_days=5)).take(order(at(0))).until(at(99))
    assert [change[1:3] for change in life.changes("winback")] == [("none", at(0)), ("cooling", at(10)), ("gone", at(15))]
    life = Life(policy(default_rhythm=Fixed(10), rhythms={}, cooling_days=9, gone_days=0)).take(order(at(0))).until(at(99))
    assert [change[1:3] for change in life.changes("winback")] == [("none", at(0)), ("gone", at(10))]


def test_patience_of_nothing_makes_inactive_at_once() -> None:
    life = Life(policy(default_rhythm=Fixed(0), rhythms={})).take(order(at(0)))
    assert [life.status(name) for name in ("lifecycle", "churn_risk", "winback")] == ["inactive", None, "recent"]
