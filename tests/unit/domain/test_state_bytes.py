"""A state as bytes: versioned, canonical, bounded (domain.md, Bounded state; choices: flat columns)."""

import re
from dataclasses import fields
from typing import Any

import pytest

from stream_app.codec.columns import to_columns
from stream_app.codec.state import STATE_VERSION, decode_state, encode_facts, encode_state
from stream_app.compiled.finder import source
from stream_app.domain import evaluate
from stream_app.domain.events import Event, OrderPlaced
from stream_app.domain.facts.state import INDEXES, State, new_state
from stream_app.domain.settle import Outcome
from stream_app.errors import VersionError
from tests.builders import DAY, WHO, ZERO, Life, at, contact, event, order, policy, refund

STATE_BYTES_MAX = 512 * 1024


def busy() -> Life:
    return Life().take(
        order(at(0), categories=("red wine", None), cost_minor=3),
        refund(at(1), 5),
        refund(at(1), 5, "o-9"),
        contact(at(2), cost=-7),
        event("lead.ruled_out", at(2), "l"),
        event("preference.set", at(3), "p", preferred_channel="phone", closed_channels=["email", "chat"]),
        event("contact.responded", at(3), "r", channel="visit", outcome="unsubscribed"),
        event("contact.responded", at(3), "s", channel="visit", outcome="positive", campaign_id="\u00fc"),
        event("profile.assessed", at(4), "a", criteria={"z": 1, "a": 2}),
    )


def test_the_first_byte_is_the_version() -> None:
    encoded = encode_state(busy().now)
    assert encoded[0] == STATE_VERSION == 2
    assert decode_state(encoded) == busy().now
    assert encode_state(decode_state(encoded)) == encoded


def test_every_column_is_written_and_read_at_its_place() -> None:
    """The two lists of `codec/columns.py` are written out by hand: they name what `State` declares, in the same order."""
    state = busy().now
    written = to_columns(state)
    names = [field.name for field in fields(State) if field.name not in INDEXES]
    assert [getattr(state, name) for name in names] == written
    assert len({id(column) for column in written if isinstance(column, list)}) == sum(isinstance(column, list) for column in written)
    text = source("codec.columns").read_text().partition("def from_columns")[2]
    places = [found.start() for name in names if (found := re.search(rf"\b{name},", text))]
    assert len(places) == len(names)
    assert places == sorted(places)


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda b: b"\x00" + b[1:], lambda b: b"\x01\x01" + b[1:], lambda b: b[:-1], lambda b: b[:1], lambda b: b + b"x"],
)
def test_damage_is_refused(damage: Any) -> None:
    with pytest.raises(ValueError):
        decode_state(damage(encode_state(busy().now)))


@pytest.mark.parametrize("version", [STATE_VERSION + 1, 255])
def test_a_version_that_is_still_to_come_is_refused_in_one_line(version: int) -> None:
    with pytest.raises(VersionError, match=rf"newer version of stream-app \(layout {version}, .*STREAM_APP_ID") as caught:
        decode_state(bytes([version]) + encode_state(busy().now)[1:])
    assert "\n" not in str(caught.value)


def test_the_same_facts_have_the_same_bytes() -> None:
    events = [event("profile.assessed", at(4), f"a-{name}", criteria={name: 2}) for name in "abc"]
    one, other = Life().take(*events), Life().take(*reversed(events))
    assert encode_facts(one.now) == encode_facts(other.now)
    assert encode_state(one.now) == encode_state(other.now)


@pytest.mark.parametrize("groups", [62, 63, 64, 65, 66, 200])
def test_any_number_of_product_groups(groups: int) -> None:
    names = {f"category {n}": f"group {n:03}" for n in range(groups)}
    life = Life(policy(category_groups=names, rhythms={}))
    life.take(order(at(0), "all", categories=tuple(names)), *[order(at(n), f"o-{n}", categories=(f"category {n}",)) for n in range(groups)])
    state = decode_state(encode_state(life.now))
    assert state == life.now
    assert state.occasions == [1, *[2] * (groups - 1)]
    life.state = state
    life.take(event("order.cancelled", at(groups), "x", order_id="all"))
    assert life.now.occasions == [1] * groups
    assert life.measure("product_groups") == groups


