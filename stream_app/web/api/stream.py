"""Changes as they come, as server-sent events: every one of them, in the order in which they were taken in, resumable by number."""

import asyncio
import time
from typing import Any, Final

import msgspec
from aiohttp import web
from sqlalchemy import Connection, Row

from stream_app.codec.times import format_time
from stream_app.telemetry.logs import get_logger
from stream_app.web.api.context import Context
from stream_app.web.api.parameters import OfStream, now_ms
from stream_app.web.api.problems import Problem
from stream_app.web.api.shapes import Document, change_of
from stream_app.web.api.shops import counts_of, tempo_of
from stream_app.web.history import changes, shops

_AT_ONCE: Final = 200
_PULSE_S: Final = 1.0
_STREAMS_MAX: Final = 200
_COUNTED_MAX: Final = 100_000
"""Of a longer gap what is left out is known by numbers, not counted; they have hardly a hole."""

_SLOWEST_S: Final = 20.0
"""Whoever takes longer to read what was sent is let go; he can go on with the number that he has."""

_log: Final = get_logger(__name__)


class Streams:
    """All streams that are open; they are told to end before the server does."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._open: set[asyncio.Task[Any]] = set()

    def close(self) -> None:
        """End them."""
        for task in self._open:
            task.cancel()

    async def answer(self, request: web.Request, asked: OfStream) -> web.StreamResponse:
        """Send changes until the client goes away."""
        if len(self._open) >= _STREAMS_MAX:
            raise Problem(503, "there are too many streams", fix="close one, or try again later", retry_after_s=10)
        shop = None
        if asked.shop is not None:
            shop = await self._context.which_shop(asked.shop)
        number = await self._begin(request, asked)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await _write(response, f"retry: 1000\nid: {number}\n\n".encode())  # a number to go on from, before anything has happened
            await self._send(response, shop, asked, number)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # the client has gone, or we go
        except Problem:
            pass  # the database is away: the client comes back with its number, and is told then
        except Exception as error:  # noqa: BLE001 - an answer that has begun must end as one: a second one inside it is read by nobody
            _log.error("stream ended", error_type=type(error).__name__, exc_info=True)
        finally:
            self._open.discard(task)
        return response

    async def _begin(self, request: web.Request, asked: OfStream) -> int:
        given = request.headers.get("Last-Event-ID", "").strip()
        if given:
            if not (given.isascii() and given.isdigit() and len(given) <= 16):
                raise Problem(
                    400, "Last-Event-ID: not a number of ours", field="Last-Event-ID", fix="give the id of the last event that came"
                )
            after: int | None = int(given)
        else:
            after = asked.after
        newest = await self._context.ask(changes.newest_number)
        # A number that was never given is of another database, such as that of the demo before.
        return newest if after is None else min(after, newest)

    async def _send(self, response: web.StreamResponse, shop: str | None, asked: OfStream, number: int) -> None:
        pulsed = 0.0
        while True:
            if time.monotonic() - pulsed >= _PULSE_S:
                pulsed = time.monotonic()
                await _write(response, await self._pulse(shop))
            rows, number, left_out = await self._context.ask(lambda connection, at=number: _next(connection, at, shop, asked))  # type: ignore[misc]
            if rows or left_out:
                document = {"changes": [change_of(row, asked.words) for row in rows], "left_out": left_out}
                await _write(response, _event("changes", document, number))
            if asked.per_second is not None:
                await asyncio.sleep(max(0.0, pulsed + _PULSE_S - time.monotonic()))
            elif len(rows) < _AT_ONCE:
                await self._context.moved(max(0.05, pulsed + _PULSE_S - time.monotonic()))

    async def _pulse(self, shop: str | None) -> bytes:
        def answer(connection: Connection) -> Document:
            known = shops.all_shops(connection)
            return counts_of(connection, shop or (known[0] if len(known) == 1 else None))

        return _event("pulse", {"at": format_time(now_ms()), **await self._context.ask(answer), **tempo_of(self._context)})


def _next(connection: Connection, number: int, shop: str | None, asked: OfStream) -> tuple[list[Row[Any]], int, int]:
    """The next changes, the number to go on from, and how many were left out."""
    if asked.per_second is None:
        rows = changes.after_number(connection, number, shop=shop, dimension=asked.dimension, limit=_AT_ONCE)
        return rows, rows[-1].number if rows else number, 0
    newest = changes.newest_number(connection)
    counted_from = max(number, newest - _COUNTED_MAX)
    rows, passed = changes.newest_between(connection, counted_from, newest, shop=shop, dimension=asked.dimension, limit=asked.per_second)
    return rows, max(number, newest), counted_from - number + passed - len(rows)


def _event(name: str, document: Document, number: int | None = None) -> bytes:
    head = f"event: {name}\n" + ("" if number is None else f"id: {number}\n")
    return head.encode() + b"data: " + msgspec.json.encode(document) + b"\n\n"


async def _write(response: web.StreamResponse, told: bytes) -> None:
    async with asyncio.timeout(_SLOWEST_S):
        await response.write(told)
