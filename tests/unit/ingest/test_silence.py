"""No log line quotes a request, whatever is wrong with it, or with us."""

import asyncio
import io
import logging
import sys
from collections.abc import Iterator, Sequence

import pytest

from stream_app.feed import Entry
from stream_app.telemetry.logs import configure_logging
from tests.unit.ingest.door import KEY, door
from tests.unit.ingest.test_events import SINGLE, event

SECRET = "carl@example.org"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the process writes to its log."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("json", "info")
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)


async def test_no_line_quotes_a_request(lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = event(subject=SECRET, data={"order_id": SECRET, "total_minor": SECRET})
    async with door() as knock:
        for body in (hidden, event(subject=SECRET), {**event(), "time": SECRET}, SECRET):
            await knock.post("/v1/events", body, SINGLE)
        await knock.post("/v1/track", {"event": "Order Completed", "userId": SECRET, "properties": {"total": SECRET}})
        await knock.post(f"/v1/webhooks/shopify/{SECRET}", {"email": SECRET}, key=None)
        for head in (f"POST /{SECRET} HTTP/7.0\r\n\r\n", f"POST / HTTP/1.1\r\nHost: a\r\n{SECRET}\r\n\r\n", f"{SECRET}\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(knock.address.rpartition(":")[2]))
            writer.write(head.encode())
            assert b" 400 " in await reader.readline()
            writer.close()

        async def fail(entries: Sequence[Entry]) -> None:
            raise ValueError(f"{SECRET} {entries}")

        monkeypatch.setattr(knock.log, "append", fail)
        status, told = await knock.post("/v1/events", event(subject=SECRET), SINGLE, KEY)
        assert (status, told["detail"]) == (500, "something went wrong on our side")
    said = lines.getvalue()
    assert "request failed" in said
    assert SECRET not in said
    assert "127.0.0.1" not in said


async def test_a_sender_who_leaves_is_no_failure_of_ours(lines: io.StringIO) -> None:
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\nContent-Type: {SINGLE}"
    async with door() as knock:
        for rest in ("Content-Length: 500\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"):
            for leave in ("abort", "close"):
                before = knock.counted("requests_total", form="events", status="499")
                _, writer = await asyncio.open_connection("127.0.0.1", int(knock.address.rpartition(":")[2]))
                writer.write(f"POST /v1/events HTTP/1.1\r\n{head}\r\n{rest}".encode())
                await writer.drain()
                await knock.post("/v1/events", event(), SINGLE)  # by now the other request is being read
                getattr(writer.transport, leave)()
                async with asyncio.timeout(5):
                    while knock.counted("requests_total", form="events", status="499") == before:
                        await asyncio.sleep(0.01)
        assert knock.counted("requests_total", form="events", status="499") == 4
        assert knock.counted("requests_total", form="events", status="500") == 0
    assert lines.getvalue() == ""
