"""The exact bytes of every rejection that decoding can give, and that no detail quotes what was sent."""

import json
import re
from typing import Any

import pytest

from stream_app.codec.envelope import VALUE_BYTES_MAX
from stream_app.codec.events import decode_record, peek
from stream_app.codec.strict_json import find_defect
from stream_app.domain.events import Code, Rejected
from tests.unit.codec.samples import DATA, ORDER, binary, envelope, structured

GOOD = (
    b'{"specversion":"1.0","id":"e-1","source":"/shops/acme","type":"order.placed","subject":"c-1","time":"2026-03-01T10:15:00Z",'
    b'"data":{"order_id":"o-1","currency":"EUR","total_minor":1,"lines":[{"sku":"s","quantity":1,"total_minor":1}]}}'
)

BYTES: list[tuple[str, Code, bytes | None, str]] = [
    ("null value", Code.INVALID_JSON, None, "value: missing; send one CloudEvent as JSON"),
    ("empty", Code.INVALID_JSON, b"", "value: not JSON at character 0; send one JSON object"),
    ("text", Code.INVALID_JSON, b"hello", "value: not JSON at character 0; send one JSON object"),
    ("cut off", Code.INVALID_JSON, GOOD[:-1], "value: not JSON at character 232; send one JSON object"),
    ("two", Code.INVALID_JSON, GOOD + GOOD, "value: not JSON at character 233; send one JSON object"),
    ("byte order mark", Code.INVALID_JSON, b"\xef\xbb\xbf" + GOOD, "value: not JSON at character 0; send one JSON object"),
    ("UTF-16", Code.INVALID_JSON, GOOD.decode().encode("utf-16"), "value: not UTF-8 at byte 0; encode the event as UTF-8"),
    ("bad UTF-8", Code.INVALID_JSON, GOOD.replace(b"c-1", b"c\xff"), "value: not UTF-8 at byte 89; encode the event as UTF-8"),
    ("bad UTF-8 in an unknown field", Code.INVALID_JSON, GOOD.replace(b'"id"', b'"x":"\xff","id"'), "value: not UTF-8 at byte 26; encode"),
    ("NaN", Code.INVALID_JSON, GOOD.replace(b'minor":1,', b'minor":NaN,'), "value: NaN and Infinity are not JSON"),
    ("-Infinity", Code.INVALID_JSON, GOOD.replace(b'minor":1,', b'minor":-Infinity,'), "value: NaN and Infinity are not JSON"),
    ("lone surrogate", Code.INVALID_JSON, GOOD.replace(b"c-1", b"\\ud800"), "value: a lone surrogate in a string"),
    ("lone surrogate unknown", Code.INVALID_JSON, GOOD.replace(b'"id"', b'"x":"\\udc00","id"'), "value: a lone surrogate in a string"),
    ("deep", Code.INVALID_JSON, b'{"x":' * 100_000, "value: nested too deeply; send a flat object"),
    ("wrong type before a broken end", Code.INVALID_JSON, b'{"specversion":1,', "value: not JSON at character 17"),
    ("control character", Code.INVALID_JSON, GOOD.replace(b"c-1", b"c\x00"), "value: not JSON at character 89"),
    ("array", Code.INVALID_ENVELOPE, b"[]", "value: must be an object, not an array"),
    ("number", Code.INVALID_ENVELOPE, b"5", "value: must be an object, not an integer"),
    ("JSON null", Code.INVALID_ENVELOPE, b"null", "value: must be an object, not null"),
    ("too large", Code.INVALID_ENVELOPE, GOOD + b" " * VALUE_BYTES_MAX, "value: larger than 1 MiB; send a smaller event"),
]

