"""When deadlines fire: stream time, grace, bound, watermarks, the wall clock, and in which order (domain.md, section 5)."""

import json

import pytest

from stream_app.domain.policy import Fixed
from tests.builders import DAY, at, policy
from tests.unit.processor.rig import RULES, Rig, book, bought, iso, told, watermark

WALL = policy(shop=None, clock="wall", default_rhythm=Fixed(100), rhythms={}, labels=None, service_levels=None, classes=None)
INACTIVE = ("c-1", "inactive", iso(100), "time")
GRACE = 200

HORIZONS: list[tuple[str, int, int | None, int | None, bool]] = [
    # what, the stream time, the bound, the wall clock, whether the deadline of day 100 fires; the grace is 200 ms
    ("not yet", at(100) + GRACE - 1, None, None, False),
    ("stream time less the grace", at(100) + GRACE, None, None, True),
    ("an unread record may be older", at(200), at(100) - 1, None, False),
    ("an unread record as old", at(200), at(100), None, True),
    ("an unread record is younger", at(200), at(150), None, True),
    ("the bound alone is nothing", at(50), at(300), None, False),
    ("the wall clock less the grace", at(50), None, at(100) + GRACE, True),
    ("not before", at(50), None, at(100) + GRACE - 1, False),
]


@pytest.mark.parametrize(("what", "stream", "bound", "wall", "fires"), HORIZONS, ids=[row[0] for row in HORIZONS])
def test_how_far_deadlines_fire(what: str, stream: int, bound: int | None, wall: int | None, fires: bool) -> None:
    rig = Rig(book(WALL), grace_ms=GRACE)
    rig.work(bought(at(0)), told(stream, "c-2"), bound=bound, wall=wall)
    assert (INACTIVE in rig.changes()) == fires


def test_with_the_clock_of_events_the_wall_fires_nothing() -> None:
    rig = Rig(book(RULES))
    rig.work(bought(at(0)), wall=at(9_999))
    assert rig.changes() == [("c-1", "active", iso(0), "event")]


def test_each_shop_has_its_own_time() -> None:
    rig = Rig(book(WALL))
    rig.work(bought(at(0), shop="acme"), told(at(500), shop="other"))
    assert INACTIVE not in rig.changes()
    rig.work(told(at(500), "c-2", shop="acme"))
    assert INACTIVE in rig.changes()


@pytest.mark.parametrize(("moment", "fires"), [(at(100) - 1, False), (at(100), True)])
def test_a_watermark_fires_up_to_and_including_its_time_without_grace(moment: int, fires: bool) -> None:
    rig = Rig(book(RULES), grace_ms=GRACE)
    rig.work(bought(at(0)), watermark(moment))
    assert (INACTIVE in rig.changes()) == fires
    assert rig.counts()["events", "watermark"] == 1


def test_a_watermark_is_of_one_shop() -> None:
    rig = Rig(book(RULES))
    rig.work(bought(at(0)), watermark(at(500), "other"))
    assert INACTIVE not in rig.changes()


def test_an_older_watermark_takes_no_time_back() -> None:
    rig = Rig(book(RULES))
    rig.work(bought(at(0)), watermark(at(99)), watermark(at(20)), bought(at(98), "c-2"))
    rig.work(told(at(100), "c-3"))
    assert INACTIVE in rig.changes()


def test_stream_time_survives_a_restart() -> None:
    rig = Rig(book(RULES), grace_ms=GRACE)
    rig.work(bought(at(0)), watermark(at(60)), told(at(100) + GRACE, "c-2"), fire=False)
    rig.restart()
    assert rig.processor.memo() == rig.memo
    rig.work()
    assert INACTIVE in rig.changes()


def test_a_duplicate_moves_no_stream_time() -> None:
    rig = Rig(book(RULES))
    rig.work(bought(at(0)), told(at(1), "c-2", event_id="t"), told(at(30), "c-2", event_id="t"))
    assert rig.counts()["duplicates",] == 1
    assert rig.memo["streams"]["acme"][0] == at(1)


def test_what_is_rejected_when_folded_moves_stream_time() -> None:
    again = bought(at(100), order_id="o")
    rig = Rig(book(RULES))
    rig.work(bought(at(0), order_id="o"), bought(at(0), "c-2"), again)
    assert [letter.header("error.code") for letter in rig.of("dead-letters")] == ["order_exists"]
    assert ("c-2", "inactive", iso(100), "time") in rig.changes()


def test_what_is_rejected_before_moves_nothing() -> None:
    rig = Rig(book(RULES))
    rig.work(bought(at(0)), bought(at(500), "c-2", currency="USD"))
    assert rig.memo["streams"]["acme"][0] == at(0)


def test_a_customers_deadlines_fire_each_at_its_own_time_before_his_event() -> None:
    rig = Rig(book(RULES))
    rig.work(bought(at(0)), bought(at(300)))
    assert rig.changes() == [
        ("c-1", "active", iso(0), "event"),
        ("c-1", "inactive", iso(100), "time"),
        ("c-1", "active", iso(300), "event"),
    ]
    assert [change[1:3] for change in rig.changes("winback")] == [
        ("none", iso(0)),
        ("recent", iso(100)),
        ("cooling", iso(190)),
        ("none", iso(300)),
    ]


