"""Room: what a request holds counts as it comes, unpacked too, and nobody keeps others out."""

import asyncio
import gzip
import json
import tracemalloc
import zlib
from asyncio import StreamReader, StreamWriter
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.telemetry.ingest import IngestMetrics
from stream_app.web.api.problems import Problem
from stream_app.web.ingest.body import BODY_BYTES_MAX, Room
from tests.unit.ingest.door import KEY, OTHER_KEY, SHOPIFY_SECRET, Door, MemoryLog, door
from tests.unit.ingest.test_events import BATCH, SINGLE, event
from tests.unit.ingest.test_webhooks import shopify, signed

BODY = json.dumps(event()).encode()
THEIRS = json.dumps(event(source="/shops/other")).encode()


async def begin(knock: Door, path: str, headers: str, sent: bytes) -> tuple[StreamReader, StreamWriter]:
    """A request that is begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(knock.address.rpartition(":")[2]))
    writer.write(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n\r\n".encode() + sent)
    await writer.drain()
    return reader, writer


async def half(knock: Door, body: bytes, sent: int, key: str = KEY) -> tuple[StreamReader, StreamWriter]:
    """An event of which some has come."""
    headers = f"Authorization: Bearer {key}\r\nContent-Type: {SINGLE}\r\nContent-Length: {len(body)}"
    return await begin(knock, "/v1/events", headers, body[:sent])


async def until_full(knock: Door, **given: Any) -> None:
    """Until an event of acme's is refused."""
    async with asyncio.timeout(5):
        while (await knock.post("/v1/events", BODY, SINGLE, **given))[0] != 429:
            await asyncio.sleep(0.01)


async def test_more_than_may_wait_is_429_before_the_body_is_read() -> None:
    async with door(waiting_bytes_max=10_000) as knock:
        knock.log.waiting_bytes = 10_000 - 2 * len(BODY)
        assert (await knock.post("/v1/events", BODY, SINGLE))[0] == 202
        knock.log.waiting_bytes += 1
        reader, writer = await half(knock, BODY, 0)
        assert (await reader.readline()).startswith(b"HTTP/1.1 429")
        writer.close()
        status, _ = await knock.post("/v1/events", BODY, SINGLE)
        assert (status, knock.retry_after) == (429, "1")
        knock.log.waiting_bytes = 0
        assert (await knock.post("/v1/events", BODY, SINGLE))[0] == 202
        assert knock.counted("throttled_total", why="waiting") == 2


async def test_bodies_that_are_still_coming_take_room_and_others_still_have_some() -> None:
    async with door(waiting_bytes_max=6 * len(BODY)) as knock:
        coming = [await half(knock, BODY, len(BODY) - 1) for _ in range(3)]
        await until_full(knock)
        assert (await knock.post("/v1/events", THEIRS, SINGLE, OTHER_KEY))[0] == 202
        for reader, writer in coming:
            writer.write(BODY[-1:])
            assert (await reader.readline()).startswith(b"HTTP/1.1 202")
            writer.close()
        assert (await knock.post("/v1/events", BODY, SINGLE))[0] == 202


async def test_what_has_not_come_takes_no_room() -> None:
    chunked = f"Authorization: Bearer {KEY}\r\nContent-Type: {SINGLE}\r\nTransfer-Encoding: chunked"
    async with door() as knock:
        coming = [await begin(knock, "/v1/events", chunked, b"1\r\n{\r\n") for _ in range(40)]
        coming += [await half(knock, b"[" + b" " * (4 << 20 - 1), 1) for _ in range(40)]
        for body, key in ((THEIRS, OTHER_KEY), (BODY, KEY)):
            assert (await knock.post("/v1/events", body, SINGLE, key))[0] == 202
        assert knock.counted("throttled_total", why="waiting") == 0
        for _, writer in coming:
            writer.close()


async def test_strangers_have_half_of_it_together() -> None:
    head = f"Content-Length: {len(BODY)}"
    async with door(waiting_bytes_max=4 * len(BODY)) as knock:
        coming = [await begin(knock, "/v1/webhooks/shopify/acme", head, BODY[:-1]) for _ in range(2)]
        async with asyncio.timeout(5):
            while (await knock.post("/v1/webhooks/shopify/acme", BODY, key=None))[0] != 429:
                await asyncio.sleep(0.01)
        assert (await knock.post("/v1/events", BODY, SINGLE))[0] == 202
        for _, writer in coming:
            writer.close()