ENVELOPE: list[tuple[dict[str, Any], str]] = [
    ({"specversion": "0.3"}, "specversion: must be one of 1.0"),
    ({"specversion": 1}, "specversion: must be a string, not an integer"),
    ({"specversion": None}, "specversion: missing; add it"),
    ({"id": None}, "id: missing; add it"),
    ({"id": ""}, "id: must have at least 1 characters"),
    ({"id": "x" * 129}, "id: must have at most 128 characters"),
    ({"id": 7}, "id: must be a string, not an integer"),
    ({"source": None}, "source: missing; add it"),
    ({"source": "acme"}, "source: must be /shops/{shop_id}"),
    ({"source": "/shops/"}, "source: must be /shops/{shop_id}"),
    ({"source": "/shops/a/b"}, "source: must be /shops/{shop_id}"),
    ({"source": "/shops/acme\n"}, "source: must be /shops/{shop_id}"),
    ({"source": "/shops/é"}, "source: must be /shops/{shop_id}"),
    ({"source": "/shops/" + "a" * 129}, "source: must be /shops/{shop_id}"),
    ({"subject": None}, "subject: missing; add the customer id"),
    ({"subject": ""}, "subject: must have at least 1 characters"),
    ({"subject": "x" * 129}, "subject: must have at most 128 characters"),
    ({"subject": "a\x00b"}, "subject: must be 1 to 128 characters without control characters"),
    ({"subject": "a\x85b"}, "subject: must be 1 to 128 characters without control characters"),
    ({"subject": ["c"]}, "subject: must be a string or null, not an array"),
    ({"time": None}, "time: missing; add it"),
    ({"time": "yesterday"}, "time: must be RFC 3339 with an offset"),
    ({"time": "2026-03-01T10:15:00"}, "time: must be RFC 3339 with an offset"),
    ({"time": 1_772_356_500_000}, "time: must be a string, not an integer"),
    ({"type": None}, "type: missing; add it"),
    ({"datacontenttype": "text/xml"}, "datacontenttype: must be application/json"),
    ({"data_base64": "e30="}, "data_base64: given together with data; send one of them"),
    ({"data": None, "data_base64": "?"}, "data_base64: not base64"),
]

LINE = {"sku": "s", "quantity": 1, "total_minor": 1}
DATA_CASES: list[tuple[str, Any, str]] = [
    ("order.placed", {"order_id": None}, "data.order_id: must be a string, not null"),
    ("order.placed", {"order_id": "x" * 129}, "data.order_id: must have at most 128 characters"),
    ("order.placed", {"total_minor": "12"}, "data.total_minor: must be an integer, not a string"),
    ("order.placed", {"total_minor": 1.5}, "data.total_minor: must be an integer, not a number with a fraction"),
    ("order.placed", {"total_minor": 1.0}, "data.total_minor: must be an integer, not a number with a fraction"),
    ("order.placed", {"total_minor": True}, "data.total_minor: must be an integer, not true or false"),
    ("order.placed", {"total_minor": -1}, "data.total_minor: must be at least 0"),
    ("order.placed", {"total_minor": 2**53}, "data.total_minor: must be at most 9007199254740991"),
    ("order.placed", {"total_minor": 10**40}, "data.total_minor: must be at most 9007199254740991"),
    ("order.placed", {"cost_minor": -(2**53)}, "data.cost_minor: must be at least -9007199254740991"),
    ("order.placed", {"currency": "EURO"}, "data.currency: must have at most 3 characters"),
    ("order.placed", {"lines": {}}, "data.lines: must be an array, not an object"),
    ("order.placed", {"lines": [LINE] * 501}, "data.lines: must have at most 500 entries"),
    ("order.placed", {"lines": [LINE, LINE | {"quantity": 0}]}, "data.lines[1].quantity: must be at least 1"),
    ("order.placed", {"lines": [{"sku": "s"}]}, "data.lines[0].quantity: missing; add it"),
    ("order.placed", {"lines": [None]}, "data.lines[0]: must be an object, not null"),
    ("order.refunded", {"amount_minor": 0}, "data.amount_minor: must be at least 1"),
    ("payment.received", {"due_at": "soon"}, "data.due_at: must be RFC 3339 with an offset"),
    ("contact.made", {"channel": "fax"}, "data.channel: must be one of email, mailing, phone, visit, chat, other"),
    ("contact.made", {"direction": None}, "data.direction: must be a string, not null"),
    ("contact.responded", {"outcome": "meh"}, "data.outcome: must be one of positive, neutral, negative, unsubscribed"),
    ("preference.set", {"closed_channels": ["fax"]}, "data.closed_channels[0]: must be one of email, mailing"),
    ("feedback.given", {"accepted": "yes"}, "data.accepted: must be true or false, not a string"),
    ("profile.assessed", {"criteria": {"secret": 101}}, "data.criteria[...]: must be at most 100"),
    ("profile.assessed", {"criteria": {"secret": None}}, "data.criteria[...]: must be an integer, not null"),
    ("referral.made", {"referred_customer_id": "a\nb"}, "data.referred_customer_id: must be 1 to 128 characters without control"),
    ("customer.merged", {"into": "a\nb"}, "data.into: must be 1 to 128 characters without control characters"),
    ("lead.identified", {"note": "x" * 4097}, "data.note: must have at most 4096 characters"),
]


