"""The whole product under test: events through Kafka and a worker on one side, `stream-app replay` on the other."""

import json
import subprocess
import sys
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stream_app.codec.state import decode_state
from stream_app.domain.facts.state import State
from stream_app.engine.stores.frame import state_of
from stream_app.engine.stores.marker import MARKER_KEY
from stream_app.engine.topology import changelog_name
from stream_app.settings import Settings, child_environment
from stream_app.worker.cluster import read_to_end
from stream_app.worker.topics import TABLE
from tests.integration.workers import markers

PROGRAM = str(Path(sys.executable).parent / "stream-app")
TOPICS = ("status-changes", "win-back", "service-level", "contact-advice")
Said = dict[tuple[str, str], list[dict[str, Any]]]
"""What was published, in order, by topic and `shop/customer`."""


def run(environment: dict[str, str], *arguments: str, timeout_s: float = 120) -> str:
    """Run the program to its end; returns standard output."""
    done = subprocess.run(
        [PROGRAM, *arguments], env=child_environment(**environment), capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr[-2000:]}"
    return done.stdout


def write_lines(path: Path, events: Iterable[dict[str, Any]]) -> Path:
    """Write CloudEvents as JSONL."""
    with path.open("w", encoding="utf-8") as target:
        target.writelines(json.dumps(event, separators=(",", ":"), ensure_ascii=False) + "\n" for event in events)
    return path


async def committed(settings: Settings) -> Said:
    """Everything the worker has published, read with read_committed."""
    said: Said = defaultdict(list)
    for topic in TOPICS:
        async for record in read_to_end(settings, topic):
            said[topic, record.key.decode()].append(json.loads(record.value))
    return dict(said)


async def profiles(settings: Settings) -> dict[str, dict[str, Any]]:
    """The latest profile of every customer."""
    latest = {}
    async for record in read_to_end(settings, "customer-profiles"):
        latest[record.key.decode()] = json.loads(record.value)
    return latest


async def dead_letters(settings: Settings) -> list[tuple[str, str | None]]:
    """(code, original bytes in base64) of every dead letter, sorted."""
    found = []
    async for record in read_to_end(settings, "dead-letters"):
        code = dict(record.headers)["error.code"].decode()
        found.append((code, None if record.value is None else b64encode(record.value).decode()))
    return sorted(found, key=str)


async def states(settings: Settings) -> dict[str, State]:
    """The latest state of every customer, from the changelog."""
    found: dict[str, State] = {}
    async for record in read_to_end(settings, changelog_name(settings.id, TABLE)):
        if record.value is None:
            found.pop(record.key.decode(), None)
        elif record.key != MARKER_KEY and b"/\x00" not in record.key:  # that is a mark
            found[record.key.decode()] = decode_state(state_of(record.value))
    return found


async def applied(settings: Settings) -> int:
    """How many input offsets the newest markers say are applied."""
    return sum(sum(marker.offsets.values()) for marker in (await markers(settings)).values())


def replayed(folder: Path, files: list[Path], policy: Path) -> tuple[Said, dict[str, dict[str, Any]], list[tuple[str, str | None]]]:
    """The same of a replay: what it published, the profiles, the dead letters."""
    out = folder / "replayed.jsonl"
    run({}, "replay", *map(str, files), "--policy", str(policy), "--out", str(out))
    said: Said = defaultdict(list)
    final, rejected = {}, []
    with out.open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["topic"] == "dead-letters":
                rejected.append((entry["headers"]["error.code"], entry["value_base64"]))
                continue
            event = entry["event"]
            key = event["source"].removeprefix("/shops/") + "/" + event["subject"]
            if entry["topic"] == "customer-profiles":
                final[key] = event
            else:
                said[entry["topic"], key].append(event)
    return dict(said), final, sorted(rejected, key=str)


def differences(worker: Said, replay: Said) -> list[str]:
    """Where the two differ, one by one; empty when they are equal."""
    found = [f"only one side has {key}" for key in sorted(set(worker) ^ set(replay))[:5]]
    for key in sorted(set(worker) & set(replay)):
        for place, (one, other) in enumerate(zip(worker[key], replay[key], strict=False)):
            if one != other:
                found.append(f"{key}[{place}]: worker {one}, replay {other}")
                break
        if len(worker[key]) != len(replay[key]):
            found.append(f"{key}: worker {len(worker[key])}, replay {len(replay[key])}")
        if len(found) > 5:
            break
    return found


def holes(said: Said) -> list[str]:
    """Customers whose sequences are not 1..n, and ids used twice."""
    found, ids = [], set()
    for (topic, key), events in said.items():
        if topic == "status-changes":
            sequences = [event["data"]["sequence"] for event in events if event["type"] == "status.changed"]
            if sequences != list(range(1, len(sequences) + 1)):
                found.append(f"{key}: {sequences[:20]}")
        for event in events:
            if event["id"] in ids:
                found.append(f"{key}: the id of a {event['type']} twice")
            ids.add(event["id"])
    return found[:5]
