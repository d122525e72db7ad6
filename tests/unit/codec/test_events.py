"""Records that are accepted: every type, both modes, what is tolerated."""

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings import kafka as sdk
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from stream_app.codec.events import MAX_AHEAD_MS, TIME_MIN_MS, check_time, decode_record, peek
from stream_app.domain.events import (
    EVENT_TYPES,
    Code,
    CustomerErased,
    Event,
    LeadIdentified,
    OrderPlaced,
    PaymentReceived,
    PreferenceSet,
    Rejected,
    Watermark,
)
from tests.unit.codec.samples import DATA, ORDER, TIME, TIME_MS, binary, envelope, structured

STRUCTURED_HEADERS = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def decode(value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()) -> Event | Rejected:
    return decode_record(b"any key", value, headers, 0)


def decode_data(event_type: str, data: Any) -> Any:
    event = decode(json.dumps(envelope(event_type) | {"data": data}).encode())
    assert isinstance(event, Event), event
    return event.data


def test_samples_cover_every_type() -> None:
    assert set(DATA) == set(EVENT_TYPES)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_both_modes_give_the_same_event(event_type: str) -> None:
    event = decode(structured(event_type))
    assert isinstance(event, Event), event
    assert type(event.data) is EVENT_TYPES[event_type]
    assert (event.type, event.id, event.shop_id, event.time_ms) == (event_type, "e-1", "acme", TIME_MS)
    assert event.customer_id == ("" if event_type == "watermark" else "customer-42")
    assert decode(structured(event_type), STRUCTURED_HEADERS) == event
    assert decode(*binary(event_type)) == event
    assert peek(structured(event_type)) == (event_type, "acme", event.customer_id, TIME_MS)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_what_the_sdk_writes_is_read(event_type: str) -> None:
    attributes = envelope(event_type) | {
        "time": datetime.fromisoformat(TIME),
        "datacontenttype": "application/json",
        "traceparent": "00-a-b",
    }
    data = attributes.pop("data", None)
    event = CloudEvent(attributes, data)
    expected = decode(structured(event_type))
    for message in (sdk.to_structured(event, JSONFormat()), sdk.to_binary(event, JSONFormat())):
        assert decode(message.value, list(message.headers.items())) == expected


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_what_we_read_the_sdk_reads(event_type: str) -> None:
    ours = decode(structured(event_type))
    assert isinstance(ours, Event)
    theirs = JSONFormat().read(None, structured(event_type))
    assert theirs.get_id() == ours.id
    assert theirs.get_type() == ours.type
    assert theirs.get_source() == f"/shops/{ours.shop_id}"
    time = theirs.get_time()
    assert time is not None
    assert (time - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000 == ours.time_ms


def test_order_is_decoded_to_the_last_field() -> None:
    assert decode_data("order.placed", ORDER) == OrderPlaced("o-7", "EUR", 5990, 100, 2000, ("red wine", None))
    twice = {**ORDER, "lines": ORDER["lines"] * 2}
    assert decode_data("order.placed", twice) == decode_data("order.placed", ORDER)
    assert decode_data("order.placed", {"order_id": "o", "currency": "EUR", "total_minor": 0}) == OrderPlaced("o", "EUR", 0)
    assert decode_data("payment.received", DATA["payment.received"]) == PaymentReceived("o-7", 1_769_904_000_000, 5990)


def test_defaults_are_not_shared() -> None:
    first, second = (decode_data("preference.set", {}) for _ in range(2))
    assert first.closed_channels is not second.closed_channels


@pytest.mark.parametrize("discount", [0, 7])
@pytest.mark.parametrize("extra", [{}, {"gift": True}, {"note": {"a": [1.5, None, "x:y"]}}])
def test_unknown_data_fields_and_explicit_defaults_are_fine(discount: int, extra: dict[str, Any]) -> None:
    assert decode_data("order.placed", ORDER | {"discount_minor": discount} | extra).discount_minor == discount


def test_unknown_attributes_are_fine() -> None:
    expected = decode(structured("order.placed"))
    assert decode(structured("order.placed", dataschema="https://example.org/a", origin="live", sequence=7)) == expected
    assert decode(structured("order.placed", datacontenttype="application/json")) == expected
    assert decode(structured("order.placed", datacontenttype="application/vnd.acme+json; v=1")) == expected
    value, headers = binary("order.placed")
    assert decode(value, [*headers, ("ce_origin", b"\xff"), ("trace", b"\xff")]) == expected


@pytest.mark.parametrize(
    ("event_type", "field"),
    [
        ("order.placed", "discount_minor"),
        ("order.placed", "cost_minor"),
        ("order.placed", "lines"),
        ("contact.made", "cost_minor"),
        ("contact.made", "campaign_id"),
        ("contact.responded", "campaign_id"),
        ("preference.set", "preferred_channel"),
        ("preference.set", "closed_channels"),
        ("lead.identified", "note"),
    ],
)
def test_null_in_an_optional_field_is_absent(event_type: str, field: str) -> None:
    data = DATA[event_type]
    assert data is not None
    without = {name: value for name, value in data.items() if name != field}
    assert decode_data(event_type, data | {field: None}) == decode_data(event_type, without)


def test_null_category_is_absent() -> None:
    order = {**ORDER, "lines": [{"sku": "s", "category": None, "quantity": 1, "total_minor": 1}]}
    assert decode_data("order.placed", order).categories == (None,)
    assert decode_data("order.placed", order | {"discount_minor": None}).categories == (None,)


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [
        ("customer.erased", CustomerErased()),
        ("watermark", Watermark()),
        ("lead.identified", LeadIdentified()),
        ("preference.set", PreferenceSet()),
    ],
)
def test_data_may_be_missing_where_nothing_in_it_is_required(event_type: str, expected: Any) -> None:
    absent: tuple[dict[str, Any] | None, ...] = (None, {})
    for data in absent:
        assert decode_data(event_type, data) == expected
    bare = {name: value for name, value in envelope(event_type).items() if name != "data"}
    event = decode(json.dumps(bare).encode())
    assert isinstance(event, Event)
    assert event.data == expected
    _, headers = binary(event_type)
    for value in (None, b"", b"null", b" {} "):
        event = decode(value, headers)
        assert isinstance(event, Event), event
        assert event.data == expected