def reject(value: bytes | None, headers: list[tuple[str, bytes | None]] | tuple[()] = ()) -> Rejected:
    found = decode_record(None, value, headers, 0)
    assert isinstance(found, Rejected), found
    return found


@pytest.mark.parametrize(("code", "value", "detail"), [case[1:] for case in BYTES], ids=[case[0] for case in BYTES])
def test_bytes(code: Code, value: bytes | None, detail: str) -> None:
    rejected = reject(value)
    assert (rejected.code, rejected.detail[: len(detail)]) == (code, detail)


@pytest.mark.parametrize(("changes", "detail"), ENVELOPE)
def test_envelope(changes: dict[str, Any], detail: str) -> None:
    rejected = reject(structured("order.placed", **changes))
    assert (rejected.code, rejected.detail[: len(detail)]) == (Code.INVALID_ENVELOPE, detail)


@pytest.mark.parametrize(("event_type", "changes", "detail"), DATA_CASES)
def test_data(event_type: str, changes: dict[str, Any], detail: str) -> None:
    data = DATA[event_type]
    assert data is not None
    for value, headers in ((structured(event_type, data=data | changes), []), binary(event_type, data=data | changes)):
        rejected = reject(value, headers)
        assert (rejected.code, rejected.detail[: len(detail)]) == (Code.INVALID_DATA, detail)


@pytest.mark.parametrize("data", [5, [], "x", True])
def test_data_is_an_object(data: Any) -> None:
    for event_type in ("order.placed", "customer.erased"):
        assert reject(json.dumps(envelope(event_type) | {"data": data}).encode()).code is Code.INVALID_DATA


def test_missing_data() -> None:
    for value in (structured("order.placed", data=None), json.dumps(envelope("order.placed") | {"data": None}).encode()):
        assert reject(value) == Rejected(Code.INVALID_DATA, "data: missing; add it")


@pytest.mark.parametrize("name", ["order.lost", "", "Order.placed", "x" * 1000])
def test_unknown_type(name: str) -> None:
    assert reject(structured(name, data={})) == Rejected(Code.UNKNOWN_TYPE, "type: not known; see the event types of the contract")


