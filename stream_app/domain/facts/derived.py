"""What one customer's events mean for another: events that are derived, and folded where the other lives (domain.md, section 2).

They carry the time of the event that caused them. `State.told` numbers what a customer has told, so that every one of them has
an id of its own, and the same one in every replay.
"""

from collections.abc import Sequence
from typing import Final

from stream_app.domain.events import CustomerFacts, Event, EventData, ReferralFirstOrder, ReferralKnown, RelationErased
from stream_app.domain.facts.notes import Raw
from stream_app.domain.facts.state import State
from stream_app.domain.ids import Who, identify

KNOWN: Final = "referral.known"
FIRST_ORDER: Final = "referral.first_order"
ERASED: Final = "relation.erased"
FACTS: Final = "customer.facts"


def tell_referred(who: Who, state: State, time_ms: int, referred: str) -> Event:
    """Tell a customer, or one who may become one, who has referred him."""
    return _tell(KNOWN, who, state, time_ms, referred, ReferralKnown(who.customer_id, referred))


def tell_first_order(who: Who, state: State, time_ms: int, referrers: Sequence[str], formerly: str | None = None) -> list[Event]:
    """Tell referrers, in the order of their ids, when the customer's earliest counting order was, if there is one.

    `formerly` is who they know him as, before he was merged.
    """
    at_ms = state.first_ms if state.counting else None
    return [
        _tell(FIRST_ORDER, who, state, time_ms, referrer, ReferralFirstOrder(who.customer_id, at_ms, state.told + 1, formerly))
        for referrer in referrers
    ]


def tell_erased(who: Who, state: State, time_ms: int, until_ms: int, digests: Sequence[str]) -> list[Event]:
    """Tell all who know an erased customer by one of his names, without naming him, and those whom he was once: they go with him."""
    digest, *others = digests
    known_to = sorted({*state.referrers, *state.referred})
    told = [_tell(ERASED, who, state, time_ms, receiver, RelationErased(digest, others)) for receiver in known_to]
    return told + tell_absorbed(who, state, time_ms, until_ms, digest)


def tell_absorbed(who: Who, state: State, time_ms: int, until_ms: int, digest: str) -> list[Event]:
    """Tell those who were merged into an erased customer that they are erased with him."""
    return [_tell(ERASED, who, state, time_ms, name, RelationErased(digest, until_ms=until_ms)) for name in state.absorbed]


def answer_erased(who: Who, time_ms: int, referrer: str, digest: str) -> Event:
    """Tell one who refers to an erased customer with an event from before the erasure that there is nobody."""
    return Event(ERASED, identify(ERASED, who, time_ms, 0, referrer), who.shop_id, referrer, time_ms, RelationErased(digest))


def send_facts(who: Who, state: State, event: Event, into: str, raw: Raw) -> Event:
    """Send all that is known of a merged customer to the one he is merged into."""
    sent = _tell(FACTS, who, state, state.clock_ms, into, event.data)
    sent.data = CustomerFacts(who.customer_id, event.id, state, raw)
    return sent


def pass_on(event: Event, data: CustomerFacts, receiver: str, *, refused: bool = False) -> Event:
    """The same facts for somebody else: for whom their receiver was merged into, or back to whose they are."""
    return Event(
        FACTS,
        event.id,
        event.shop_id,
        receiver,
        event.time_ms,
        CustomerFacts(data.customer_id, data.merge_id, data.state, data.raw, refused),
    )


def _tell(kind: str, who: Who, state: State, time_ms: int, receiver: str, data: EventData) -> Event:
    state.told += 1
    event_id = identify(kind, who, state.born_ms, state.told, receiver)
    return Event(kind, event_id, who.shop_id, receiver, time_ms, data)
