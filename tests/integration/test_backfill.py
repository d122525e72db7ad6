"""`publish --backfill` on a real Kafka: killed five times it loads what one run loads, mails nobody, and what is live goes on after it."""

import asyncio
import json
import random
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from stream_app.settings import Settings, child_environment, load_settings
from stream_app.worker.backfill.progress import HEADER, ends_of
from stream_app.worker.backfill.run import backfill
from stream_app.worker.cluster import partitions_of, read_to_end, reader
from stream_app.worker.policy_topic import publish_policy, read_policies, read_versions
from stream_app.worker.topics import create_topics
from tests.integration import product
from tests.integration.workers import Worker, workers

DAY_S = 86_400
KILLS = 5
EVENTS = 900
PARTITIONS = 2
LIMIT_S = 60.0
REACTIONS = ("win-back", "service-level", "contact-advice")
POLICY = """
currency: EUR
rhythm: {default: {method: fixed, days: 40}}
criteria: [{measure: value_now, weight: 1, bands: {0: 20, 2000: 50, 4000: 100}}]
classes: {by: score, A: 90, B: 40}
downgrade_dwell_days: 0
service_levels: {class: {A: premium, B: standard, C: basic}}
contact: {default: {max_contacts: 2, per_days: 30, max_silence_days: 90, budget_pct: 5}}
"""


def event(kind: str, shop: str, customer: str, at_s: float, **data: Any) -> dict[str, Any]:
    moment = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
    name = f"{kind}-{customer}-{at_s}"
    if kind == "order.placed":
        data = {"order_id": name, "currency": "EUR", "total_minor": 1_000}
    return {"specversion": "1.0", "id": name, "source": f"/shops/{shop}", "type": kind, "subject": customer, "time": moment, "data": data}


