"""Requests to `stream-app ingest` at a steady rate, whatever the answers do: each is timed from when it was due, not from when it was sent.

Run as a program it is the load of a measurement, in a process of its own; sockets are written to directly, so that it costs little.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from stream_app.codec.times import format_time

HOST: Final = "127.0.0.1"
SHOP: Final = "bench"
CUSTOMERS: Final = 50_000
_TICK_S: Final = 0.002
_PATIENCE_S: Final = 30.0


def event(name: str, number: int, at: str) -> bytes:
    """An order, as a CloudEvent."""
    lines = b'[{"sku":"s-1","category":"sneakers","quantity":1,"total_minor":4000}]'
    data = b'{"order_id":"%b-%d","currency":"EUR","total_minor":4000,"lines":%b}' % (name.encode(), number, lines)
    head = b'{"specversion":"1.0","id":"%b-%d","source":"/shops/%b","type":"order.placed","subject":"customer-%d","time":"%b","data":%b}'
    return head % (name.encode(), number, SHOP.encode(), number * 7919 % CUSTOMERS, at.encode(), data)


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, posting: "Posting") -> None:
        self.posting = posting
        self.transport: asyncio.Transport | None = None
        self.request: int | None = None
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(self.buffer) < end + 4 + length:
            return
        self.buffer = b""
        self.posting.answered(self, int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.posting.lost(self)


class Posting:
    """Posts requests of `size` events each.

    Attributes:
        statuses: how many answers had which status.
        stored: the numbers of the requests that were answered with 2xx.
        unanswered: the numbers of those that the end of a connection left without an answer.
        delays_ms: from when a request was due to its answer, with when it was due (seconds since the start).
    """

    def __init__(self, port: int, key: str, name: str, *, size: int = 1, connections: int = 32) -> None:
        """`name` begins the ids of the events; a `size` of more than 1 makes batches."""
        self.port, self.key, self.name, self.size = port, key, name, size
        self.statuses: Counter[int] = Counter()
        self.stored: list[int] = []
        self.unanswered: list[int] = []
        self.delays_ms: list[tuple[float, float]] = []
        self._connections = connections
        self._idle: deque[_Connection] = deque()
        self._open = 0
        self._due: deque[tuple[int, float]] = deque()
        self._times: dict[int, float] = {}
        self._started = 0.0
        self._ending = False
        self._numbers: Sequence[int] | None = None
        self._quiet = asyncio.Event()

    def only(self, numbers: Sequence[int]) -> None:
        """Post these requests, and no others."""
        self._numbers = numbers

    def request(self, number: int) -> bytes:
        """The bytes of a request, always the same for a number but for the events' time."""
        at = format_time(int(time.time() * 1000))
        events = [event(self.name, number * self.size + place, at) for place in range(self.size)]
        kind = b"application/cloudevents-batch+json" if self.size > 1 else b"application/cloudevents+json"
        body = b"[" + b",".join(events) + b"]" if self.size > 1 else events[0]
        head = b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
        return head % (self.key.encode(), kind, len(body)) + body

    async def run(self, per_second: float, seconds: float) -> None:
        """Post `per_second` requests for so long, or until every connection is lost; then wait for the answers."""
        loop = asyncio.get_running_loop()
        for _ in range(self._connections):
            _, connection = await loop.create_connection(lambda: _Connection(self), HOST, self.port)
            self._idle.append(connection)
            self._open += 1
        self._started = time.monotonic()
        posted, end = 0, sys.maxsize if self._numbers is None else len(self._numbers)
        while (now := time.monotonic() - self._started) < seconds and self._open:
            while posted < min(int(now * per_second), end):
                self._due.append((posted if self._numbers is None else self._numbers[posted], posted / per_second))
                posted += 1
            self._send()
            await asyncio.sleep(_TICK_S)
        self._ending = True
        if self.is_under_way:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), _PATIENCE_S)
        for connection in self._idle:
            assert connection.transport is not None
            connection.transport.abort()

    def answered(self, connection: _Connection, status: int) -> None:
        """An answer has come."""
        assert connection.request is not None
        number, connection.request = connection.request, None
        due = self._times.pop(number)
        self.statuses[status] += 1
        if 200 <= status < 300:
            self.stored.append(number)
        self.delays_ms.append((due, (time.monotonic() - self._started - due) * 1000))
        self._idle.append(connection)
        self._send()
        self._tell()

    def lost(self, connection: _Connection) -> None:
        """A connection has ended."""
        self._open -= 1
        if connection.request is not None:
            self._times.pop(connection.request, None)
            self.unanswered.append(connection.request)
        elif connection in self._idle:
            self._idle.remove(connection)
        self._tell()

    @property
    def is_under_way(self) -> bool:
        """Whether an answer is waited for."""
        return bool(self._open and (self._times or self._due))

    def _tell(self) -> None:
        if self._ending and not self.is_under_way:
            self._quiet.set()

    def _send(self) -> None:
        while self._due and self._idle:
            number, due = self._due.popleft()
            connection = self._idle.popleft()
            assert connection.transport is not None
            connection.request = number
            self._times[number] = due
            connection.transport.write(self.request(number))


def main() -> None:
    """Post, and print what came back as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--per-second", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    args = parser.parse_args()
    posting = Posting(args.port, args.key_file.read_text(), args.name, size=args.size, connections=args.connections)
    asyncio.run(posting.run(args.per_second, args.seconds))
    told = {"statuses": posting.statuses, "stored": posting.stored, "unanswered": posting.unanswered, "delays_ms": posting.delays_ms}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