@pytest.mark.parametrize(
    ("change", "code", "detail"),
    [
        ({"ce_id": None}, Code.INVALID_ENVELOPE, "id: missing; add it"),
        ({"ce_id": b"\xff"}, Code.INVALID_ENVELOPE, "id: the header is not UTF-8 text; encode it as UTF-8"),
        ({"ce_specversion": b"0.3"}, Code.INVALID_ENVELOPE, "specversion: must be one of 1.0"),
        ({"ce_subject": b""}, Code.INVALID_ENVELOPE, "subject: must have at least 1 characters"),
        ({"content-type": b"text/plain"}, Code.INVALID_ENVELOPE, "datacontenttype: must be application/json"),
        (
            {"content-type": b"application/cloudevents-batch+json"},
            Code.INVALID_ENVELOPE,
            "content-type: must be application/cloudevents+json",
        ),
        ({"ce_type": b"order.lost"}, Code.UNKNOWN_TYPE, "type: not known"),
    ],
)
def test_binary_headers(change: dict[str, bytes | None], code: Code, detail: str) -> None:
    value, headers = binary("order.placed")
    changed = dict(headers) | change
    rejected = reject(value, [(name, content) for name, content in changed.items() if content is not None])
    assert (rejected.code, rejected.detail[: len(detail)]) == (code, detail)


@pytest.mark.parametrize(
    ("first", "again"), [(b'"id":"e-0",', b'"id":"e-1"'), (b'"source":"/shops/other",', b'"source":"/shops/acme"'), (b'"x":1,', b'"x":2')]
)
def test_of_a_key_that_stands_twice_the_last_counts_and_another_fault_is_named_as_ever(first: bytes, again: bytes) -> None:
    twice = b"{" + first + GOOD[1:-1] + b"," + again + b"}"
    assert decode_record(None, twice, (), 0) == decode_record(None, GOOD, (), 0)
    assert peek(twice) == peek(GOOD)
    assert reject(twice.replace(b"EUR", b"euro"), ()) == reject(GOOD.replace(b"EUR", b"euro"), ())
    assert find_defect(twice) is None
    assert find_defect(twice, keys_once=True) == "a key occurs twice in one object; send each key once"


def test_binary_header_twice_and_null() -> None:
    value, headers = binary("order.placed")
    assert reject(value, [*headers, ("ce_id", b"e-2")]).detail == "id: given by two headers; send it once"
    nulled: Any = [(name, None if name == "ce_id" else content) for name, content in headers]
    assert reject(value, nulled).code is Code.INVALID_ENVELOPE


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, Code.INVALID_DATA),
        (b"", Code.INVALID_DATA),
        (b"{", Code.INVALID_JSON),
        (b'{"order_id":"\xff","currency":"EUR","total_minor":1}', Code.INVALID_JSON),
    ],
)
def test_binary_values(value: bytes | None, code: Code) -> None:
    assert reject(value, binary("order.placed")[1]).code is code


SECRET = "Mrs-Smith-1961"


@pytest.mark.parametrize("name", ["specversion", "id", "source", "subject", "time", "type", "data", "datacontenttype", "data_base64"])
@pytest.mark.parametrize("value", [SECRET, f"{SECRET}\x00" * 20, [SECRET], {SECRET: SECRET}])
def test_no_detail_quotes_an_attribute(name: str, value: Any) -> None:
    found = decode_record(None, json.dumps(envelope("order.placed") | {name: value}).encode(), (), 0)
    assert not isinstance(found, Rejected) or SECRET not in found.detail


@pytest.mark.parametrize("event_type", [name for name, data in DATA.items() if data])
@pytest.mark.parametrize("value", [SECRET, f"{SECRET}\x00" * 500, [SECRET], {SECRET: SECRET}])
def test_no_detail_quotes_data(event_type: str, value: Any) -> None:
    for name in DATA[event_type] or ():
        found = decode_record(None, structured(event_type, data={**(DATA[event_type] or {}), name: value}), (), 0)
        assert not isinstance(found, Rejected) or SECRET not in found.detail
        assert not isinstance(found, Rejected) or re.fullmatch(r"[a-z_0-9.\[\]]+: .+", found.detail)


def test_the_good_one_is_good() -> None:
    assert not isinstance(decode_record(None, GOOD, (), 0), Rejected)
    assert not isinstance(decode_record(None, structured("order.placed", data=ORDER), (), 0), Rejected)
