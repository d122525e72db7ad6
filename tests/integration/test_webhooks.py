"""`webhooks` on a real Kafka: killed while requests are under way, with a dead endpoint and one that is gone beside the good one."""

import asyncio
import json
import signal
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from hmac import new as hmac
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientSession, web

from stream_app.demo.broker import free_port
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.settings import Settings
from stream_app.worker.cluster import producer
from stream_app.worker.topics import create_topics
from tests.integration.workers import Worker, workers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENTS, CUSTOMERS, PARTITIONS = 240, 24, 2
CANARY = "canary-customer"
LIMIT_S = 40.0


def change(number: int, origin: str = "live") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{origin}-{number:04}",
        "source": "/shops/acme",
        "type": "status.changed",
        "subject": f"{CANARY}-{number % CUSTOMERS}",
        "time": "2026-01-01T00:00:00.000Z",
        "origin": origin,
        "data": {"dimension": "lifecycle", "from": "active", "to": "inactive", "sequence": number},
    }


class Receiver:
    """Three endpoints: one that can be held while it answers, one that fails until it is mended, one that is gone."""

    def __init__(self) -> None:
        self.got: dict[str, list[dict[str, Any]]] = {"good": [], "dead": [], "gone": []}
        self.refused = {"good": 0, "dead": 0, "gone": 0}
        self.held: list[str] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.mended = False
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        name = request.path[1:]
        body = await request.read()
        check_signature(request, body)
        if name == "gone" or (name == "dead" and not self.mended):
            self.refused[name] += 1
            return web.Response(status=410 if name == "gone" else 503)
        event = json.loads(body)
        assert request.headers["webhook-id"] == event["id"]
        self.got[name].append(event)
        if not self.go_on.is_set():
            self.held.append(event["id"])
            await self.go_on.wait()
        return web.Response()


def check_signature(request: web.Request, body: bytes) -> None:
    """What a receiver does, by the text of the standard."""
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + body
    expected = b64encode(hmac(b64decode(SECRET.removeprefix("whsec_")), signed, sha256).digest()).decode()
    assert f"v1,{expected}" in request.headers["webhook-signature"].split(" ")


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/{name}", found.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.port = runner.addresses[0][1]
    try:
        yield found
    finally:
        found.go_on.set()
        await runner.cleanup()


async def publish(settings: Settings, first: int = 0, end: int = EVENTS) -> None:
    async with producer(settings) as client:
        for number in range(first, end):
            for event in (change(number), change(number, "backfill")):
                key = f"acme/{event['subject']}".encode()
                await client.send(
                    settings.topic("status-changes"), json.dumps(event).encode(), key=key, partition=partition_of(key, PARTITIONS)
                )


async def until(holds: Callable[[], bool], what: str) -> None:
    until_s = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < until_s, f"not in time: {what}"
        await asyncio.sleep(0.02)


def distinct(events: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(event["id"] for event in events))


def in_order(ids: list[str]) -> bool:
    """Each customer's events, each when it came first, in the order in which they were published."""
    by_customer: dict[int, list[int]] = {}
    for one in ids:
        number = int(one.rpartition("-")[2])
        by_customer.setdefault(number % CUSTOMERS, []).append(number)
    return all(a < b for numbers in by_customer.values() for a, b in pairwise(numbers))


async def kill_while_requests_are_under_way(found: Receiver, process: Worker) -> set[str]:
    await until(lambda: len(found.got["good"]) >= 20, "the first events came")
    found.go_on.clear()
    await until(lambda: "said 410" in process.log.read_text(), "it is kept who is gone")
    await until(lambda: len(found.held) >= 4, "requests are held")
    await until(lambda: found.refused["gone"] > 0 and found.refused["dead"] > 0, "both others were tried")
    process.kill()
    struck = set(found.held)
    assert process.process.returncode == -signal.SIGKILL
    assert len(struck) >= 4
    assert len(distinct(found.got["good"])) < EVENTS, "it was struck before the end"
    found.go_on.set()
    return struck


async def standing_by(settings: Settings, found: Receiver, other: Worker) -> None:
    """A second process beside the first: whichever of them delivers, nothing comes twice."""
    await until(other.listens, "the other takes part")
    before = len(found.got["good"])
    await publish(settings, EVENTS, EVENTS + 40)
    await until(lambda: len(found.got["good"]) - before >= 40, "what is new has come")
    assert sorted(event["data"]["sequence"] for event in found.got["good"][before:]) == list(range(EVENTS, EVENTS + 40))
    assert await asyncio.to_thread(other.stop) == 0  # the receiver answers meanwhile, on this loop


async def test_a_kill_a_dead_and_a_gone_endpoint(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    await publish(settings)
    port = free_port()
    async with receiver() as found:
        one = {"secrets": [SECRET], "allow_private": True, "begin": "earliest", "types": ["status.changed"], "to": ["inactive"]}
        endpoints = [{**one, "name": name, "url": f"http://127.0.0.1:{found.port}/{name}"} for name in found.got]
        (tmp_path / "webhooks.yaml").write_text(yaml.safe_dump({"endpoints": endpoints}))
        with workers(tmp_path, "stream_app", "webhooks", str(tmp_path / "webhooks.yaml")) as start:
            struck = await kill_while_requests_are_under_way(found, start(environment, "one"))
            refused = dict(found.refused)
            assert refused["dead"] < 12, "a dead endpoint is left alone"
            assert found.got["dead"] == []

            second = start(environment, "one", METRICS_PORT=str(port), LOG_LEVEL="debug")
            await until(lambda: len(distinct(found.got["good"])) == EVENTS, "the good one has everything")
            found.mended = True
            await until(lambda: len(distinct(found.got["dead"])) == EVENTS, "the dead one has everything, too")
            came = [event["id"] for event in found.got["good"]]
            await standing_by(settings, found, start(environment, "two"))
            async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as page:
                shown = await page.text()
            assert await asyncio.to_thread(second.stop) == 0
            said = second.log.read_text()

    for name in ("good", "dead"):
        assert in_order(distinct(found.got[name])), name
        assert {event["origin"] for event in found.got[name]} == {"live"}
    assert {one for one in struck if came.count(one) > 1} == struck, "what was under way came again, under the same id"
    assert found.refused["gone"] == refused["gone"], "who is gone gets nothing more, in another life neither"
    assert 'customer_status_webhook_deliveries_total{endpoint="dead",outcome="delivered"}' in shown
    assert 'customer_status_webhook_endpoint_up{endpoint="gone"} 0.0' in shown
    assert "webhook delivered" in said
    assert CANARY not in said + shown
    assert SECRET not in said