# --- the order of firing


def crowd() -> tuple[Rig, list[tuple[str, str, str]]]:
    """Customers of three shops whose deadlines are mixed, some at one moment; shop names that sort otherwise as keys."""
    rig = Rig(book(RULES))
    who = [(shop, name, day) for day, shop in [(2, "a"), (1, "a-b"), (2, "a-b"), (3, "a"), (1, "z")] for name in ("x", "y/1", "\u00e9")]
    for shop, name, day in who:
        rig.work(bought(at(day), f"{name}-{day}", shop), fire=False)
    expected = []
    for shop, name, day in who:
        for after, to in [(50, "medium"), (80, "high"), (100, None)]:
            expected.append((at(day + after), shop, f"{name}-{day}", str(to)))
    return rig, [(shop, name, to) for _, shop, name, to in sorted(expected)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
@pytest.mark.parametrize("restart", [False, True])
def test_deadlines_fire_by_time_then_shop_then_customer(limit: int, restart: bool) -> None:
    rig, expected = crowd()
    before = len(rig.changes("churn_risk"))
    for shop in ("a", "a-b", "z"):
        rig.work(watermark(at(150), shop), fire=False)
    if restart:
        rig.restart()
    units = rig.drain(limit=limit)
    fired = []
    for output in rig.of("status-changes"):
        event = output.event
        if event["data"]["dimension"] == "churn_risk":
            fired.append((event["source"].removeprefix("/shops/"), event["subject"], str(event["data"]["to"])))
    assert fired[before:] == expected
    assert units >= len(expected) / (8 * limit), "a slice is bounded"


def test_a_slice_is_bounded_even_when_one_jump_passes_years() -> None:
    rules = policy(default_rhythm=Fixed(100), rhythms={}, window_days=30)
    rig = Rig(book(rules))
    rig.work(*[bought(at(day), f"c-{n}") for day in range(25) for n in range(4)])
    rig.work(watermark(at(5_000)), limit=2)
    fired = rig.units[-1].counts["deadlines",]
    assert 0 < fired <= 16
    rig.drain(limit=2)
    assert rig.changes()[-1][1] == "inactive"
    assert len([change for change in rig.changes() if change[1] == "inactive"]) == 4


def test_live_events_go_on_while_a_pile_of_deadlines_waits() -> None:
    rig = Rig(book(RULES))
    rig.work(*[bought(at(0), f"c-{n:03}") for n in range(50)])
    assert rig.work(watermark(at(100)), limit=5) == 5
    # c-049 has not had his turn; his own event must not overtake his deadline.
    assert rig.work(bought(at(99), "c-049"), limit=5) == 5
    assert [change for change in rig.changes() if change[0] == "c-049"] == [
        ("c-049", "active", iso(0), "event"),
        ("c-049", "inactive", iso(100), "time"),
        ("c-049", "active", iso(100), "late"),
    ]
    rig.restart()
    rig.drain(limit=5)
    assert len([change for change in rig.changes() if change[1] == "inactive"]) == 50


def test_a_timer_is_never_late_and_lost_to_nobody() -> None:
    rig = Rig(book(RULES))
    rig.work(bought(at(0)))
    for day in range(1, 140):
        rig.work(told(at(day), "c-2", event_id=f"t-{day}"))
        if day % 7 == 0:
            rig.restart()
    assert rig.changes()[2] == INACTIVE
    assert at(1) - at(0) == DAY


def test_a_deadline_that_fires_before_a_fold_of_the_same_unit_is_not_forgotten() -> None:
    rig = Rig(book(RULES))
    rig.work(bought(at(0)), bought(at(0), "c-2"), fire=False)
    rig.work(told(at(500), "c-3"), fire=False)
    # The engine owes a firing from the unit before: it fires first, then folds others before the customer that has fired.
    rig.work(told(at(501), "c-2", event_id="n-2"), told(at(502), "c-1", event_id="n-1"), fire_first=True)
    mine = [json.loads(output.value or b"") for output in rig.of("status-changes") if output.key == b"acme/c-1"]
    sequences = [event["data"]["sequence"] for event in mine if event["type"] == "status.changed"]
    assert sequences == list(range(1, len(sequences) + 1))
    assert ("c-1", "inactive", "time") in [(customer, value, cause) for customer, value, _, cause in rig.changes()]


def test_a_first_unit_after_a_restart_that_neither_folds_nor_fires_owes_what_was_owed() -> None:
    rig = Rig(book(RULES))
    rig.work(*(bought(at(0), f"c-{number}") for number in range(9)))
    rig.work(watermark(at(300)), limit=1)
    owed = rig.memo["streams"]["acme"]
    assert owed[2] == at(300), "more was due than one unit of work fires"
    rig.restart()
    rig.work(fire=False)
    assert rig.memo["streams"]["acme"] == owed
