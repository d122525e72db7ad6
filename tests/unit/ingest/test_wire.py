"""What aiohttp itself refuses, before any of ours is asked: a problem like the others, without a word of the request."""

import asyncio
import json
import re

import pytest
from aiohttp import ClientSession, web

from stream_app.web.ingest.wire import set_up
from tests.unit.ingest.door import KEY, Door, door
from tests.unit.ingest.test_events import SINGLE

ADDRESS = "jan.de.vries@example.org"
HEAD = f"Host: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\nContent-Type: {SINGLE}\r\n"


async def answers(knock: Door, request: bytes) -> list[bytes]:
    """All that is answered until the server closes the connection, an answer each."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(knock.address.rpartition(":")[2]))
    writer.write(request)
    async with asyncio.timeout(5):
        said = await reader.read()
    writer.close()
    first, *others = re.split(rb"HTTP/1\.[01] (?=[0-9])", said)
    assert first == b""
    return others


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (f"POST /v1/events HTTP/1.1\r\n{HEAD}{ADDRESS}\r\n\r\n", 400),
        (f"POST /v1/events HTTP/1.1\r\n{HEAD}X-A: {ADDRESS}\x00\r\n\r\n", 400),
        (f"POST /v1/events HTTP/1.1\r\n{HEAD}X-A: {ADDRESS * 400}\r\n\r\n", 400),
        (f"POST /v1/events?{ADDRESS * 400} HTTP/1.1\r\n{HEAD}\r\n", 400),
        (f"POST /v1/{ADDRESS} HTTP/7.0\r\n{HEAD}\r\n", 400),
        (f"{ADDRESS}\r\n\r\n", 400),
        (f"POST /v1/events HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n{ADDRESS}\r\n", 400),
        (f"POST /v1/events HTTP/1.1\r\n{HEAD}Content-Length: {ADDRESS}\r\n\r\n", 400),
        (f"POST /v1/events HTTP/1.1\r\n{HEAD}Connection: close\r\nExpect: {ADDRESS}\r\n\r\n", 417),
        (f"POST /{ADDRESS} HTTP/1.1\r\n{HEAD}Connection: close\r\nExpect: {ADDRESS}\r\n\r\n", 417),
        (f"POST /{ADDRESS} HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n", 404),
        (f"POST /v1/events HTTP/1.1\r\n{HEAD}Connection: close\r\nContent-Encoding: {ADDRESS}\r\n\r\n", 415),
    ],
)
async def test_it_is_a_problem_and_quotes_nothing(request_: str, status: int) -> None:
    async with door() as knock:
        given = await answers(knock, request_.encode("latin1"))
        assert given
        for answer in given:
            head, _, body = answer.partition(b"\r\n\r\n")
            assert int(head[:3]) == status
            assert b"Content-Type: application/problem+json" in head
            assert b"Server: stream-app\r\n" in head + b"\r\n"
            told = json.loads(body)
            assert told["status"] == status
            assert told["detail"]
            assert b"jan" not in answer
            assert b"ython" not in answer


async def test_who_asks_whether_to_go_on_is_told_so() -> None:
    async with door() as knock:
        head = f"POST /v1/events HTTP/1.1\r\n{HEAD}Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{{}}"
        go_on, then = await answers(knock, head.encode())
        assert go_on.startswith(b"100 ")
        assert then.startswith(b"400 ")


async def test_what_fails_where_no_middleware_sees_it_is_our_failure_and_quotes_nothing() -> None:
    async def fail(_request: web.Request) -> web.StreamResponse:
        raise ValueError(ADDRESS)

    app = web.Application()
    app.router.add_get("/", fail)
    runner = await set_up(app, 1)
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{runner.addresses[0][1]}/") as response:
            assert (response.status, response.content_type) == (500, "application/problem+json")
            assert (response.headers["Server"], response.headers["Cache-Control"]) == ("stream-app", "no-store")
            assert "jan" not in await response.text()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "broken", ["zz\r\nxx\r\n", "1;" + "x" * 10_000 + "\r\n", "5\r\nabcdeXX", "0\r\nbad trailer\r\n\r\n", "fffffffffffffffff\r\n"]
)
async def test_a_chunk_that_is_broken_in_a_later_packet_ends_the_request(broken: str, caplog: pytest.LogCaptureFixture) -> None:
    async with door() as knock:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(knock.address.rpartition(":")[2]))
        writer.write(f"POST /v1/events HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n".encode())
        await asyncio.sleep(0.1)
        writer.write(broken.encode())
        await asyncio.sleep(0.05)
        writer.write(ADDRESS.encode() * 1_000)
        async with asyncio.timeout(5):
            said = await reader.read()
        writer.close()
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 ") == 1
    assert b"jan" not in said
    assert "Unhandled" not in caplog.text
