"""What no customer and no policy may do to a state: outgrow it, or break the rules that read it."""

from typing import Any

import pytest

from stream_app.codec.state import encode_state
from stream_app.domain import evaluate
from stream_app.domain.calendar import Calendar
from stream_app.domain.events import Event, OrderPlaced
from stream_app.domain.policy import Alive, Criterion, GammaGamma, ServiceLevels
from stream_app.domain.profile import profile
from stream_app.domain.settle import Outcome
from tests.builders import DAY, WHO, Life, at, cancel, contact, order, policy

BOUND = 512 * 1024


def test_twenty_years_of_contacts_on_every_channel_stay_within_the_bound() -> None:
    life, most = Life(policy(window_days=7_300)), 2**53 - 1
    for day in range(7_300):
        for channel in ("email", "mailing", "phone", "visit", "chat", "other"):
            for direction in ("inbound", "outbound"):
                life.take(contact(at(day), channel, direction, most))
        if day % 100 == 0:
            life.outcome = Outcome()
    life.take(contact(at(7_300), cost=most))
    assert "contact_day" in life.outcome.forgotten
    assert BOUND * 0.8 < len(encode_state(life.now)) < BOUND
    assert life.measure("contacts") == sum(life.now.bucket_count)
    assert life.measure("contact_cost") == sum(life.now.bucket_cost)


def test_a_hundred_and_fifty_cancels_wait_for_their_orders() -> None:
    events: list[Event] = [cancel(at(1) + n, f"o-{n}") for n in range(150)]
    events += [order(at(0) + n, f"o-{n}") for n in range(150)]
    life, body = Life(), b"x" * 700
    for happened in events:
        raw: Any = ("orders", 0, 0, None, body, [])
        life.state = evaluate.apply(WHO, life.state, happened, raw, life.rules, life.outcome)
    assert life.rejected() == []
    assert (life.now.counting, life.now.waiting) == (0, [])


def test_a_single_large_event_waits() -> None:
    life = Life()
    raw: Any = ("orders", 0, 0, None, b"x" * 300_000, [("kept", None)])
    life.state = evaluate.apply(WHO, None, cancel(at(1)), raw, life.rules, life.outcome)
    assert life.rejected() == []
    assert len(life.now.waiting) == 1


def test_service_levels_of_segments_alone_give_none_by_class() -> None:
    life = Life(policy(service_levels=ServiceLevels({"vip": "gold"}, {}))).take(order(at(0)))
    assert life.status("class") is not None
    assert life.status("service_level") is None


def test_an_event_in_another_currency_is_remembered_and_moves_nothing() -> None:
    life = Life().take(order(at(0), "first"))
    before = life.now.clock_ms, life.now.deadline_ms
    data = OrderPlaced("second", "USD", 1_000)
    foreign = Event("order.placed", order(at(3), "second").id, WHO.shop_id, WHO.customer_id, at(3), data)
    life.take(foreign, foreign, order(at(3), "second"))
    assert [code for code, _ in life.rejected()] == ["currency_mismatch"]
    assert life.outcome.duplicates == 2, "its id is known, whatever the copy says"
    assert (life.now.clock_ms, life.now.deadline_ms) == before


@pytest.mark.parametrize("west", [5, 11])
def test_a_new_time_zone_counts_the_days_anew(west: int) -> None:
    old = policy(calendar=_zone("east", -10), rhythms={}, default_rhythm=Alive(0.5, 0.9, 0.8, 2.4, 0.5, 14, 730))
    new = policy(calendar=_zone("west", west), rhythms={}, default_rhythm=old.default_rhythm, hash="1" * 32, version=2)
    orders = [order(at(0) + hours * 3_600_000, f"o-{hours}") for hours in (2, 20, 30, 44)]
    life, fresh = Life(old).take(*orders), Life(new).take(*orders)
    evaluate.adopt(WHO, life.now, old, new, at(3), life.outcome)
    fresh.until(at(3))
    assert (life.now.occasions, life.now.first_day, life.now.until_ms) == (fresh.now.occasions, fresh.now.first_day, fresh.now.until_ms)
    assert profile(WHO, life.now, new).data["measures"]["occasions"] == fresh.measure("occasions")


def test_absurd_parameters_of_the_model_give_no_deadline_and_no_crash() -> None:
    rhythm = Alive(1e-4, 1e308, 1e-308, 1e308, 1e-4, 14, 730)
    rules = policy(rhythms={}, default_rhythm=rhythm, criteria=(Criterion("p_alive_pct", 1, (10, 50), (50, 100)),))
    life = Life(rules).take(order(at(0)), order(at(9), "o-2")).until(at(2_000))
    assert life.status("lifecycle") == "inactive"


@pytest.mark.parametrize(
    "rhythm",
    [
        pytest.param(Alive(1.0, 5e-324, 1e-300, 1e300, 0.5, 30, 100), id="P(alive) is nothing times infinity"),
        pytest.param(Alive(1e-308, 1e308, 1e-3, 1e300, 0.5, 30, 100), id="the next purchase is expected at no time at all"),
        pytest.param(Alive(1e-308, 0.5, 1e100, 1.0, 0.5, 30, 100, GammaGamma(1.0, 2.0, 1.0)), id="a series that underflows has an end"),
    ],
)
def test_absurd_parameters_of_the_model_give_measures(rhythm: Alive) -> None:
    """A policy may say so, and the worker serves other shops, too: it neither ends nor hangs."""
    life = Life(policy(rhythms={}, default_rhythm=rhythm)).take(order(at(0)), contact(at(5)))
    ahead = life.measure("value_future")
    assert ahead is not None
    assert ahead >= 0
    assert life.measure("p_alive_pct") in range(101)


def _zone(name: str, hours_west: int) -> Calendar:
    first = at(0) // DAY - 2
    return Calendar(name, first, [(first + n) * DAY + hours_west * 3_600_000 for n in range(400)])
