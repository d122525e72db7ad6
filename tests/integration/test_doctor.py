"""`stream-app doctor`: each failure is found, in one line with its fix, and nothing is changed by looking."""

import asyncio
import fcntl
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream_app.engine.stores.owner import Identity
from stream_app.engine.stores.rocks import RocksStore, SharedMemory
from stream_app.engine.topology import changelog_name
from stream_app.errors import Failure
from stream_app.settings import Settings, child_environment, load_settings
from stream_app.worker.cluster import admin_client, producer, read_to_end
from stream_app.worker.doctor.clock import judge
from stream_app.worker.doctor.examine import examine
from stream_app.worker.doctor.store import FAIL_BYTES, WARN_BYTES, judge_space
from stream_app.worker.policy_topic import publish_policy
from stream_app.worker.preflight import cluster_id_of, lock_data_dir, preflight
from stream_app.worker.topics import TABLE, create_topics
from tests.integration import product
from tests.integration.workers import START_LIMIT_S, workers

PARTITIONS = 2
CHECKS = ["broker", "topics", "acls", "clock", "store", "erasure", "policies", "group"]


@pytest.fixture
async def healthy(settings: Settings, tmp_path: Path) -> Settings:
    """Topics and a default policy: everything that a worker needs."""
    await create_topics(settings, partitions=PARTITIONS)
    (tmp_path / "p.yaml").write_text("currency: EUR\n")
    await publish_policy(settings, tmp_path / "p.yaml")
    return settings


async def wrong(settings: Settings, status: str = "failed", **given: Any) -> list[tuple[str, str]]:
    """(check, text) of everything with this status."""
    findings = await examine(settings, **given)
    assert all("\n" not in finding.text for finding in findings)
    return [(finding.check, finding.text) for finding in findings if finding.status == status]


def run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [product.PROGRAM, "doctor", *words], env=child_environment(**environment), capture_output=True, text=True, timeout=60, check=False
    )


async def test_when_all_is_well_it_says_so_and_ends_with_0(healthy: Settings, environment: dict[str, str]) -> None:
    done = run(environment, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    found = json.loads(done.stdout)
    assert found["ok"]
    assert [check["check"] for check in found["checks"]] == CHECKS
    assert {check["status"] for check in found["checks"]} == {"ok"}
    texts = {check["check"]: check["text"] for check in found["checks"]}
    assert texts["acls"].startswith("no authorizer")
    assert f"inputs with {PARTITIONS} partitions" in texts["topics"]
    assert texts["policies"] == "a default policy, and 0 of single shops"
    assert "no worker" in texts["group"]
    lines = run(environment).stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", check] for check in CHECKS]
    assert not healthy.data_dir.exists(), "looking makes nothing"


async def test_without_an_erasure_key_it_warns_and_with_a_wrong_one_it_fails(healthy: Settings, tmp_path: Path) -> None:
    ((check, text),) = await wrong(healthy.model_copy(update={"erasure_key": None}), "warning")
    assert (check, text.partition(",")[0]) == ("erasure", "no erasure key is set")
    assert "dead letter erasure_key_missing: set STREAM_APP_ERASURE_KEY" in text
    ((check, text),) = await wrong(healthy.model_copy(update={"erasure_key_file": tmp_path / "no"}))
    assert (check, text) == ("erasure", "STREAM_APP_ERASURE_KEY: STREAM_APP_ERASURE_KEY_FILE is set as well: unset one of them")


async def test_missing_topics_are_said_as_the_preflight_says_it(settings: Settings, environment: dict[str, str]) -> None:
    done = run(environment)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    with pytest.raises(Failure) as caught:
        await preflight(settings)
    found = await wrong(settings)
    assert ("topics", str(caught.value)) in found
    assert [check for check, _ in found] == ["topics", "policies"]
    assert f"failed   topics    {caught.value}" in done.stdout


async def test_every_wrong_topic_is_named(healthy: Settings) -> None:
    async with admin_client(healthy) as admin:
        orders, contacts = healthy.topic("orders"), healthy.topic("contacts")
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, orders, {"cleanup.policy": "compact"})])
        await admin.delete_topics([contacts])
        while contacts in await admin.list_topics():
            await asyncio.sleep(0.05)
        await admin.create_topics([NewTopic(contacts, PARTITIONS + 1, 1)])
        while contacts not in await admin.list_topics() or not any("cleanup" in text for _, text in await wrong(healthy)):
            await asyncio.sleep(0.1)
    found = [text for check, text in await wrong(healthy) if check == "topics"]
    assert any(f"topic {contacts} has 3 partitions, but topic {orders} has 2: delete" in text for text in found)
    assert any(f"topic {orders} has cleanup.policy=compact and needs delete: set it" in text for text in found)
    assert len(found) > 2
    with pytest.raises(Failure) as caught:
        await preflight(healthy)
    assert str(caught.value) == found[0]


