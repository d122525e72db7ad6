"""Foreign keys and other partitioners: every event reaches its customer's partition once, in order, whatever is killed on the way."""

import asyncio
import json
import random
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from benchmarks.history import make_history
from stream_app.codec.times import parse_time_ms
from stream_app.demo.broker import free_port
from stream_app.domain.facts.state import describe
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.processor.hop import REKEYED
from stream_app.settings import Settings
from stream_app.worker.cluster import producer, read_to_end
from tests.integration import product
from tests.integration.test_restore import gauge
from tests.integration.workers import Worker, markers, workers

pytestmark = pytest.mark.timeout(600)
POLICY = Path(__file__).parents[2] / "benchmarks" / "policy.yaml"
PARTITIONS = 4
PRODUCT = ("stream_app", "worker")
KILLS = 5
MIXED = 12_000
MONTH = MIXED // 16
LIMIT_S = 120.0


class Sent(NamedTuple):
    """One record to publish."""

    topic: str
    partition: int
    key: bytes | None
    event: dict[str, Any]


def history(events: int, customers: int, shops: int) -> list[dict[str, Any]]:
    """The benchmark's history, its customers spread over some shops."""
    return [
        {**event, "source": f"/shops/s{int(event['subject'].rpartition('-')[2]) % shops}"} for event in make_history(events, customers, 11)
    ]


def topic_of(event: dict[str, Any]) -> str:
    return "contacts" if event["type"].startswith("contact.") else "orders"


def key_of(event: dict[str, Any]) -> bytes:
    return f"{event['source'].removeprefix('/shops/')}/{event['subject']}".encode()


def home_of(event: dict[str, Any]) -> int:
    return partition_of(key_of(event), PARTITIONS)


def prepare(environment: dict[str, str], tmp_path: Path) -> Path:
    """Topics, and one policy for every shop."""
    document = yaml.safe_load(POLICY.read_text())
    del document["shop"]
    policy = tmp_path / "policy.yaml"
    policy.write_text(yaml.safe_dump(document))
    product.run(environment, "topics", "create", "--partitions", str(PARTITIONS))
    product.run(environment, "policy", "publish", str(policy))
    return policy


async def send(settings: Settings, records: list[Sent]) -> dict[tuple[str, int, int], Sent]:
    """Publish records where a foreign client would put them; returns where each one lies."""
    async with producer(settings, linger_ms=20) as client:
        futures = []
        for sent in records:
            value = json.dumps(sent.event).encode()
            stamp = parse_time_ms(sent.event["time"])
            futures.append(
                (
                    sent,
                    await client.send(settings.topic(sent.topic), value, sent.key, partition=sent.partition, timestamp_ms=stamp),
                )
            )
        await client.flush()
        places = {}
        for sent, future in futures:
            metadata = await future
            places[metadata.topic, metadata.partition, metadata.offset] = sent
        return places


async def finish(settings: Settings, worker: Worker, count: int, time_of_end: str, shops: int) -> None:
    """Wait until everything is applied at home, then tell how far time has come, and wait for that."""
    await applied(settings, worker, count)
    marks = [
        Sent("orders", partition, None, watermark(f"s{shop}", time_of_end)) for partition in range(PARTITIONS) for shop in range(shops)
    ]
    await send(settings, marks)
    await applied(settings, worker, count + len(marks))


def watermark(shop: str, at: str) -> dict[str, Any]:
    return {"specversion": "1.0", "id": f"end-{shop}", "source": f"/shops/{shop}", "type": "watermark", "time": at}


async def applied(settings: Settings, worker: Worker, count: int) -> None:
    """Wait until so many input records are applied, and then everything that was rekeyed on the way."""
    began = time.monotonic()
    while await read(settings) < count or await hop_left(settings) > 0:
        assert worker.process.poll() is None, "the worker ended by itself"
        assert time.monotonic() - began < LIMIT_S, f"{await read(settings)} of {count}"
        await asyncio.sleep(0.2)


async def read(settings: Settings) -> int:
    """How many records of orders and contacts are folded or sent on."""
    inputs = [settings.topic(name) for name in ("orders", "contacts")]
    return sum(marker.offsets.get(wire, 0) for marker in (await markers(settings)).values() for wire in inputs)


async def hop_left(settings: Settings) -> int:
    """How many records of the rekeyed topic the markers do not say are applied."""
    wire = settings.topic(REKEYED)
    offsets = {partition: marker.offsets.get(wire, 0) for partition, marker in (await markers(settings)).items()}
    return len([1 async for record in read_to_end(settings, REKEYED) if record.offset >= offsets.get(record.partition, 0)])


async def order_in_the_hop(settings: Settings) -> dict[tuple[bytes, str], list[str]]:
    """Event ids by customer and source partition, in the order in which they lie in the rekeyed topic."""
    found: dict[tuple[bytes, str], list[str]] = defaultdict(list)
    async for record in read_to_end(settings, REKEYED):
        headers = dict(record.headers)
        assert record.partition == partition_of(record.key, PARTITIONS)
        source = headers["rekeyed.topic"].decode().removeprefix(settings.topic_prefix) + headers["rekeyed.partition"].decode()
        found[record.key, source].append(json.loads(record.value)["id"])
    return found


def order_in_the_source(records: list[Sent]) -> dict[tuple[bytes, str], list[str]]:
    """The same of those records that had to be sent on."""
    found: dict[tuple[bytes, str], list[str]] = defaultdict(list)
    for sent in records:
        if sent.partition != home_of(sent.event):
            found[key_of(sent.event), f"{sent.topic}{sent.partition}"].append(sent.event["id"])
    return found