def test_absurd_amounts_fit() -> None:
    most = 2**53 - 1
    events: list[Event] = []
    for n in range(2_100):
        events.append(order(at(0), f"o-{n}", most, cost_minor=-most))
        events.append(contact(at(0) + n, cost=-most))
    late = event("payment.received", at(300), "p", order_id="o-2099", due_ms=-60_000_000_000_000, amount_minor=1)
    life = Life(policy(annual_rate_pct=1_000)).take(*events, late, refund(at(300), most, "o-2098"))
    assert life.now.sums[1] > 2**63
    assert decode_state(encode_state(life.now)) == life.now
    small, large = new_state(0), new_state(0)
    small.sums[0], large.sums[0] = -(2**63), -(2**63) - 1
    assert [decode_state(encode_state(state)).sums[0] for state in (small, large)] == [-(2**63), -(2**63) - 1]
    assert encode_facts(large) != encode_facts(small)


def long(name: str, n: int) -> str:
    return f"{name}-{n}-".ljust(128, "\U0001f600")


def full() -> Life:
    """A customer at every bound: orders, ids and refund ids of 128 characters, in 20 product groups, and waiting events with big bodies."""
    names = {f"category {n}": f"group {n:02}".ljust(100, "x") for n in range(20)}
    life = Life(policy(category_groups=names, rhythms={}))
    events: list[Event] = []
    for n in range(2_100):
        categories = (f"category {n % 20}", f"category {n % 7}")
        data = OrderPlaced(long("order", n), "EUR", 2**53 - 1, 2**53 - 1, 2**53 - 1, categories)
        events.append(Event("order.placed", long("event", n), "acme", "c-1", at(0) + n * DAY // 8, data))
    for n in range(4_200):
        given = {"order_id": long("order", 200 + n % 1_900), "refund_id": long("refund", n), "amount_minor": 1}
        events.append(event("order.refunded", at(280) + n, long("refund", n), **given))
    events += [event("payment.received", at(281) + n, f"w-{n}", order_id=long("missing", n), due_ms=0, amount_minor=1) for n in range(100)]
    events += [event("profile.assessed", at(282) + n, long("a", n), criteria={f"{n}".ljust(60, "c"): 100}) for n in range(120)]
    events += [
        event("contact.made", at(n * 0.7), f"c-{n}", channel="email", direction="outbound", cost_minor=2**53 - 1) for n in range(400)
    ]
    for happened in events:
        body: Any = ("orders", 0, 0, None, b"x" * 9_000, [])
        life.state = evaluate.apply(WHO, life.state, happened, body, life.rules, life.outcome)
    return life


def test_a_full_state_stays_within_its_bound() -> None:
    life = full()
    state = life.now
    assert len(state.order_ids) == 2_000
    assert len(state.seen_ids) == 4_000
    assert sum(len(note.refund_ids) for note in state.notes.values()) == 4_000
    assert 1 < len(state.waiting) < 100
    assert len(state.criteria) == 100
    encoded = encode_state(state)
    assert len(encoded) < STATE_BYTES_MAX
    assert decode_state(encoded) == state
    assert {"order", "event_id", "waiting"} <= set(life.outcome.forgotten)


def test_a_body_too_large_to_wait_is_a_dead_letter_at_once() -> None:

    outcome, body = Outcome(), b"x" * 600_000
    about = event("order.cancelled", ZERO, "x", order_id="o-9")
    state = evaluate.apply(WHO, None, about, ("orders", 0, 0, None, body, []), policy(), outcome)
    assert state is not None
    assert [(rejected.code, raw[4] == body) for rejected, raw in outcome.rejected] == [("order_unknown", True)]
    assert state.waiting == []


def test_a_typical_customer_is_small() -> None:
    life = Life().take(*[order(at(20 * n), f"order-{n:08}", categories=("red wine", "sneakers")) for n in range(12)])
    assert len(encode_state(life.now)) < 1_000