async def test_policies_that_are_missing_or_unusable(settings: Settings, tmp_path: Path) -> None:
    await create_topics(settings, partitions=PARTITIONS)
    assert [check for check, _ in await wrong(settings)] == ["policies"]
    assert "no usable policy is published" in (await wrong(settings))[0][1]
    async with producer(settings) as client:
        await client.send_and_wait(settings.topic("policies"), b'{"shop":"b","currency":"EUR","margin":3}', b"b")
        await client.send_and_wait(settings.topic("policies"), b'{"shop":"c","currency":"EUR"}', b"other key")
    (tmp_path / "p.yaml").write_text("shop: acme\ncurrency: EUR\n")
    await publish_policy(settings, tmp_path / "p.yaml")
    found = await wrong(settings)
    assert [check for check, _ in found] == ["policies", "policies"]
    assert "margin" in found[0][1]
    assert all("stream-app policy publish" in text for _, text in found)
    (summary,) = [finding.text for finding in await examine(settings) if finding.check == "policies" and finding.status == "ok"]
    assert summary.startswith("1 policies of single shops and no default")


async def test_the_clock_is_compared_with_ours(healthy: Settings) -> None:
    for ahead_s, status in ((5, "warning"), (-5, "warning"), (60, "failed")):
        (found,) = await wrong(healthy, status, clock=lambda ahead_s=ahead_s: time.time() + ahead_s)
        assert found[0] == "clock"
        assert f"{abs(ahead_s)}.0 s {'behind' if ahead_s > 0 else 'ahead of'} ours" in found[1]
    assert not [record async for record in read_to_end(healthy, "orders")]


def test_how_far_clocks_may_be_apart() -> None:
    assert [judge(off, 3, 10_000).status for off in (0, 1_003, 1_004, -1_004, 10_003, -10_004)] == [
        "ok", "ok", "warning", "warning", "warning", "failed",
    ]  # fmt: skip


def test_how_much_room_there_must_be() -> None:
    here = Path("x")
    assert judge_space(here, WARN_BYTES) == []
    assert [judge_space(here, free)[0].status for free in (WARN_BYTES - 1, FAIL_BYTES, FAIL_BYTES - 1, 0)] == [
        "warning", "warning", "failed", "failed",
    ]  # fmt: skip


