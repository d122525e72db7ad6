"""`explain` on a real Kafka: what it tells is what was published, of him and of nobody else."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from stream_app.settings import Settings, child_environment
from stream_app.worker.cluster import producer, read_to_end
from tests.integration import product
from tests.integration.workers import Worker, workers

POLICY = "shop: acme\ncurrency: EUR\nclock: events\nrhythm: {default: {method: fixed, days: 30}}\n"
LIMIT_S = 90.0
PARTITIONS = 2


def explain(environment: dict[str, str], customer: str, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "stream_app", "explain", "acme", customer, *more]
    return subprocess.run(command, env=child_environment(**environment), capture_output=True, text=True, timeout=60, check=False)


def event(kind: str, day: int, customer: str, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{customer}-{day}",
        "source": "/shops/acme",
        "type": kind,
        "subject": customer,
        "time": f"2026-01-{day:02d}T00:00:00Z",
        "data": data,
    }


def order(day: int, customer: str) -> dict[str, Any]:
    return event("order.placed", day, customer, order_id=f"o-{day}", currency="EUR", total_minor=100)


async def say(settings: Settings, one: dict[str, Any], partition: int, *, binary: bool = False) -> None:
    """Publish one event into a partition, wherever he belongs, with a key that names nobody."""
    topic = settings.topic("orders" if one["type"].startswith("order.") else "contacts")
    async with producer(settings) as client:
        if binary:
            headers = [(f"ce_{name}", value.encode()) for name, value in one.items() if name != "data"]
            await client.send_and_wait(topic, json.dumps(one["data"]).encode(), partition=partition, headers=headers)
        else:
            await client.send_and_wait(topic, json.dumps(one).encode(), partition=partition)


async def until_applied(settings: Settings, count: int, worker: Worker) -> int:
    """Wait until all `count` records and those that were sent on are applied; how many were sent on."""
    began = time.monotonic()
    while True:
        applied = await product.applied(settings)  # first: what is applied has been sent on
        sent_on = len([one async for one in read_to_end(settings, "customer-events-rekeyed")])
        if applied >= count + sent_on:
            return sent_on
        assert worker.process.poll() is None, "the worker ended by itself"
        assert time.monotonic() - began < LIMIT_S, "not all was applied"
        await asyncio.sleep(0.1)


async def test_a_story_is_what_was_published(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    product.run(environment, "topics", "create", "--partitions", str(PARTITIONS))
    product.run(environment, "policy", "publish", str(tmp_path / "policy.yaml"))
    # What they do lies in both partitions by turns, so that some of it is sent on.
    mine = [order(1, "zoë/1"), event("contact.made", 3, "zoë/1", channel="email", direction="outbound"), order(25, "zoë/1")]
    gone = [order(2, "gone"), event("customer.erased", 10, "gone")]
    with workers(tmp_path, "stream_app", "worker") as start:
        worker = start(environment)
        for number, one in enumerate([*mine, *gone]):
            await say(settings, one, number % PARTITIONS, binary=number == 1)
        for partition in range(PARTITIONS):
            await say(settings, order(28, "other"), partition)
        sent_on = await until_applied(settings, len(mine) + len(gone) + PARTITIONS, worker)
        assert worker.stop() == 0
    assert sent_on > 0, "a record of his lay where he does not belong"

    told = explain(environment, "zoë/1", "--json")
    assert (told.returncode, told.stderr, told.stdout.count("\n")) == (0, "", 1)
    story = json.loads(told.stdout)
    said = await product.committed(settings)
    published = {one["id"]: one["data"] for (_, key), events in said.items() if key == "acme/zoë/1" for one in events}
    assert published
    assert {one["id"]: one["data"] for one in story["timeline"] if one["kind"] != "event"} == published
    events = [(one["id"], one["type"], one["at"]) for one in story["timeline"] if one["kind"] == "event"]
    assert events == [(one["id"], one["type"], one["time"].replace("Z", ".000Z")) for one in mine]
    profiles = {record.key.decode(): record.value async for record in read_to_end(settings, "customer-profiles")}
    assert story["now"] == json.loads(profiles["acme/zoë/1"])["data"]
    assert story["next"]["deadline"] == story["now"]["next_deadline"]

    text = explain(environment, "zoë/1")
    assert (text.returncode, text.stderr) == (0, "")
    assert "\x1b" not in text.stdout
    assert "2026-01-01 00:00  order.placed, order_id o-1, currency EUR, total_minor 100" in text.stdout
    assert "because his last order in default, of 2026-01-01 00:00, lies within his patience of 30.0 days" in text.stdout
    assert "otherwise: order.placed in default, before 2026-01-31 00:00: lifecycle active" in text.stdout

    erased = explain(environment, "gone")
    assert (erased.returncode, erased.stderr) == (0, "")
    assert erased.stdout.splitlines()[1:] == [
        "erased: everything up to 2026-01-10 00:00 is forgotten",
        "he has not come back, and nothing is known of him",
    ]
    unknown = explain(environment, "nobody", "--json")
    assert (unknown.returncode, unknown.stdout, unknown.stderr.count("\n")) == (1, "", 1)
    assert "nothing is known of this customer in shop acme" in unknown.stderr
    assert "nobody" not in unknown.stderr
