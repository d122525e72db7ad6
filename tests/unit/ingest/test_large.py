"""Bodies made to take long or much: what is made of them stays small, and nobody's objects lie there while others have their turn."""

import asyncio
import contextlib
import json
import tracemalloc
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest

from stream_app.intake.document import Mapping
from stream_app.intake.shape import Mapped, shape
from stream_app.web.api.problems import Problem
from stream_app.web.ingest.events import EVENTS_MAX
from stream_app.web.ingest.segment import ENTRIES_MAX, read_batch, read_track, write_key
from stream_app.web.ingest.webhooks import SHOPIFY, read_webhook
from tests.budgets import slowness
from tests.unit.ingest.door import KEY, door
from tests.unit.ingest.test_events import BATCH
from tests.unit.ingest.test_webhooks import shopify
from tests.unit.intake.test_ready import SEGMENT, SHOPIFY_ORDERS

NOW_MS = 1_800_000_000_000
MIB = 1 << 20
SMALL_VALUES = b'{"a":[' + b"1," * (2 * MIB - 8) + b"1]}"


def peak_of(work: Callable[[], Any]) -> tuple[Any, int]:
    """What it gives, and how many bytes of objects it had at one time."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def compact(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def test_of_what_a_stranger_sends_only_the_key_is_read() -> None:
    body = SMALL_VALUES[:-1] + b',"writeKey":"k"}'
    key, size = peak_of(lambda: write_key(body))
    assert (key, size < 100_000) == ("k", True)
    with pytest.raises(Problem, match="not JSON"):
        write_key(SMALL_VALUES[:-1])


@pytest.mark.parametrize("body", [b"{}", b'{"writeKey":null}', b'{"writeKey":["k"]}', b'{"writeKey":""}', b'{"writeKey":"\xff"}'])
def test_what_is_no_key_is_none(body: bytes) -> None:
    assert write_key(body) is None


async def test_of_several_batches_at_once_objects_are_made_of_a_few_calls_of_one() -> None:
    calls = [{"type": "page", "seen": [0] * 800} for _ in range(2_500)]
    body = compact({"batch": calls})
    assert len(body) > 3 * MIB

    async def alone() -> None:
        assert (await read_batch(body, "acme", NOW_MS)).ignored == len(calls)

    tracemalloc.start()
    await asyncio.gather(*[alone() for _ in range(6)])
    _, size = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 4 * MIB, "six times all of it would be 100 MiB"


async def test_of_a_batch_a_call_that_cannot_be_read_is_named_and_the_others_are_stored() -> None:
    body = b'{"batch":[' + compact(SEGMENT[0]) + b',{"event":"\xff"},[1],7]}'
    async with door() as knock:
        status, told = await knock.post("/v1/batch", body)
        assert (status, told["accepted"], told["rejected"]) == (200, 1, 3)
        assert [(flaw["index"], flaw["code"]) for flaw in told["errors"]] == [(1, "invalid_json"), (2, "invalid_data"), (3, "invalid_data")]
        for no_json in (b'{"batch":[1,]}', b'{"batch":["\\ud800",]}', b'{"batch":["\\u12"]}'):
            told = (await knock.post("/v1/batch", no_json))[1]
            assert (told["code"], told["detail"].startswith(("body: not JSON", "body: a lone"))) == ("invalid_json", True), told
        for no_list in (b"{}", b'{"batch":{}}', b'{"batch":"[1]"}'):
            assert (await knock.post("/v1/batch", no_list))[1]["field"] == "batch"


@pytest.mark.parametrize("bad", [b'{"event":"\\ud83d"}', b'{"event":"\\udfff and \\ud83d\\ude00"}', b'{"\\uD800":1}'])
async def test_half_of_an_emoji_costs_its_own_call_alone(bad: bytes) -> None:
    """JavaScript cuts a text in the middle of one, and writes what is left as an escape."""
    named = compact({**SEGMENT[0], "messageId": "a \U0001f600 \\ud800"})
    async with door() as knock:
        status, told = await knock.post("/v1/batch", b'{"batch":[' + bad + b"," + named + b"]}")
        assert (status, told["accepted"], told["rejected"]) == (200, 1, 1)
        assert told["errors"][0] == {
            "index": 0,
            "code": "invalid_json",
            "field": "value",
            "detail": "a lone surrogate in a string",
            "fix": "escape both halves of the pair",
        }
        keyed = b'{"writeKey":"' + KEY.encode() + b'","batch":[' + bad + b"," + named + b"]}"
        assert (await knock.post("/v1/batch", keyed, key=None))[1]["accepted"] == 1
        assert (await knock.post("/v1/batch", b'{"context":"\\ud83d","batch":[' + named + b"]}"))[1]["accepted"] == 1


@pytest.mark.parametrize("depth", range(970, 990, 2))
async def test_a_call_that_is_nested_too_deeply_costs_its_own_alone_where_it_can_be_told(depth: int) -> None:
    deep = b'{"messageId":"1","event":' + b"[" * depth + b"]" * depth + b"}"
    async with door() as knock:
        status, told = await knock.post("/v1/batch", b'{"batch":[' + compact(SEGMENT[0]) + b"," + deep + b"]}")
        assert (status, told.get("accepted")) == (200, 1) or (status, told["detail"]) == (400, "body: nested too deeply")


async def test_what_is_too_small_to_be_events_is_413() -> None:
    async with door() as knock:
        status, told = await knock.post("/v1/events", b"[" + b"1," * EVENTS_MAX + b"1]", BATCH)
        assert (status, told["field"]) == (413, "body")
        status, told = await knock.post("/v1/batch", b'{"batch":[' + b"1," * 2_500 + b"1]}")
        assert (status, told["field"]) == (413, "batch")


def order(**given: Any) -> dict[str, Any]:
    return {**{name: value for name, value in SHOPIFY_ORDERS[0].items() if name != "cancelled_at"}, "refunds": [], **given}


def test_an_order_with_many_fields_is_not_copied_for_each_of_its_refunds() -> None:
    wide = {f"field{number}": None for number in range(10_000)}
    refund = {"id": 0, "kind": "refund", "status": "success", "amount": "1.00", "processed_at": "2026-03-01T10:15:00Z"}
    refunds = [refund | {"id": number} for number in range(500)]
    body = compact(order(**wide, refunds=[{"transactions": refunds}]))
    headers: Any = {"X-Shopify-Topic": "orders/updated"}
    found, size = peak_of(lambda: read_webhook(SHOPIFY, headers, body, "acme", NOW_MS))
    assert (len(found.entries), found.flaws) == (501, [])
    assert size < 8 * MIB, "copies would be 200 MiB"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"refunds": [{"transactions": [{}] * (ENTRIES_MAX + 1)}]}, "refunds.transactions"),
        ({"refunds": [{"transactions": [{}] * (ENTRIES_MAX // 2 + 1)}] * 2}, "refunds.transactions"),
        ({"refunds": [{}] * (ENTRIES_MAX + 1)}, "refunds"),
        ({"line_items": [{"sku": "a", "quantity": 0, "price": "1"}] * (ENTRIES_MAX + 1)}, "data.lines"),
        ({"line_items": [{"sku": "a", "quantity": 1, "price": "1"}] * 501}, "data.lines"),
    ],
)
async def test_a_list_that_no_order_has_is_refused_by_its_name(more: dict[str, Any], field: str) -> None:
    async with door() as knock:
        status, told = await shopify(knock, order(**more), "orders/updated")
        assert (status, told["field"], knock.log.entries) == (400, field, [])


async def test_who_is_not_asked_for_is_ignored_whatever_lists_he_brings() -> None:
    many = [{"transactions": [{"kind": "refund"}] * (ENTRIES_MAX + 1)}]
    async with door() as knock:
        for nobody in ({"email": None}, {"test": True}):
            status, told = await shopify(knock, order(refunds=many, **nobody), "orders/updated")
            assert (status, told) == (200, {"accepted": 0, "ignored": 1})


def test_a_file_has_rows_as_long_as_it_likes() -> None:
    """Nobody waits beside it."""
    rule = {"type": "order.cancelled", "each": "orders", "where": {"orders.state": "off"}, "id": "orders.id", "subject": "orders.by"}
    mapping = Mapping.model_validate({"shop": "acme", "events": [{**rule, "time": "orders.at", "data": {"order_id": "orders.id"}}]})
    one = {"id": "o", "by": "c", "at": "2026-03-01T10:15:00Z"}
    row = {"orders": [{**one, "state": "on"}] * 20_000 + [{**one, "state": "off"}] * 3}
    assert [type(made) for made in shape([(1, row)], mapping)] == [Mapped] * 3


@pytest.mark.parametrize(
    "more",
    [
        {"test": [0] * 100_000, "refunds": [{"transactions": [{}] * ENTRIES_MAX}]},
        {"email": "A" * 1_000_000},
        {"created_at": "2026-03-01" + " " * 100_000 + "10:15"},
    ],
)
async def test_what_is_long_is_not_read_again_and_again(more: dict[str, Any]) -> None:
    refunds = [{"id": number, "kind": "refund", "status": "success", "amount": "1.00"} for number in range(ENTRIES_MAX)]
    body = compact(order(**{"refunds": [{"created_at": "2026-03-01T10:15:00Z", "transactions": refunds}], **more}))
    headers: Any = {"X-Shopify-Topic": "orders/updated"}
    began = process_time()
    read_webhook(SHOPIFY, headers, body, "acme", NOW_MS)
    assert process_time() - began < 3 * slowness(), "it took minutes"


async def test_lines_that_were_taken_off_an_order_do_not_count_against_it() -> None:
    gone, kept = {"sku": "a", "quantity": 0, "price": "1"}, {"sku": "b", "quantity": 1, "price": "1"}
    async with door() as knock:
        assert (await shopify(knock, order(line_items=[gone] * 400 + [kept] * 500), "orders/create"))[0] == 200
        assert len(knock.log.events()[0]["data"]["lines"]) == 500


def test_a_slice_is_as_long_as_what_stands_in_it() -> None:
    lines = {"event": "Order Completed", "properties": {"order_id": "o", "total": 1, "products": [{"quantity": 0}] * ENTRIES_MAX}}
    reading = read_batch(compact({"batch": [lines] * 200}), "acme", NOW_MS)
    turns = 0
    with contextlib.suppress(StopIteration):
        while True:
            reading.send(None)
            turns += 1
    assert turns >= 40, "others have had their turn after every few calls"


async def test_one_who_asks_for_much_lets_others_have_their_turn() -> None:
    """The largest batch is read in slices, and whoever came later is answered before it ends."""
    many = {**SEGMENT[0], "properties": {"order_id": "o", "total": 1, "products": [{"sku": "a", "quantity": 1, "price": 1}] * 30}}
    body = compact({"batch": [many | {"messageId": str(number)} for number in range(2_000)]})
    assert len(body) < 4 * MIB
    ended: list[str] = []

    async def read(name: str, reading: Any) -> None:
        await reading
        ended.append(name)

    await asyncio.gather(
        read("large", read_batch(body, "acme", NOW_MS)), *[read("small", read_track(compact(SEGMENT[0]), "acme", NOW_MS)) for _ in range(3)]
    )
    assert ended == ["small"] * 3 + ["large"]


async def test_the_key_in_the_body_still_opens_the_door() -> None:
    async with door() as knock:
        assert (await knock.post("/v1/batch", {"batch": SEGMENT, "writeKey": KEY}, key=None))[1]["accepted"] == 4
        assert (await knock.post("/v1/batch", SMALL_VALUES, key=None))[0] == 401
        assert (await knock.post("/v1/batch", b"[1]", key=None))[0] == 400