async def test_foreign_keys_everywhere_and_kills_in_mid_hop(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    """Each shop publishes into one partition, without our keys: nearly all is rekeyed, and the outcome is the replay's, one by one."""
    policy = prepare(environment, tmp_path)
    events = history(60_000, 3_000, PARTITIONS)
    keys = (None, b"", b"same for all", b"\xff\xfe")
    records = [Sent(topic_of(event), int(event["source"][-1]), keys[n % len(keys)], event) for n, event in enumerate(events)]
    foreign = sum(1 for sent in records if sent.partition != home_of(sent.event))
    assert foreign > len(records) / 2
    await send(settings, records)
    with workers(tmp_path, *PRODUCT) as start:
        hops = 0
        for life in range(KILLS):
            worker = start({**environment, "UNIT_RECORDS_MAX": "100"})
            await hopped_beyond(settings, worker, hops)
            worker.kill()
            hops = await hop_count(settings)
            assert hops < foreign, f"life {life}: the hop was over before the kill"
        last = start(environment)
        await finish(settings, last, len(events), events[-1]["time"], PARTITIONS)
        assert last.stop() == 0
    assert await order_in_the_hop(settings) == order_in_the_source(records), "each once, and in the order of its source partition"
    said = await product.committed(settings)
    expected, _, rejected = product.replayed(tmp_path, [product.write_lines(tmp_path / "history.jsonl", events)], policy)
    assert product.differences(said, expected) == []
    assert product.holes(said) == []
    assert await product.dead_letters(settings) == rejected


async def test_mixed_publishers_end_where_the_replay_ends(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    """One customer's events come by our partitioner, by another's, and without a key: he has one home, and every event reaches it."""
    policy = prepare(environment, tmp_path)
    events = history(MIXED, 1_000, 2)
    again = [{**event, "id": f"again-{n}"} for n, event in enumerate(events[:2_000]) if event["type"] == "order.placed"]
    chance = random.Random(5)

    def mixed(event: dict[str, Any]) -> Sent:
        kind = chance.randrange(3)
        if kind == 0:
            return Sent(topic_of(event), home_of(event), key_of(event), event)
        return Sent(topic_of(event), chance.randrange(PARTITIONS), key_of(event) if kind == 1 else None, event)

    records = [mixed(event) for event in events]
    doubles = [mixed(event) for event in again]
    foreign = sum(1 for sent in records + doubles if sent.partition != home_of(sent.event))
    port = free_port()
    with workers(tmp_path, *PRODUCT) as start:
        worker = start({**environment, "METRICS_PORT": str(port)})
        for first in range(0, len(records), MONTH):  # what waits for its order waits a month, and no longer
            await send(settings, records[first : first + MONTH])
            await applied(settings, worker, min(first + MONTH, len(records)))
        places = await send(settings, doubles)
        await finish(settings, worker, len(records) + len(doubles), events[-1]["time"], 2)
        assert gauge(port, "customer_status_rekeyed_total") == foreign
        assert gauge(port, "customer_status_events_total") >= len(events)
        assert worker.stop() == 0
    assert await order_in_the_hop(settings) == order_in_the_source(records + doubles)
    states = await product.states(settings)
    assert {partition_of(key.encode(), PARTITIONS) for key in states} == set(range(PARTITIONS))
    await homes_are_right(settings)
    _, final, rejected = product.replayed(tmp_path, [product.write_lines(tmp_path / "history.jsonl", events)], policy)
    assert rejected == []
    assert {key: orders(describe(state)) for key, state in states.items()} == {
        key: orders(profile["data"]["facts"]) for key, profile in final.items()
    }
    profiles = await product.profiles(settings)
    assert {key: profile["data"]["statuses"]["lifecycle"] for key, profile in profiles.items()} == {
        key: profile["data"]["statuses"]["lifecycle"] for key, profile in final.items()
    }
    await letters_name_where_they_were_read(settings, places)


async def letters_name_where_they_were_read(settings: Settings, places: dict[tuple[str, int, int], Sent]) -> None:
    """Every double is one dead letter, with the key and the coordinates that its publisher knows."""
    letters = [record async for record in read_to_end(settings, "dead-letters")]
    assert Counter(dict(letter.headers)["error.code"] for letter in letters) == {b"order_exists": len(places)}
    for letter in letters:
        headers = dict(letter.headers)
        place = headers["error.topic"].decode(), int(headers["error.partition"]), int(headers["error.offset"])
        assert (letter.key, json.loads(letter.value)) == (places[place].key, places[place].event)
        assert not [name for name in headers if name.startswith("rekeyed.")]


async def homes_are_right(settings: Settings) -> None:
    """Nobody has a state in two partitions."""
    homes: dict[bytes, set[int]] = defaultdict(set)
    async for record in read_to_end(settings, "status-changes"):
        homes[record.key].add(record.partition)
    assert {key: found for key, found in homes.items() if found != {partition_of(key, PARTITIONS)}} == {}


def orders(facts: dict[str, Any]) -> tuple[Any, ...]:
    return facts["orders_counting"], facts["orders_open"], {name: group["occasions"] for name, group in facts["product_groups"].items()}


async def hop_count(settings: Settings) -> int:
    """How many committed records the rekeyed topic holds."""
    return len([1 async for _ in read_to_end(settings, REKEYED)])


async def hopped_beyond(settings: Settings, worker: Worker, before: int) -> None:
    """Wait until more was rekeyed than before."""
    began = time.monotonic()
    while await hop_count(settings) <= before:
        assert worker.process.poll() is None, "the worker ended by itself"
        assert time.monotonic() - began < LIMIT_S, "nothing was rekeyed in time"
        await asyncio.sleep(0.05)
