"""`demo --once --json` on the real data: the counts of the data set, twice the same, and one by one what the replay writes."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stream_app.demo.broker import EmbeddedBroker
from stream_app.demo.dataset import COUNTS, CUSTOMERS, NAME, events_file
from stream_app.demo.run import POLICY
from stream_app.replay.run import replay
from stream_app.settings import load_settings
from stream_app.worker.cluster import read_to_end

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]
CACHE = load_settings().cache_dir
TOPICS = ("status-changes", "win-back", "service-level", "contact-advice")
Events = dict[str, tuple[str, dict[str, Any]]]


def demo(cwd: Path) -> dict[str, Any]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_APP_")}
    done = subprocess.run(
        [sys.executable, "-m", "stream_app", "demo", "--once", "--json"], cwd=cwd, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1, "exactly one JSON line"
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def committed(cwd: Path) -> Events:
    """What a subscriber reads from the Kafka that the demo has left behind, by id."""

    async def read(address: str) -> Events:
        settings = load_settings(broker=address)
        found: Events = {}
        for topic in TOPICS:
            async for record in read_to_end(settings, topic):
                event = json.loads(record.value)
                assert event["id"] not in found, "published twice"
                found[event["id"]] = (topic, event)
        return found

    with EmbeddedBroker(cwd / ".data" / "demo" / "kafka", CACHE) as broker:
        return asyncio.run(read(broker.address))


def replayed(out: Path) -> Events:
    replay([events_file(NAME, CACHE)], POLICY, out)
    with out.open() as lines:
        written = [json.loads(line) for line in lines]
    return {line["event"]["id"]: (line["topic"], line["event"]) for line in written if line["topic"] in TOPICS}


def test_the_demo_equals_the_replay_and_itself(tmp_path: Path) -> None:
    expected = replayed(tmp_path / "replay.jsonl")
    first = demo(tmp_path)
    assert first["events_in"] == COUNTS
    assert first["customers"] == CUSTOMERS
    assert first["dead_letters"] == {}
    assert first["seconds"] > 0
    changes = [event for _, event in expected.values() if event["type"] == "status.changed"]
    assert sum(change["count"] for change in first["changes"]) == len(changes)
    assert committed(tmp_path) == expected
    second = demo(tmp_path)
    assert {**second, "seconds": 0} == {**first, "seconds": 0}
    assert committed(tmp_path) == expected
