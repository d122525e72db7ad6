"""Segment's calls in: keys as its libraries send them, what is stored of a batch, and that a retry has the same ids."""

import copy
import json
from base64 import b64encode
from typing import Any

import pytest

from tests.unit.ingest.door import KEY, Door, door
from tests.unit.intake.test_ready import SEGMENT

NAMELESS = {
    "event": "Order Refunded",
    "userId": "u1",
    "timestamp": "2026-03-03T10:15:00.000Z",
    "properties": {"order_id": "o", "total": 1.5},
}


async def test_a_batch_in_the_recorded_shape() -> None:
    async with door() as knock:
        status, told = await knock.post("/v1/batch", {"batch": SEGMENT, "sentAt": "2026-03-05T00:00:00Z"})
        assert (status, told) == (200, {"success": True, "accepted": 4, "ignored": 1})
        assert [(one["type"], one["id"], one["source"]) for one in knock.log.events()] == [
            ("order.placed", "order-50314b8e", "/shops/acme"),
            ("order.placed", "order-50314b8e", "/shops/acme"),
            ("order.refunded", "refund-m-3", "/shops/acme"),
            ("order.cancelled", "cancel-other", "/shops/acme"),
        ]
        assert {entry.topic for entry in knock.log.entries} == {"orders"}
        assert knock.counted("events_total", form="batch", outcome="ignored") == 1


async def by_header(knock: Door, body: dict[str, Any], authorization: str) -> int:
    async with knock.session.post(f"{knock.address}/v1/track", json=body, headers={"Authorization": authorization}) as response:
        return response.status


async def test_the_key_comes_as_bearer_as_basic_or_in_the_body() -> None:
    basic = b64encode(f"{KEY}:".encode()).decode()
    async with door() as knock:
        assert await by_header(knock, SEGMENT[0], f"Bearer {KEY}") == 200
        assert await by_header(knock, SEGMENT[0], f"Basic {basic}") == 200
        assert (await knock.post("/v1/track", {**SEGMENT[0], "writeKey": KEY}, key=None))[0] == 200
        assert len(knock.log.entries) == 3
        for wrong in (f"Basic {KEY}", "Basic !", f"Digest {KEY}", "Bearer", f"Bearer {KEY}x"):
            assert await by_header(knock, SEGMENT[0], wrong) == 401
        for key in (None, "", 7, KEY + "x"):
            assert (await knock.post("/v1/track", {**SEGMENT[0], "writeKey": key}, key=None))[0] == 401
        assert len(knock.log.entries) == 3


async def test_what_can_be_stored_of_a_batch_is_and_the_rest_is_named() -> None:
    bad = {**copy.deepcopy(SEGMENT[0]), "properties": {"order_id": "x", "total": "many"}}
    late = {**copy.deepcopy(SEGMENT[3]), "timestamp": "2999-01-01T00:00:00Z"}
    calls = [SEGMENT[0], bad, late, 7, {"type": "identify", "userId": "u1"}]
    async with door() as knock:
        status, told = await knock.post("/v1/batch", {"batch": calls})
        assert (status, told["accepted"], told["ignored"], told["rejected"]) == (200, 1, 1, 3)
        assert [(one["index"], one["code"], one["field"]) for one in told["errors"]] == [
            (1, "invalid_data", "data.total_minor"),
            (2, "time_out_of_range", "time"),
            (3, "invalid_data", "value"),
        ]
        assert [one["id"] for one in knock.log.events()] == ["order-50314b8e"]
        assert knock.counted("events_total", form="batch", outcome="rejected") == 3


