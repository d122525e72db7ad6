"""CloudEvents in: the three modes of the standard, what is refused and how, and that a batch is all or nothing."""

import gzip
import json
import time
from typing import Any

import pytest

from stream_app.codec.changes import HEADERS
from stream_app.codec.events import decode_record
from stream_app.codec.times import format_time
from stream_app.domain.events import EVENT_TYPES, ORDER_TYPES, Event
from tests.unit.codec.samples import DATA, ORDER, TIME, TIME_MS
from tests.unit.ingest.door import KEY, door

SINGLE, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"


def event(number: int = 1, kind: str = "order.placed", **changed: Any) -> dict[str, Any]:
    given = {"specversion": "1.0", "id": f"e-{number}", "source": "/shops/acme", "type": kind, "subject": "customer-42", "time": TIME}
    return {**given, "data": DATA[kind], **changed}


@pytest.mark.parametrize("kind", [SINGLE, f"{SINGLE}; charset=utf-8", "Application/CloudEvents+JSON", "application/json"])
async def test_one_event_is_stored_as_it_was_sent(kind: str) -> None:
    body = json.dumps(event(), indent=1).encode()
    async with door() as knock:
        assert await knock.post("/v1/events", body, kind) == (202, {"accepted": 1})
        (entry,) = knock.log.entries
    assert (entry.topic, entry.key, entry.value, entry.time_ms) == ("orders", b"acme/customer-42", body, TIME_MS)
    assert entry.headers == HEADERS


@pytest.mark.parametrize("kind", sorted(set(EVENT_TYPES) & set(DATA)))
async def test_the_topic_follows_from_the_type(kind: str) -> None:
    async with door() as knock:
        assert (await knock.post("/v1/events", event(kind=kind), SINGLE))[0] == 202
        (entry,) = knock.log.entries
    assert entry.topic == ("orders" if kind in ORDER_TYPES or kind == "watermark" else "contacts")
    assert entry.is_everywhere == (kind == "watermark")
    assert entry.forgets_key == (kind == "customer.erased")


async def test_an_event_that_has_just_happened_has_no_timestamp_in_the_future() -> None:
    soon = format_time(int(time.time() * 1000) + 200_000)
    async with door() as knock:
        assert (await knock.post("/v1/events", event(time=soon), SINGLE))[0] == 202
        assert knock.log.entries[0].time_ms <= time.time() * 1000


@pytest.mark.parametrize("kind", [BATCH, "application/json"])
async def test_a_batch_is_stored_in_its_order(kind: str) -> None:
    sent = [event(number, subject=f"c-{number % 3}") for number in range(500)]
    async with door() as knock:
        assert await knock.post("/v1/events", sent, kind) == (202, {"accepted": 500})
        assert knock.log.events() == sent
        assert knock.counted("events_total", form="events", outcome="accepted") == 500
        assert await knock.post("/v1/events", [], kind) == (202, {"accepted": 0})


async def test_of_a_batch_with_one_bad_event_nothing_is_stored_and_the_place_is_named() -> None:
    sent = [event(0), event(1, data={**ORDER, "total_minor": "5990"}), event(2), {"id": "e-3"}, 7]
    async with door() as knock:
        status, told = await knock.post("/v1/events", sent, BATCH)
        assert (status, knock.log.entries, knock.answer_type) == (400, [], "application/problem+json")
        assert (told["field"], told["code"]) == ("[1].data.total_minor", "invalid_data")
        assert told["detail"].startswith("3 of the events cannot be stored, and so none was")
        assert [(one["index"], one["code"]) for one in told["errors"]] == [
            (1, "invalid_data"),
            (3, "invalid_envelope"),
            (4, "invalid_envelope"),
        ]
        assert all(one["field"] and one["fix"] for one in told["errors"])
        assert knock.counted("rejections_total", form="events", code="invalid_envelope") == 2


async def test_an_answer_about_very_many_bad_events_is_short() -> None:
    async with door() as knock:
        status, told = await knock.post("/v1/events", [event(), *[{}] * 1_000], BATCH)
        assert (status, len(told["errors"])) == (400, 10)
        assert told["detail"].startswith("100 or more of the events")
        assert knock.log.entries == []


