"""What is asked of the read API, and how long each answer takes: over HTTP, one after another, by somebody who also reads the stream."""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession

from benchmarks.read_api.build import BEGIN_MS, DAY_MS, SPREAD_DAYS
from stream_app.codec.times import format_time


def questions(number: int, chance: random.Random) -> dict[str, Callable[[], str]]:
    """Every answer that comes from the database, each with parameters drawn anew."""

    def somebody() -> str:
        return f"customer-{chance.randrange(number):07}"

    def moment(days: int = SPREAD_DAYS) -> str:
        return format_time(BEGIN_MS + chance.randrange(days) * DAY_MS)[:10]

    return {
        "overview": lambda: "overview",
        "customers, by prefix": lambda: f"customers?search={somebody()[: chance.randrange(9, 16)]}",
        "customers, by a part": lambda: f"customers?search={chance.randrange(100_000):05}&match=substring",
        "customers, by a part that nobody has": lambda: f"customers?search=x{chance.randrange(100)}&match=substring",
        "customers, by one status": lambda: f"customers?status=lifecycle:{chance.choice(['active', 'inactive'])}&search={somebody()[:12]}",
        "customers, by three statuses": lambda: "customers?status=lifecycle:inactive&status=class:A,B&status=winback:recent",
        "customers, by statuses that exclude each other": lambda: "customers?status=lifecycle:inactive&status=churn_risk:low",
        "customer": lambda: f"customer?id={somebody()}",
        "customer/changes": lambda: f"customer/changes?id={somebody()}&limit=5",
        "customer/status": lambda: f"customer/status?id={somebody()}&at={moment()}&known_at={moment()}",
        "changes": lambda: f"changes?until={moment()}",
        "changes of a dimension": lambda: f"changes?dimension=class&until={moment()}",
        "changes of a flow": lambda: f"changes?dimension=lifecycle&from=active&to=inactive&since={moment()}",
        "flows by month": lambda: f"flows?dimension={chance.choice(['lifecycle', 'churn_risk'])}",
        "flows by day": lambda: "flows?period=day&since=2024-06-01&until=2024-08-30",
        "insights": lambda: "insights",
    }


async def measure(address: str, number: int, times: int) -> dict[str, dict[str, float]]:
    """Ask each question `times` times; milliseconds."""
    found: dict[str, dict[str, float]] = {}
    async with ClientSession() as session:
        for name, question in questions(number, random.Random(1)).items():
            took = []
            for _ in range(times):
                began = time.perf_counter()
                async with session.get(address + question()) as response:
                    assert response.status == 200, await response.text()
                    await response.read()
                took.append((time.perf_counter() - began) * 1000)
            took.sort()
            found[name] = {
                "median_ms": round(statistics.median(took), 1),
                "p95_ms": round(took[int(len(took) * 0.95)], 1),
                "max_ms": round(took[-1], 1),
            }
    return found


async def changes_in(address: str) -> int:
    """How many changes the database has."""
    async with ClientSession() as session, session.get(address + "overview") as response:
        found: int = (await response.json())["changes"]
        return found


@dataclass
class Heard:
    """What a page hears of the stream: for how long nothing at most."""

    pieces: int = 0
    longest_silence_s: float = 0.0


async def while_listening(address: str, work: Callable[[], Awaitable[Any]]) -> Heard:
    """Do some work while a page listens."""
    heard = Heard()

    async def listen() -> None:
        async with ClientSession() as session, session.get(address + "stream?per_second=20") as response:
            last = time.monotonic()
            async for _ in response.content.iter_any():
                now = time.monotonic()
                heard.pieces += 1
                heard.longest_silence_s = max(heard.longest_silence_s, round(now - last, 2))
                last = now

    listening = asyncio.create_task(listen())
    await work()
    assert not listening.done(), "the stream has ended"
    listening.cancel()
    return heard