def history(folder: Path, now_s: float) -> list[Path]:
    """Two years of three shops in two files, neither of them in time order; in b somebody whom the shop knows already.

    All of acme's is in one topic, so it reaches the log in time order (property 3); the others' contacts may come before older orders.
    """
    chance = random.Random(7)
    events = []
    for n in range(EVENTS):
        shop, customer = (("b", "known"), ("acme", f"c-{n % 30}"), ("mixed", f"c-{n % 30}"))[n % 3]
        at_s = now_s - chance.uniform(100 if (shop, customer) == ("acme", "c-1") else 10, 700) * DAY_S
        mail = {"channel": "email", "direction": "outbound"}
        events.append(
            event("contact.made", shop, customer, at_s, **mail)
            if n % 5 == 0 and shop != "acme"
            else event("order.placed", shop, customer, at_s)
        )
    return [
        product.write_lines(folder / "one.jsonl", events[: EVENTS // 2]),
        product.write_lines(folder / "two.jsonl", events[EVENTS // 2 :]),
    ]


async def loaded(settings: Settings) -> dict[tuple[str, int], list[tuple[Any, ...]]]:
    """What the backfill has put into each partition of the inputs, in order."""
    found: dict[tuple[str, int], list[tuple[Any, ...]]] = {}
    for name in ("orders", "contacts"):
        async for record in read_to_end(settings, name):
            if HEADER in dict(record.headers):
                found.setdefault((name, record.partition), []).append((record.key, record.value, record.timestamp, record.headers))
    return found


async def count(settings: Settings) -> int:
    return sum(sum(ends) for ends in (await ends_of(settings)).values())


async def publish_own(settings: Settings, folder: Path, *shops: str) -> None:
    for shop in shops:
        file = folder / f"{shop}.yaml"
        file.write_text(f"shop: {shop}\n{POLICY}")
        await publish_policy(settings, file)


def plain(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Changes without what a backfill is known by: the origin, and the version of the policy."""
    return [{**one, "origin": "", "data": {name: value for name, value in one["data"].items() if name != "policy"}} for one in events]


async def until(reached: Any, worker: Worker) -> None:
    began = time.monotonic()
    while not await reached():
        assert worker.process.poll() is None, "the worker has ended"
        assert time.monotonic() - began < LIMIT_S
        await asyncio.sleep(0.1)


async def test_killed_five_times_it_loads_what_one_run_loads(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    now_s = time.time()
    files = history(tmp_path, now_s)
    await create_topics(settings, PARTITIONS)
    await publish_own(settings, tmp_path, "acme", "b", "mixed")
    live = product.write_lines(tmp_path / "live.jsonl", [event("order.placed", "b", "known", now_s - 60)])
    with workers(tmp_path, "stream_app", "worker") as start:
        worker = start(environment)
        product.run(environment, "publish", str(live))
        await until(lambda: _is_said(settings, "b/known"), worker)
        mailed = {key: events for key, events in (await product.committed(settings)).items() if key[0] in REACTIONS}
        assert mailed, "a live shop reacts"

        reached = await kill_five_times(settings, environment, files)
        assert [0, *reached, EVENTS] == sorted({0, *reached, EVENTS}), f"each strikes in the middle, and later: {reached}"
        last = json.loads(product.run(environment, "publish", *map(str, files), "--backfill", "--json").splitlines()[-1])
        assert last["is_new"]
        assert reached[-1] <= last["resumed_after"] < EVENTS
        assert sum(last["events"].values()) == EVENTS

        said = await product.committed(settings)
        assert {key: events for key, events in said.items() if key[0] in REACTIONS} == mailed, "history has mailed somebody"
        known = [one for one in said["status-changes", "b/known"] if one["type"] == "status.changed"]
        assert {one["origin"] for one in known} == {"live", "backfill"}, "his history has changed where he stands, and started nothing"

        back = product.write_lines(tmp_path / "back.jsonl", [event("order.placed", "acme", "c-1", time.time())])
        product.run(environment, "publish", str(back))
        (tmp_path / "policy.yaml").write_text(POLICY)
        expected, final, _ = product.replayed(tmp_path, [*files, live, back], tmp_path / "policy.yaml")
        await until(lambda: _is_as_if_live(settings, expected), worker)
    said = await product.committed(settings)
    assert product.holes(said) == []
    assert said["win-back", "acme/c-1"][-1]["type"] == "winback.won"
    assert [one["origin"] for topic in REACTIONS for one in said.get((topic, "acme/c-1"), [])].count("live") >= 1
    assert {key: one["data"]["statuses"] for key, one in (await product.profiles(settings)).items()} == {
        key: one["data"]["statuses"] for key, one in final.items()
    }
    await check_one_run(settings, tmp_path, files)


def begin(environment: dict[str, str], files: list[Path]) -> "subprocess.Popen[bytes]":
    """The command, slow enough to be killed in the middle."""
    return subprocess.Popen(
        [product.PROGRAM, "publish", *map(str, files), "--backfill", "--rate", "600"], env=child_environment(**environment)
    )


async def kill_five_times(settings: Settings, environment: dict[str, str], files: list[Path]) -> list[int]:
    """Start the command and kill it, five times; how many of its records were stored each time."""
    reached = []
    async with reader(settings) as client:
        inputs = await partitions_of(client, settings, "orders", "contacts")
        client.assign(inputs)
        before = sum((await client.end_offsets(inputs)).values())
        for strike in range(1, KILLS + 1):
            running = begin(environment, files)
            try:
                while sum((await client.end_offsets(inputs)).values()) - before < strike * EVENTS // (KILLS + 1):
                    assert running.poll() is None, "it has ended before it could be killed"
                    await asyncio.sleep(0.02)
            finally:
                running.kill()
                running.wait(10)
            reached.append(sum(map(len, (await loaded(settings)).values())))
    return reached


async def check_one_run(settings: Settings, folder: Path, files: list[Path]) -> None:
    """The inputs hold what one uninterrupted run writes, record by record; the policies are as they were, on `clock: wall`."""
    one = load_settings(broker=settings.broker, topic_prefix=f"{settings.topic_prefix}one-", id=f"{settings.id}-one")
    await create_topics(one, PARTITIONS)
    await publish_own(one, folder, "acme", "b", "mixed")
    done = await backfill(one, files, rate=None, stage=lambda *_: None)
    assert (done.is_new, done.resumed_after) == (True, 0)
    assert await loaded(settings) == await loaded(one)
    for topics in (settings, one):
        policies = await read_policies(topics)
        versions = await read_versions(topics, "acme")
        assert [(version.version, version.document["clock"]) for version in versions] == [(1, "wall"), (2, "events"), (3, "wall")]
        was = {**versions[0].document, "version": 3, "live_since": policies["acme"]["live_since"]}
        assert policies["acme"] == was


async def _is_said(settings: Settings, key: str) -> bool:
    return ("service-level", key) in await product.committed(settings)


async def _is_as_if_live(settings: Settings, expected: product.Said) -> bool:
    said = await product.committed(settings)
    wanted = {key: plain(events) for key, events in expected.items() if key[0] == "status-changes" and key[1].startswith("acme/")}
    return {key: plain(said.get(key, [])) for key in wanted} == wanted


async def test_a_parquet_export_of_a_shop_under_the_default_policy(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    rows = [{"Receipt": f"r-{n}", "Customer": f"c-{n % 7}", "Date": f"2025-0{9 - n % 9}-01 10:00", "Total": "12.50"} for n in range(50)]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "export.parquet")
    mapping = {"id": {"template": "order-{Receipt}"}, "type": "order.placed", "subject": "Customer", "time": "Date"}
    rules = {"shop": "acme", "currency": "EUR", "events": [{**mapping, "data": {"order_id": "Receipt", "total_minor": "Total"}}]}
    (tmp_path / "map.yaml").write_text(json.dumps(rules))
    (tmp_path / "default.yaml").write_text(POLICY)
    await create_topics(settings, PARTITIONS)
    await publish_policy(settings, tmp_path / "default.yaml")
    command = ["publish", str(tmp_path / "export.parquet"), "--mapping", str(tmp_path / "map.yaml"), "--backfill", "--json"]
    first = json.loads(product.run(environment, *command).splitlines()[-1])
    assert (first["events"], first["refused"], first["is_new"]) == ({"order.placed": 50}, 0, True)
    held = await loaded(settings)
    for records in held.values():
        times = [timestamp for _, _, timestamp, _ in records]
        assert times == sorted(times)
        assert json.loads(records[-1][1])["type"] == "watermark"
    assert sum(map(len, held.values())) == 50 + PARTITIONS
    again = json.loads(product.run(environment, *command).splitlines()[-1])
    assert not again["is_new"]
    assert await count(settings) == 50 + PARTITIONS, "what was loaded is not loaded again"
    policies = await read_policies(settings)
    assert policies["acme"]["live_since"] == first["live_since"]
    assert {name: value for name, value in policies["acme"].items() if name not in {"shop", "version", "live_since"}} == {
        name: value for name, value in policies["*"].items() if name not in {"shop", "version"}
    }