async def test_binary_mode_keeps_attributes_as_headers_and_data_as_value() -> None:
    headers = {
        "ce_specversion": "1.0", "CE_Id": "e%201", "ce_source": '"/shops/acme"', "ce_type": "order.placed",
        "ce_subject": "J%C3%BCrgen%20%22x%22", "ce_time": TIME, "ce_trace": "t-1",
    }  # fmt: skip
    async with door() as knock:
        assert (await knock.post("/v1/events", ORDER, "application/json", **headers))[0] == 202
        (entry,) = knock.log.entries
    kept = dict(entry.headers)
    assert (kept["ce_id"], kept["ce_source"], kept["ce_trace"]) == (b"e 1", b"/shops/acme", b"t-1")
    assert (entry.key, json.loads(entry.value)) == ('acme/Jürgen "x"'.encode(), ORDER)
    read = decode_record(entry.key, entry.value, entry.headers, 0)
    assert isinstance(read, Event)
    assert (read.id, read.customer_id) == ("e 1", 'Jürgen "x"')


REFUSED: list[tuple[Any, str, str]] = [
    (b"{", "invalid_json", "value"),
    (b"\xff", "invalid_json", "value"),
    (b"", "invalid_json", "value"),
    ([event()], "invalid_envelope", "value"),
    (event(specversion="0.3"), "invalid_envelope", "specversion"),
    ({name: value for name, value in event().items() if name != "id"}, "invalid_envelope", "id"),
    (event(source="acme"), "invalid_envelope", "source"),
    (event(subject=None), "invalid_envelope", "subject"),
    (event(subject="a\u0007"), "invalid_envelope", "subject"),
    (event(time="2026-03-01"), "invalid_envelope", "time"),
    (event(time="1989-12-31T00:00:00Z"), "time_out_of_range", "time"),
    (event(time="2999-01-01T00:00:00Z"), "time_out_of_range", "time"),
    (event(type="order.lost"), "unknown_type", "type"),
    (event(type="referral.first_order"), "unknown_type", "type"),
    (event(data={}), "invalid_data", "data.order_id"),
    (event(data={**ORDER, "lines": [{"sku": "s", "quantity": 0, "total_minor": 1}]}), "invalid_data", "data.lines[0].quantity"),
    (event(datacontenttype="text/xml"), "invalid_envelope", "datacontenttype"),
    (event(data={**ORDER, "note": "x" * (1 << 20)}), "invalid_envelope", "value"),
]


@pytest.mark.parametrize(("body", "code", "field"), REFUSED)
async def test_what_a_worker_would_refuse_is_400_with_its_code_the_field_and_the_fix(body: Any, code: str, field: str) -> None:
    async with door() as knock:
        status, told = await knock.post("/v1/events", body, SINGLE)
        assert (status, told["code"], told["field"]) == (400, code, field)
        assert told["fix"]
        assert knock.log.entries == []
        assert "customer-42" not in json.dumps(told)


@pytest.mark.parametrize("body", [b"[{]", b"[1", b'{"batch":[]}', b"", b"[\xff]"])
async def test_a_batch_that_is_no_list_is_400(body: bytes) -> None:
    async with door() as knock:
        status, told = await knock.post("/v1/events", body, BATCH)
        assert (status, told["code"], told["field"]) == (400, "invalid_json", "body")
        assert told["fix"]


@pytest.mark.parametrize("kind", [None, "text/plain", "application/cloudevents+avro", "application/x-www-form-urlencoded"])
async def test_another_content_type_is_415_and_names_those_that_are_known(kind: str | None) -> None:
    async with door() as knock:
        status, told = await knock.post("/v1/events", event(), kind)
        assert (status, told["field"]) == (415, "Content-Type")
        assert SINGLE in told["fix"]
        assert BATCH in told["fix"]


async def test_a_packed_body_is_read_and_a_broken_one_is_400() -> None:
    async with door() as knock:
        assert (await knock.post("/v1/events", gzip.compress(json.dumps(event()).encode()), SINGLE, Content_Encoding="gzip"))[0] == 202
        assert (await knock.post("/v1/events", b"no gzip", SINGLE, Content_Encoding="gzip"))[0] == 400


async def test_a_key_writes_for_its_own_shop_only() -> None:
    theirs = event(source="/shops/other")
    async with door() as knock:
        for body, kind, field in ((theirs, SINGLE, "source"), ([event(), theirs], BATCH, "[1].source")):
            status, told = await knock.post("/v1/events", body, kind, key=KEY)
            assert (status, told["field"]) == (403, field)
        assert knock.log.entries == []
