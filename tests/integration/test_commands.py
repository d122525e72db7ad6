"""The commands against a real Kafka: what they print, what `--json` promises, how they stop."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stream_app.demo.broker import free_port, port_is_free
from stream_app.settings import Settings, child_environment
from stream_app.worker.cluster import producer
from stream_app.worker.topics import create_topics

pytestmark = pytest.mark.kafka
PROGRAM = (sys.executable, "-m", "stream_app")


def run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *words], env=child_environment(**environment), capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def running(environment: dict[str, str], *words: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [*PROGRAM, *words], env=child_environment(**environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: "subprocess.Popen[str]", timeout_s: float = 40) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], timeout_s)
    assert ready, "nothing was printed in time"
    return process.stdout.readline()


def document(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stdout.count("\n") == 1, done.stdout
    return json.loads(done.stdout)


def changed(number: int, dimension: str, to: str | None) -> dict[str, Any]:
    data = {"dimension": dimension, "from": None, "to": to, "sequence": number, "cause": {"kind": "event"}, "reason": {"code": "r"}}
    return {
        "specversion": "1.0",
        "id": f"{number:032}",
        "source": "/shops/acme",
        "type": "status.changed",
        "subject": "c",
        "time": "t",
        "data": data,
    }


async def put(settings: Settings, events: list[dict[str, Any]]) -> None:
    async with producer(settings) as client:
        for event in events:
            await client.send_and_wait(settings.topic("status-changes"), json.dumps(event).encode(), partition=0)


def test_topics_publish_and_policies(environment: dict[str, str], tmp_path: Path) -> None:
    created = document(run(environment, "topics", "create", "--partitions", "2", "--json"))
    assert set(created.values()) == {"created"}
    assert run(environment, "topics", "create").stdout.count("ok ") == len(created)

    events = tmp_path / "e.jsonl"
    events.write_text('{"type":"order.placed","source":"/shops/a","subject":"c","time":"2024-01-01T00:00:00Z"}\nnonsense\n')
    done = run(environment, "publish", str(events), "--history", "--json")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{events}:2: the line is no CloudEvent",
        "stream-app: 1 lines were refused and 1 published: mend those lines and publish them alone",
    ]
    assert {**document(done), "seconds": 0} == {"events": {"order.placed": 1}, "refused": 1, "watermarks": 1, "seconds": 0}

    policy = tmp_path / "p.yaml"
    policy.write_text("shop: a\ncurrency: EUR\n")
    published = document(run(environment, "policy", "publish", str(policy), "--json"))
    assert (published["shop"], published["version"]) == ("a", 1)
    assert document(run(environment, "policy", "show", "a", "--json"))["a"]["currency"] == "EUR"
    assert "currency: EUR" in run(environment, "policy", "show").stdout
    assert run(environment, "policy", "show", "b").returncode == 1


def test_the_life_of_a_policy(environment: dict[str, str], tmp_path: Path) -> None:
    run(environment, "topics", "create", "--partitions", "1")

    def publish(name: str, text: str) -> Any:
        (tmp_path / name).write_text(text)
        return document(run(environment, "policy", "publish", str(tmp_path / name), "--json"))

    one = publish("1.yaml", "shop: a\ncurrency: EUR\nmargin_pct: 10\n")
    publish("2.yaml", "shop: a\nversion: 2\ncurrency: EUR\nmargin_pct: 20\n")
    publish("d.yaml", "currency: USD\n")
    failed = run(environment, "policy", "rollback", "*")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "has no earlier version" in failed.stderr

    back = document(run(environment, "policy", "rollback", "a", "--json"))
    assert (back["version"], back["repeats"]) == (3, one)
    assert document(run(environment, "policy", "show", "a", "--json"))["a"]["margin_pct"] == 10
    again = document(run(environment, "policy", "rollback", "a", "--to", "2", "--json"))
    assert (again["version"], again["repeats"]["version"]) == (4, 2)
    assert run(environment, "policy", "rollback", "a", "--to", "9").returncode == 1

    assert document(run(environment, "policy", "delete", "a", "--json")) == {"shop": "a", "then": "default"}
    assert run(environment, "policy", "delete", "a").returncode == 1
    assert list(document(run(environment, "policy", "show", "--json"))) == ["*"]
    assert "stand still" in run(environment, "policy", "delete", "*").stdout
    assert document(run(environment, "policy", "rollback", "a", "--to", one["hash"][:8], "--json"))["version"] == 5

    listed = document(run(environment, "policy", "list", "--json"))
    assert [(entry["shop"], entry["version"], entry["status"]) for entry in listed] == [
        ("a", 1, "earlier"),
        ("a", 2, "earlier"),
        ("*", 1, "earlier"),
        ("a", 3, "earlier"),
        ("a", 4, "earlier"),
        ("a", None, "withdrawal"),
        ("*", None, "withdrawal"),
        ("a", 5, "in_force"),
    ]
    assert [entry["since"] for entry in listed] == sorted(entry["since"] for entry in listed)
    assert run(environment, "policy", "list", "a").stdout.splitlines()[-1].split()[1:3] == ["in", "force"]


def test_a_policy_that_somebody_sent_in_yaml_is_one_of_the_shops(settings: Settings, environment: dict[str, str]) -> None:
    async def send() -> None:
        await create_topics(settings)
        async with producer(settings) as client:
            await client.send_and_wait(settings.topic("policies"), b"shop: yam\ncurrency: USD\n", key=b"yam")

    asyncio.run(send())
    (listed,) = document(run(environment, "policy", "list", "--json"))
    assert (listed["shop"], listed["status"]) == ("yam", "in_force")
    assert document(run(environment, "policy", "show", "yam", "--json"))["yam"]["currency"] == "USD"
    assert document(run(environment, "policy", "delete", "yam", "--json"))["shop"] == "yam"


def test_watch_prints_what_was_asked_for_as_it_comes(settings: Settings, environment: dict[str, str]) -> None:
    asyncio.run(create_topics(settings))
    asyncio.run(put(settings, [changed(1, "lifecycle", "active"), changed(2, "class", "C")]))
    with running(environment, "watch", "--from-start", "--dimension", "class", "--json") as watching:
        assert json.loads(line_of(watching))["data"]["sequence"] == 2
        asyncio.run(put(settings, [changed(3, "lifecycle", "inactive"), changed(4, "class", None)]))
        assert json.loads(line_of(watching))["data"]["sequence"] == 4
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 0
        assert watching.stderr is not None
        assert watching.stderr.read() == ""
    with running(environment, "watch", "--from-start", "--to", "null") as watching:
        assert "acme/c  class: - -> -  (event: r)" in line_of(watching)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_broker_command_stops_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    port = free_port()
    with running({}, "broker", "--port", str(port), "--data", str(tmp_path)) as broker:
        assert f"is ready at 127.0.0.1:{port}" in line_of(broker, 60)
        broker.send_signal(number)
        assert broker.wait(30) == 0
    assert port_is_free(port)
    assert (tmp_path / "log" / ".kafka_cleanshutdown").exists()


def test_the_broker_command_fails_when_kafka_ends(tmp_path: Path) -> None:
    port = free_port()
    with running({}, "broker", "--port", str(port), "--data", str(tmp_path)) as broker:
        line_of(broker, 60)
        children = Path(f"/proc/{broker.pid}/task/{broker.pid}/children").read_text().split()
        assert len(children) == 1
        os.kill(int(children[0]), signal.SIGKILL)
        assert broker.wait(30) == 1
        assert broker.stderr is not None
        assert "Kafka ended by itself" in broker.stderr.read()
    deadline = time.monotonic() + 20
    while not port_is_free(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert port_is_free(port)
