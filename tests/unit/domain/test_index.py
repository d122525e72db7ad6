"""A state that is kept open, with its indexes, is the state that is decoded anew before every event, which has none."""

import random

from stream_app.codec.state import decode_state, encode_state
from stream_app.domain import evaluate
from stream_app.domain.events import Event
from stream_app.domain.facts.state import INDEXES, State
from stream_app.domain.settle import Outcome
from tests.builders import RAW, WHO, at, cancel, order, policy, refund

EVENTS = 1_500


def life(chance: random.Random) -> list[Event]:
    """Orders, some of them late, on one day or twice under one id; cancels and refunds, some before their order; events twice."""
    events: list[Event] = []
    for number in range(EVENTS):
        day = number / 8 - chance.choice((0, 0, 0, 3, 40))
        kind = chance.random()
        known = f"o-{max(0, number - chance.randrange(-2, 900))}"
        if kind < 0.75:
            events.append(order(at(day), f"o-{number}" if kind < 0.73 else known, chance.randrange(1, 5) * 100))
        elif kind < 0.85:
            events.append(refund(at(day), 30, known, f"r-{chance.randrange(200)}", event_id=f"refund-{number}"))
        elif kind < 0.93:
            events.append(cancel(at(day), known, f"cancel-{number}"))
        else:
            events.append(chance.choice(events or [order(at(0))]))
    return events


def test_an_open_state_is_what_a_decoded_one_is() -> None:
    terms = policy(ledger_orders=400, dedup_events=500, pending_days=20, dedup_days=90)
    kept: State | None = None
    anew: State | None = None
    said, said_anew = Outcome(), Outcome()
    for event in life(random.Random(5)):
        if kept is not None:
            evaluate.advance(WHO, kept, event.time_ms, terms, said)
        kept = evaluate.apply(WHO, kept, event, RAW, terms, said)
        if anew is not None:
            anew = decode_state(encode_state(anew))
            evaluate.advance(WHO, anew, event.time_ms, terms, said_anew)
        anew = evaluate.apply(WHO, anew, event, RAW, terms, said_anew)
        assert kept is not None
        assert anew is not None
        assert encode_state(kept) == encode_state(anew)
    assert kept is not None
    assert all(getattr(kept, name) not in (None, -1) for name in INDEXES), "every index was made"
    assert {rejected.code.value for rejected, _ in said.rejected} >= {"order_exists", "order_unknown", "refund_exists"}
    assert said.duplicates
    assert {"order", "event_id"} <= set(said.forgotten)
    assert [published.id for published in said.published] == [published.id for published in said_anew.published]
    assert [(rejected.code, rejected.detail) for rejected, _ in said.rejected] == [
        (rejected.code, rejected.detail) for rejected, _ in said_anew.rejected
    ]