async def test_a_data_directory_that_cannot_be_used(healthy: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = healthy.model_copy(update={"data_dir": tmp_path / "file" / "data"})
    with pytest.raises(Failure) as caught:
        lock_data_dir(settings.data_dir)
    assert await wrong(settings) == [("store", str(caught.value))]


async def test_a_data_directory_of_another_worker(healthy: Settings) -> None:
    healthy.data_dir.mkdir()
    with (healthy.data_dir / "worker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Failure) as caught:
            lock_data_dir(healthy.data_dir)
        assert await wrong(healthy) == [("store", str(caught.value))]
        nobody = await examine(healthy.model_copy(update={"broker": "127.0.0.1:1"}))
        assert nobody[-1].status == "ok", "without a broker nobody knows whose worker it is"
    assert await wrong(healthy) == []


async def test_stores_of_others_and_broken_ones(healthy: Settings) -> None:
    memory, folder, other_process = SharedMemory(), healthy.data_dir / "store", healthy.data_dir / "process-1" / "store"
    async with admin_client(healthy) as admin:
        cluster_id = await cluster_id_of(admin, healthy)
    changelog = healthy.topic(changelog_name(healthy.id, TABLE))
    for partition, owner in enumerate((changelog, changelog, "another", changelog)):
        cluster = "elsewhere" if partition == 1 else cluster_id
        home = other_process if partition == 2 else folder
        RocksStore(home / str(partition), Identity(owner, cluster, partition, 4), memory).close()
    (folder / "3" / "CURRENT").write_text("nonsense")
    before = {file: file.read_bytes() for file in healthy.data_dir.rglob("*") if file.is_file()}
    found = await wrong(healthy)
    assert [check for check, _ in found] == ["store", "store"]
    assert f"{folder / '1'} is of another owner (changelog {changelog}, cluster elsewhere): set STREAM_APP_DATA_DIR" in found[0][1]
    assert f"{other_process / '2'} is of another owner (changelog another" in found[1][1]
    (broken,) = await wrong(healthy, "warning")
    assert f"{folder / '3'} cannot be read" in broken[1]
    assert {file: file.read_bytes() for file in before} == before, "looking changes nothing"


async def test_positions_outside_the_log(healthy: Settings) -> None:
    await _commit(healthy, {TopicPartition(healthy.topic("orders"), 1): 4711})
    found = await wrong(healthy)
    assert [check for check, _ in found] == ["group"]
    assert "position 4711 lies outside the log (0 to 0)" in found[0][1]
    assert "STREAM_APP_ID" in found[0][1]


async def test_beside_a_running_worker(healthy: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    event = {"specversion": "1.0", "id": "e", "source": "/shops/a", "type": "interest.shown", "subject": "c", "data": {"kind": "quote"}}
    with workers(tmp_path, "stream_app", "worker") as start:
        worker = start({**environment, "SESSION_TIMEOUT_MS": "3000"})
        beside = healthy.model_copy(update={"data_dir": tmp_path / "w1", "instance": "w1"})
        for number in range(3):
            line = json.dumps({**event, "id": f"e{number}", "time": "2026-01-01T00:00:00Z"}).encode()
            async with producer(healthy) as client:
                await client.send_and_wait(healthy.topic("contacts"), line, b"a/c")
            while await product.applied(healthy) <= number:
                assert worker.process.poll() is None
                assert time.monotonic() - worker.started < START_LIMIT_S
                await asyncio.sleep(0.1)
            found = {finding.check: finding for finding in await examine(beside)}
            assert {finding.status for finding in found.values()} == {"ok"}, found
            assert "is in use by the running worker w1" in found["store"].text
            assert "1 workers of" in found["group"].text
            assert "nothing waits" in found["group"].text
        stranger = await wrong(beside.model_copy(update={"instance": "w2"}))
        assert [check for check, _ in stranger] == ["store"]
        assert worker.stop() == 0
    async with producer(healthy) as client:
        await client.send_and_wait(healthy.topic("contacts"), b"{}", b"a/c")
    began = time.monotonic()
    while not (idle := await wrong(beside, "warning")):
        assert time.monotonic() - began < 20, "a static member is in the group until its session ends"
        await asyncio.sleep(0.5)
    assert idle == [("group", f"no worker of {healthy.id} runs, and 1 records wait: start one with `stream-app worker`")]


async def test_nobody_at_the_address(tmp_path: Path) -> None:
    found = await examine(load_settings(broker="127.0.0.1:1", data_dir=tmp_path / "d"))
    assert [(finding.check, finding.status) for finding in found] == [
        ("broker", "failed"), ("topics", "skipped"), ("acls", "skipped"), ("clock", "skipped"), ("policies", "skipped"),
        ("group", "skipped"), ("store", "ok"), ("erasure", "warning"),
    ]  # fmt: skip
    assert "127.0.0.1:1" in found[0].text


async def _commit(settings: Settings, offsets: dict[TopicPartition, int]) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.brokers, group_id=settings.id, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(list(offsets))
        await consumer.commit(offsets)
    finally:
        await consumer.stop()