async def test_amounts_as_javascript_adds_them_up_are_taken_and_absurd_ones_are_named() -> None:
    order: dict[str, Any] = copy.deepcopy(SEGMENT[0])
    order["properties"] |= {"total": 59.900000000000006, "discount": 0.1 + 0.2}
    order["properties"]["products"][1] |= {"price": 3 * 1.1}
    calls = [order, {**SEGMENT[0], "properties": {"order_id": "x", "total": "9" * 5_000}}]
    async with door() as knock:
        status, told = await knock.post("/v1/batch", {"batch": calls})
        assert (status, told["accepted"], [one["field"] for one in told["errors"]]) == (200, 1, ["data.total_minor"])
        data = knock.log.events()[0]["data"]
        assert (data["total_minor"], data["discount_minor"], data["lines"][1]["total_minor"]) == (5_990, 30, 660)


async def test_a_long_batch_keeps_its_places_and_too_long_a_one_is_413() -> None:
    calls = [{**NAMELESS, "messageId": f"m-{number}"} for number in range(2_500)]
    calls[321] = {**NAMELESS, "userId": ""}
    async with door() as knock:
        status, told = await knock.post("/v1/batch", {"batch": calls})
        assert (status, told["accepted"], [one["index"] for one in told["errors"]]) == (200, 2_499, [321])
        assert [one["id"] for one in knock.log.events()][-1] == "refund-m-2499"
        assert (await knock.post("/v1/batch", {"batch": [*calls, {}]}))[0] == 413


async def test_a_batch_of_bad_calls_alone_is_400_and_so_is_a_bad_call() -> None:
    bad = {**SEGMENT[0], "userId": None}
    async with door() as knock:
        status, told = await knock.post("/v1/batch", {"batch": [bad, bad]})
        assert (status, told["field"], told["code"]) == (400, "[0].subject", "invalid_data")
        status, told = await knock.post("/v1/track", bad)
        assert (status, told["field"], told["detail"]) == (400, "subject", "subject: userId or anonymousId is empty")
        assert knock.log.entries == []


async def test_a_call_sent_again_has_the_same_id_even_if_it_named_none() -> None:
    async with door() as knock:
        for sent in ({"sentAt": "1"}, {"sentAt": "2", "receivedAt": "3"}, {"messageId": None}, {"messageId": ""}):
            assert (await knock.post("/v1/track", {**NAMELESS, **sent}))[0] == 200
        other = {**NAMELESS, "properties": {"order_id": "o", "total": 2.5}}
        assert (await knock.post("/v1/track", other))[0] == 200
        ids = [one["id"] for one in knock.log.events()]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4  # null, an empty text, and another amount are other calls


async def test_a_call_without_a_time_is_of_now() -> None:
    timeless = {name: value for name, value in NAMELESS.items() if name != "timestamp"}
    async with door() as knock:
        assert (await knock.post("/v1/track", timeless))[0] == 200
        assert knock.log.events()[0]["time"][:2] == "20"


@pytest.mark.parametrize("left_open", ["timestamp", "receivedAt", "type"])
async def test_null_is_as_if_it_was_left_out(left_open: str) -> None:
    call = {name: value for name, value in NAMELESS.items() if name != "timestamp"} | {left_open: None}
    async with door() as knock:
        assert await knock.post("/v1/track", call) == (200, {"success": True, "accepted": 1, "ignored": 0})


@pytest.mark.parametrize(("body", "field"), [(b"{", "body"), (b"[]", "body"), (b'{"batch": 1}', "batch"), (b"{}", "batch")])
async def test_no_calls_at_all_is_400(body: bytes, field: str) -> None:
    async with door() as knock:
        status, told = await knock.post("/v1/batch", body)
        assert (status, told["field"]) == (400, field)
        assert told["fix"]


async def test_no_answer_quotes_anybody() -> None:
    secret = "carl@example.org"
    calls = [
        {**SEGMENT[0], "userId": secret, "properties": {"order_id": secret, "total": secret, "currency": secret}},
        {**SEGMENT[0], "timestamp": secret},
    ]
    async with door() as knock:
        for call in calls:
            _, told = await knock.post("/v1/track", call)
            assert secret not in json.dumps(told)
