"""What one customer's events mean for another: events that are derived, and folded where the other lives (domain.md, section 2).

They carry the time of the event that caused them. `State.told` numbers what a customer has told, so that every one of them has
an id of its own, and the same one in every replay.
"""

from collections.abc import Sequence
from typing import Final

from stream_app.domain.changes import Who, identify
from stream_app.domain.events import Event, EventData, ReferralFirstOrder, ReferralKnown, RelationErased
from stream_app.domain.facts.state import State

KNOWN: Final = "referral.known"
FIRST_ORDER: Final = "referral.first_order"
ERASED: Final = "relation.erased"


def tell_referred(who: Who, state: State, time_ms: int, referred: str) -> Event:
    """Tell a customer, or one who may become one, who has referred him."""
    return _tell(KNOWN, who, state, time_ms, referred, ReferralKnown(who.customer_id, referred))


def tell_first_order(who: Who, state: State, time_ms: int, referrers: Sequence[str]) -> list[Event]:
    """Tell referrers, in the order of their ids, when the customer's earliest counting order was, if there is one."""
    at_ms = state.first_ms if state.counting else None
    return [
        _tell(FIRST_ORDER, who, state, time_ms, referrer, ReferralFirstOrder(who.customer_id, at_ms, state.told + 1))
        for referrer in referrers
    ]


def tell_erased(who: Who, state: State, time_ms: int, digest: str) -> list[Event]:
    """Tell all who know the name of an erased customer, without naming him."""
    known_to = sorted({*state.referrers, *state.referred})
    return [_tell(ERASED, who, state, time_ms, receiver, RelationErased(digest)) for receiver in known_to]


def answer_erased(who: Who, time_ms: int, referrer: str, digest: str) -> Event:
    """Tell one who refers to an erased customer with an event from before the erasure that there is nobody."""
    return Event(ERASED, identify(ERASED, who, time_ms, 0, referrer), who.shop_id, referrer, time_ms, RelationErased(digest))


def _tell(kind: str, who: Who, state: State, time_ms: int, receiver: str, data: EventData) -> Event:
    state.told += 1
    event_id = identify(kind, who, state.born_ms, state.told, receiver)
    return Event(kind, event_id, who.shop_id, receiver, time_ms, data)
