"""The embedded Kafka: durable, ready only when it is ours, never on somebody else's port, never an orphan."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream_app.demo.broker import HOST, EmbeddedBroker, free_port, port_is_free
from stream_app.demo.jars import aot_cache
from stream_app.errors import Failure
from stream_app.settings import load_settings

CACHE = load_settings().cache_dir
pytestmark = pytest.mark.kafka


def until(true: Callable[[], bool], timeout_s: float = 30.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def write(address: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic("durable", 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    await producer.send_and_wait("durable", b"still here", partition=0, timestamp_ms=1_000)
    await producer.stop()


async def read(address: str) -> bytes | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=address)
    await consumer.start()
    consumer.assign([TopicPartition("durable", 0)])
    await consumer.seek_to_beginning()
    record = await asyncio.wait_for(consumer.getone(), 20)
    await consumer.stop()
    value: bytes | None = record.value
    return value


def test_data_survives_a_stop_and_a_kill(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, CACHE) as broker:
        asyncio.run(write(broker.address))
    assert (tmp_path / "log" / ".kafka_cleanshutdown").exists(), "the stop was not clean"
    with EmbeddedBroker(tmp_path, CACHE) as broker:
        assert asyncio.run(read(broker.address)) == b"still here"
        os.kill(broker.pid, signal.SIGKILL)
        assert until(lambda: not broker.alive())
    with EmbeddedBroker(tmp_path, CACHE) as broker:
        assert asyncio.run(read(broker.address)) == b"still here"


def test_a_port_that_anything_holds_is_refused(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        assert not port_is_free(port)
        with pytest.raises(Failure, match=f"port {port} is held"):
            EmbeddedBroker(tmp_path, CACHE, port).start()


def test_another_kafka_is_never_taken_for_ours(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path / "a", CACHE) as first:
        config = dict(line.split("=", 1) for line in (tmp_path / "a" / "server.properties").read_text().splitlines())
        controller = int(config["controller.quorum.voters"].rpartition(":")[2])
        for port in (first.port, controller):
            with pytest.raises(Failure, match=f"port {port} is held"):
                EmbeddedBroker(tmp_path / "b", CACHE, port).start()
        with EmbeddedBroker(tmp_path / "b", CACHE) as second:
            assert second.port not in {first.port, controller}
            assert first.alive()


def test_a_data_directory_has_one_broker(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, CACHE), pytest.raises(Failure, match="another broker uses the data directory"):
        EmbeddedBroker(tmp_path, CACHE).start()


def test_a_killed_parent_leaves_no_orphan(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, time; from stream_app.demo.broker import EmbeddedBroker\n"
        "broker = EmbeddedBroker(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])).start()\n"
        "print(broker.pid, broker.port, flush=True); time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(CACHE)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, port = map(int, parent.stdout.readline().split())
        assert lives(pid)
        parent.kill()
        parent.wait()
    assert until(lambda: not lives(pid)), "the broker outlived its parent"
    assert until(lambda: port_is_free(port))


def test_a_broker_that_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, CACHE):
        pass
    (tmp_path / "log" / "meta.properties").write_text("version=1\ncluster.id=x\nnode.id=77\n")
    with pytest.raises(Failure, match="Kafka did not start") as caught:
        EmbeddedBroker(tmp_path, CACHE).start()
    assert "\n" not in str(caught.value)
    assert "77" in str(caught.value) or "broker.log" in str(caught.value)


def test_java_knows_kafka_from_the_set_up_and_starts_without_that_where_it_is_spoilt(tmp_path: Path) -> None:
    cache = aot_cache(CACHE)
    spoilt = tmp_path / "spoilt.aot"
    with cache.open("rb") as whole:
        spoilt.write_bytes(whole.read(1 << 20))
    for name, aot, complaints in [("known", (), False), ("spoilt", [f"-XX:AOTCache={spoilt}"], True)]:
        with EmbeddedBroker(tmp_path / name, CACHE, aot=aot) as broker:
            command = Path(f"/proc/{broker.pid}/cmdline").read_text()
            assert f"-XX:AOTCache={spoilt if complaints else cache}\0" in command
        assert ("[aot" in (tmp_path / name / "broker.log").read_text()) is complaints


def test_free_ports_are_free_and_differ() -> None:
    first = free_port()
    assert port_is_free(first)
    assert free_port(first) != first