def test_base64_data_is_read() -> None:
    data = b64encode(json.dumps(ORDER).encode()).decode()
    assert decode(structured("order.placed", data=None, data_base64=data)) == decode(structured("order.placed"))


def test_spacing_escapes_and_other_scripts_are_fine() -> None:
    pretty = json.dumps(envelope("order.placed", subject="Ж/é😀 :\"'"), indent=2).encode()
    event = decode(pretty)
    assert isinstance(event, Event)
    assert event.customer_id == "Ж/é😀 :\"'"
    assert decode(structured("order.placed", subject="Ж/é😀 :\"'")) == event
    assert decode(pretty.replace(b'"id"', b'"\\u0069d"')) == event


@pytest.mark.parametrize("subject", ["x", "x" * 128, "😀" * 128, "a/b//c", "\u00a0", "-"])
def test_customer_ids_that_are_fine(subject: str) -> None:
    event = decode(structured("order.placed", subject=subject))
    assert isinstance(event, Event)
    assert event.customer_id == subject


@pytest.mark.parametrize("time_ms", [TIME_MIN_MS, 0 + TIME_MS, TIME_MS + MAX_AHEAD_MS])
def test_times_in_range(time_ms: int) -> None:
    assert check_time(Event("watermark", "e", "acme", "", time_ms, Watermark()), TIME_MS) is None


@pytest.mark.parametrize("time_ms", [TIME_MIN_MS - 1, 0, -1, TIME_MS + MAX_AHEAD_MS + 1])
def test_times_out_of_range(time_ms: int) -> None:
    rejected = check_time(Event("watermark", "e", "acme", "", time_ms, Watermark()), TIME_MS)
    assert rejected is not None
    assert rejected.code is Code.TIME_OUT_OF_RANGE


@pytest.mark.parametrize(
    "value", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, structured("watermark", time="now"), structured("watermark", source="/x")]
)
def test_peek_gives_none_for_what_is_rejected(value: bytes) -> None:
    assert peek(value) is None
    assert isinstance(decode(value), Rejected)