async def test_a_body_is_unpacked_when_all_of_it_has_come_and_counts_unpacked() -> None:
    packed = gzip.compress(b" " * (BODY_BYTES_MAX - 100))
    head = f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}"
    async with door() as knock:
        await knock.post("/v1/webhooks/shopify/acme", b"{}", key=None)
        tracemalloc.start()
        try:
            coming = [await begin(knock, "/v1/webhooks/shopify/acme", head, packed[:-8]) for _ in range(20)]
            for reader, writer in coming:
                writer.write(packed[-8:])
                assert (await reader.readline()).startswith(b"HTTP/1.1 401")
                writer.close()
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert 2 * BODY_BYTES_MAX <= most < 5 * BODY_BYTES_MAX
    async with door(waiting_bytes_max=8_000) as knock:
        for size, status in ((4_000, 401), (4_001, 429)):
            body = gzip.compress(b" " * size)
            assert len(body) < 100
            assert (await knock.post("/v1/webhooks/shopify/acme", body, key=None, Content_Encoding="gzip"))[0] == status


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_packed_is_as_good_as_not(pack: Any) -> None:
    coding = "gzip" if pack is gzip.compress else "deflate"
    many = json.dumps([event(number) for number in range(9_000)]).encode()
    async with door() as knock:
        assert 1 << 20 < len(many) < BODY_BYTES_MAX
        assert (await knock.post("/v1/events", pack(many), BATCH, Content_Encoding=coding))[0] == 202
        assert len(knock.log.entries) == 9_000
        body = b'{"id": 1}'
        given = {"X-Shopify-Hmac-Sha256": signed(SHOPIFY_SECRET, body), "X-Shopify-Topic": "products/update", "Content-Encoding": coding}
        assert (await knock.post("/v1/webhooks/shopify/acme", pack(body), key=None, **given))[0] == 200


@pytest.mark.parametrize(
    ("packed", "status"),
    [
        (gzip.compress(BODY)[:-1], 400),
        (gzip.compress(BODY)[:-8] + bytes(8), 400),
        (gzip.compress(BODY) + b"x", 400),
        (gzip.compress(BODY) + gzip.compress(b""), 400),
        (b"", 400),
        (gzip.compress(b" " * BODY_BYTES_MAX + BODY), 413),
        (gzip.compress(b" " * (60 << 20)), 413),
    ],
)
async def test_what_cannot_be_unpacked_is_refused(packed: bytes, status: int) -> None:
    async with door() as knock:
        got, told = await knock.post("/v1/events", packed, SINGLE, Content_Encoding="gzip")
        assert (got, told["field"]) == (status, "body")


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "jan@example.org"])
async def test_another_coding_is_415(coding: str) -> None:
    async with door() as knock:
        for path in ("/v1/events", "/v1/track", "/v1/webhooks/shopify/acme"):
            status, told = await knock.post(path, BODY, SINGLE, Content_Encoding=coding)
            assert (status, told["field"], knock.answer_type) == (415, "Content-Encoding", "application/problem+json")
            assert "jan" not in json.dumps(told)


async def test_a_signed_webhook_is_on_its_shop_s_account_until_it_is_answered() -> None:
    order = {
        "id": 5,
        "name": "#5",
        "created_at": "2026-03-01T10:00:00Z",
        "currency": "EUR",
        "total_price": "1.00",
        "email": "a@example.org",
    }
    size = len(json.dumps(order))
    async with door(waiting_bytes_max=4 * size) as knock:
        knock.log.held.clear()
        waiting = []
        for _ in range(2):
            knock.log.asked.clear()
            waiting.append(asyncio.create_task(shopify(knock, order)))
            await asyncio.wait_for(knock.log.asked.wait(), 5)
        assert (await knock.post("/v1/webhooks/shopify/acme", b"{}", key=None))[0] == 401, "strangers have room"
        knock.log.waiting_bytes = 2 * size
        assert (await shopify(knock, order))[0] == 429
        knock.log.held.set()
        assert [status for status, _ in await asyncio.gather(*waiting)] == [200, 200]
        knock.log.waiting_bytes = 0
        assert (await shopify(knock, order))[0] == 200


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), st.integers(0, 700)), max_size=30), st.integers(0, 400))
def test_whoever_comes_next_has_half_of_what_is_free(asked: list[tuple[str | None, int]], waiting: int) -> None:
    log = MemoryLog()
    log.waiting_bytes = waiting
    room = Room(log, IngestMetrics(), 1_000)
    held: dict[str | None, int] = {}
    with ExitStack() as places:
        for owner, size in asked:
            place = places.enter_context(room.place(owner))
            with suppress(Problem):
                place.hold(size)
                held[owner] = held.get(owner, 0) + size
        free = 1_000 - waiting - sum(held.values())
        assert free >= 0
        assert all(size <= 500 for size in held.values())
        places.enter_context(room.place("next")).hold(free // 2)
        with pytest.raises(Problem):
            room.place("another").hold((free - free // 2) // 2 + 1)
    room.place("a").hold((1_000 - waiting) // 2)
