"""What an event would do to a customer: his events are folded anew, the event after them, and nothing is stored. Pure.

Everything is judged under the policy in force. Where he stood under earlier versions, or where his topics no longer hold all his
events, the replay may end elsewhere than the worker did, and the answer says so.
"""

from typing import Any, Final

import msgspec

from stream_app.codec.changes import encode_outgoing
from stream_app.codec.times import format_time, parse_time_ms
from stream_app.domain import evaluate
from stream_app.domain.changes import Outgoing
from stream_app.domain.events import CustomerErased, Event, RelationErased
from stream_app.domain.facts.notes import Raw
from stream_app.domain.facts.state import DIMENSIONS, State, is_customer
from stream_app.domain.ids import STATUS_CHANGED, Who
from stream_app.domain.policy import Policy
from stream_app.domain.profile import profile
from stream_app.domain.settle import Outcome
from stream_app.feed import Story

Document = dict[str, Any]
_ERASED: Final = "erasure.completed"
_NO_RECORD: Final[Raw] = ("", 0, -1, None, None, [])
_TRIED: Final[Raw] = ("", 0, -2, None, None, [])


def clock_of(story: Story) -> int | None:
    """The time that he has reached, as his profile says."""
    return None if story.profile is None else parse_time_ms(story.profile["data"]["clock_at"])


def try_event(event: Event, story: Story, policy: Policy) -> Document:
    """What the event would do.

    Args:
        event: the event to try.
        story: what the topics have of its customer.
        policy: the policy in force for the shop.
    """
    who = Who(event.shop_id, event.customer_id)
    events = _events(story)
    state = _replay(who, events, policy)
    clock_ms = clock_of(story)
    if state is not None and is_customer(state) and clock_ms is not None:
        evaluate.advance(who, state, clock_ms, policy, Outcome())
    based_on = {
        "events": len(events),
        "policy": {"version": policy.version, "hash": policy.hash},
        "agrees_with_profile": _agrees(state, story),
    }
    meanwhile, tried = Outcome(), Outcome()
    if state is not None and is_customer(state):
        evaluate.advance(who, state, event.time_ms, policy, meanwhile)
        evaluate.reach(state, event.time_ms, policy)
    before = _stand(who, state, policy)
    if type(event.data) is CustomerErased:
        state = None
    else:
        state = evaluate.apply(who, state, event, _TRIED, policy, tried)
    rejected = next(({"code": one.code.value, "detail": one.detail} for one, raw in tried.rejected if raw[2] == _TRIED[2]), None)
    return {
        "accepted": rejected is None and not tried.duplicates,
        "rejected": rejected,
        "duplicate": tried.duplicates > 0,
        "clock_at": None if state is None else format_time(state.clock_ms),
        "before": before,
        "after": _stand(who, state, policy),
        "meanwhile": _changes(meanwhile.published),
        "changes": _changes(tried.published),
        "reactions": [{"type": one.type, "data": _data(one)} for one in tried.published if one.type != STATUS_CHANGED],
        "based_on": based_on,
    }


def _events(story: Story) -> list[Event]:
    """His events since his latest erasure, in order of time."""
    erased = [parse_time_ms(one["data"]["erased_at"]) or 0 for one in story.published if one["type"] == _ERASED]
    since_ms = max(erased, default=-1)
    return sorted((event for event in story.events if event.time_ms > since_ms), key=lambda event: event.time_ms)


def _replay(who: Who, events: list[Event], policy: Policy) -> State | None:
    state: State | None = None
    for event in events:
        if type(event.data) is CustomerErased:
            state = None
        elif type(event.data) is not RelationErased:  # it names nobody, and only the worker's key tells whom it means
            state = evaluate.apply(who, state, event, _NO_RECORD, policy, Outcome())
    return state


def _agrees(state: State | None, story: Story) -> bool | None:
    if story.profile is None:
        return None
    if state is None or not is_customer(state):
        return False
    statuses: dict[str, str | None] = story.profile["data"]["statuses"]
    return all(state.values[d] == statuses[name] for d, name in enumerate(DIMENSIONS) if name in statuses)


def _stand(who: Who, state: State | None, policy: Policy) -> Document | None:
    if state is None or not is_customer(state):
        return None
    data = _data(profile(who, state, policy, outcome=Outcome()))
    statuses = {name: data["statuses"].get(name) for name in DIMENSIONS}
    return {"statuses": statuses, "measures": data["measures"], "next_deadline": data["next_deadline"]}


def _changes(published: list[Outgoing]) -> list[Document]:
    return [_data(one) for one in published if one.type == STATUS_CHANGED]


def _data(outgoing: Outgoing) -> Document:
    """The data as it would be published."""
    data: Document = msgspec.json.decode(encode_outgoing(outgoing))["data"]
    return data
