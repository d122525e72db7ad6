"""What is put together as text is what msgspec would have written, whatever a shop or a customer calls things."""

from copy import deepcopy
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stream_app.codec.changes import encode_line, encode_outgoing
from stream_app.codec.times import format_time
from stream_app.domain.changes import Outgoing
from stream_app.domain.ids import STATUS_CHANGED, Who
from stream_app.domain.profile import PROFILE

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(['"', "\\", "</script>", "\u2028", "a_at", "{}", "\x7f"])
NAMES = TEXTS | st.sampled_from(["effective_at", "valid_until", "next_deadline", "moment", "criteria.seen_at", "cause", "measures", "n"])
LEAVES = st.none() | st.booleans() | st.integers(0, 4_000_000_000_000) | TEXTS | st.lists(TEXTS, max_size=3)
DATA = st.dictionaries(NAMES, st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=12), max_size=6)
UNTOUCHED = {STATUS_CHANGED: {"cause", "policy"}, PROFILE: {"measures", "statuses", "policy"}}
TIMES = {"valid_until", "next_deadline", "moment"}


def _spelt(data: dict[str, Any], untouched: set[str]) -> dict[str, Any]:
    """The plainest way to write times: a new mapping at every depth."""
    spelt: dict[str, Any] = {}
    for name, value in data.items():
        if type(value) is int and (name in TIMES or (name.endswith("_at") and not name.startswith("criteria."))):
            spelt[name] = format_time(value)
        else:
            spelt[name] = _spelt(value, set()) if isinstance(value, dict) and name not in untouched else value
    return spelt


@given(TEXTS, DATA, st.sampled_from([STATUS_CHANGED, PROFILE]), st.none() | st.just("c" * 32))
def test_bytes_are_those_of_the_mapping(customer_id: str, data: dict[str, Any], kind: str, causation_id: str | None) -> None:
    given_data = deepcopy(data)
    outgoing = Outgoing("topic", kind, "f" * 32, Who("shop-1", customer_id), 1_772_356_500_000, 1, "live", data, causation_id)
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "f" * 32,
        "source": "/shops/shop-1",
        "type": kind,
        "subject": customer_id,
        "time": "2026-03-01T09:15:00.000Z",
        "datacontenttype": "application/json",
        "origin": "live",
        **({} if causation_id is None else {"causationid": causation_id}),
        "data": _spelt(given_data, UNTOUCHED[kind]),
    }
    assert encode_outgoing(outgoing) == msgspec.json.encode(event)
    assert encode_line(outgoing) == msgspec.json.encode({"topic": "topic", "event": event}) + b"\n", "encoded again, it is the same"
    assert data == event["data"], "times are written in place, and nothing else is touched"
