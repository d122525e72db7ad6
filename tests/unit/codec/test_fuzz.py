"""Whatever arrives: decoding gives an event or a rejection, and says what is no JSON."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.codec.events import decode_record, peek
from stream_app.codec.strict_json import find_defect
from stream_app.domain.events import EVENT_TYPES, Code, Event, Rejected
from tests.unit.codec.samples import DATA, envelope

TEXTS = st.text(max_size=12)
NAMES = st.sampled_from(["specversion", "id", "source", "subject", "time", "type", "data", "data_base64", "datacontenttype", "extra"])
FIELDS = st.sampled_from(sorted({name for data in DATA.values() if data for name in data} | {"sku", "extra", "a:b"}))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from(["1.0", "order.placed", "/shops/a", "2026-03-01T10:15:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=8,
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "Content-Type", "ce_id", "ce_type", "ce_source", "ce_specversion", "ce_time", "ce_subject", "x"]),
        st.binary(max_size=12)
        | st.none()
        | st.sampled_from(
            [b"1.0", b"order.placed", b"/shops/a", b"2026-03-01T10:15:00Z", b"application/json", b"application/cloudevents+json"]
        ),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(st.binary(max_size=300) | st.none(), HEADERS)
def test_bytes_and_headers(value: bytes | None, headers: list[tuple[str, Any]]) -> None:
    assert isinstance(decode_record(None, value, headers, -1), Event | Rejected)
    if value is not None:
        peek(value)


@settings(deadline=None)
@given(st.dictionaries(NAMES, JSON), st.sampled_from(sorted(EVENT_TYPES)), st.booleans())
def test_odd_events(changes: dict[str, Any], event_type: str, ascii_only: bool) -> None:
    text = json.dumps(envelope(event_type) | changes, ensure_ascii=ascii_only)
    value = text.encode(errors="surrogatepass")
    decoded = decode_record(None, value, (), 0)
    if find_defect(value) is not None:
        assert isinstance(decoded, Rejected)
        assert decoded.code is Code.INVALID_JSON
    if isinstance(decoded, Event):
        assert peek(value) == (
            decoded.type,
            decoded.shop_id,
            changes.get("subject") or envelope(event_type).get("subject", ""),
            decoded.time_ms,
        )


@settings(deadline=None)
@given(
    st.integers(0, 2**53 - 1),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.none() | st.integers(-(2**53) + 1, 2**53 - 1),
    st.lists(
        st.tuples(st.text(min_size=1, max_size=128), st.none() | st.text(min_size=1, max_size=256), st.integers(1, 2**53 - 1)), max_size=5
    ),
)
def test_orders_keep_every_value_that_counts(total: int, discount: int, cost: int | None, lines: list[tuple[str, str | None, int]]) -> None:
    sent = {
        "order_id": "o",
        "currency": "EUR",
        "total_minor": total,
        "discount_minor": discount,
        "cost_minor": cost,
        "lines": [{"sku": sku, "category": category, "quantity": quantity, "total_minor": -total} for sku, category, quantity in lines],
    }
    event = decode_record(None, json.dumps(envelope("order.placed", data=sent)).encode(), (), 0)
    assert isinstance(event, Event), event
    order: Any = event.data
    assert (order.total_minor, order.discount_minor, order.cost_minor) == (total, discount, cost)
    assert order.categories == tuple(dict.fromkeys(category for _, category, _ in lines))
