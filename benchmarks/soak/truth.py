"""What was published and what was committed, both read from Kafka, and what `stream-app replay` makes of the same events.

Published events are kept as digests: a long run has more of them than fit into memory as they are.
"""

from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Collection
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from benchmarks.soak.crew import Crew
from benchmarks.soak.shops import SHOPS
from stream_app.codec.state import decode_state
from stream_app.codec.times import format_time
from stream_app.domain.facts.state import DIMENSIONS, State, describe, is_customer
from stream_app.engine.stores.frame import state_of
from stream_app.engine.stores.marker import MARKER_KEY
from stream_app.engine.topology import changelog_name
from stream_app.settings import Settings
from stream_app.worker.cluster import read_to_end
from stream_app.worker.topics import TABLE

OUTPUTS = ("status-changes", "win-back", "service-level", "contact-advice")
_SOURCE = b'"source":"/shops/'


class Said(Struct):
    """One published event: its id, the digest of its content, and in short what it says."""

    id: str
    digest: bytes
    short: str


class Final(Struct):
    """How a customer stands in the end."""

    statuses: dict[str, str]
    facts: dict[str, Any]


class Evidence(Struct):
    """What one side says: every event in order by (topic, key), how each customer stands, and dead letters by (code, bytes).

    `insights` are the figures of now, by shop; a replay has none.
    """

    said: dict[tuple[str, str], list[Said]]
    final: dict[str, Final]
    letters: Counter[tuple[str, bytes]]
    wrong: list[str]
    insights: dict[str, dict[str, Any]]


class Input(Struct):
    """What the input topics hold: a file a shop, and how often each piece of garbage is there.

    `named` counts records that bear a canary, so that a search for it elsewhere means something.
    """

    files: dict[str, Path]
    garbage: Counter[bytes]
    values: dict[str, set[bytes]]
    records: int = 0
    named: int = 0


class Chain:
    """One customer's changes: sequences without a hole, and each `from` the `to` before it; an erasure ends a life."""

    def __init__(self) -> None:
        self._sequence, self._values = 0, dict[str, Any]()

    def follow(self, event: dict[str, Any]) -> str | None:
        """Take the next event of `status-changes`; what is wrong with it, if anything."""
        if event["type"] == "erasure.completed":
            self._sequence, self._values = 0, {}
        if event["type"] != "status.changed":
            return None
        data = event["data"]
        expected, before = self._sequence + 1, self._values.get(data["dimension"])
        self._sequence, self._values[data["dimension"]] = data["sequence"], data["to"]
        if data["sequence"] != expected:
            return f"sequence {data['sequence']} where {expected} is next"
        if data["from"] != before:
            return f"{data['dimension']} from {data['from']} where it was {before}"
        return None


async def read_input(settings: Settings, folder: Path, garbage: Collection[bytes], canary: bytes) -> Input:
    """Everything in the input topics, as files for a replay."""
    found = Input({shop: folder / f"{shop}.jsonl" for shop in SHOPS}, Counter(), {"booth": set()})
    targets = {shop: path.open("wb") for shop, path in found.files.items()}
    try:
        for topic in ("orders", "contacts"):
            async for record in read_to_end(settings, topic):
                value = record.value
                found.records += 1
                found.named += canary in value
                if value in garbage:
                    found.garbage[value] += 1
                    continue
                place = value.index(_SOURCE) + len(_SOURCE)
                shop = value[place : value.index(b'"', place)].decode()
                targets[shop].write(value + b"\n")
                if shop in found.values:
                    found.values[shop].add(value)
    finally:
        for target in targets.values():
            target.close()
    return found


async def read_committed(settings: Settings) -> Evidence:
    """Everything that is committed; `wrong` names holes in sequences, broken chains and ids that are there twice."""
    said: dict[tuple[str, str], list[Said]] = defaultdict(list)
    wrong, ids = [], set()
    chains: dict[str, Chain] = defaultdict(Chain)
    for topic in OUTPUTS:
        async for record in read_to_end(settings, topic):
            key, event = record.key.decode(), msgspec.json.decode(record.value)
            said[topic, key].append(digest(event))
            number = bytes.fromhex(event["id"])
            if number in ids:
                wrong.append(f"{key}: the id {event['id']} of a {event['type']} twice")
            ids.add(number)
            if topic == "status-changes" and (fault := chains[key].follow(event)):
                wrong.append(f"{key}: {fault}")
    letters: Counter[tuple[str, bytes]] = Counter()
    async for record in read_to_end(settings, "dead-letters"):
        letters[dict(record.headers)["error.code"].decode(), record.value] += 1
    insights: dict[str, dict[str, Any]] = {}
    async for record in read_to_end(settings, "insights"):
        shop, _, period = record.key.decode().partition("/")
        if period == "now":
            insights[shop] = msgspec.json.decode(record.value)["data"]
    return Evidence(dict(said), await _states(settings), letters, wrong, insights)


def replay(crew: Crew, file: Path, policy: Path, until_ms: int) -> Evidence:
    """What a replay says of a shop's events, up to a moment."""
    out = file.with_suffix(f".{until_ms}.out")
    crew.command("replay", str(file), "--policy", str(policy), "--out", str(out), "--until", format_time(until_ms))
    said: dict[tuple[str, str], list[Said]] = defaultdict(list)
    final, letters = {}, Counter[tuple[str, bytes]]()
    with out.open("rb") as lines:
        for line in lines:
            entry = msgspec.json.decode(line)
            if entry["topic"] == "dead-letters":
                letters[entry["headers"]["error.code"], b64decode(entry["value_base64"])] += 1
                continue
            event = entry["event"]
            key = event["source"].removeprefix("/shops/") + "/" + event["subject"]
            if entry["topic"] == "customer-profiles":
                data = event["data"]
                final[key] = Final({name: value for name, value in data["statuses"].items() if value is not None}, data["facts"])
            else:
                said[entry["topic"], key].append(digest(event))
    return Evidence(dict(said), final, letters, [], {})


def digest(event: dict[str, Any]) -> Said:
    """An event in short. An erasure's receipt also names the topics, which a replay has none of."""
    data = event["data"]
    if event["type"] == "erasure.completed":
        event = {**event, "data": {name: value for name, value in data.items() if name != "kept"}}
    short = f"{event['type']} {data.get('dimension', '')} {data.get('from', '')} to {data.get('to', '')} at {event['time']}"
    content = msgspec.json.encode(event, order="sorted")
    return Said(event["id"], blake2b(content, digest_size=16).digest(), short)


async def _states(settings: Settings) -> dict[str, Final]:
    latest: dict[str, bytes] = {}
    async for record in read_to_end(settings, changelog_name(settings.id, TABLE)):
        if record.key == MARKER_KEY or b"/\x00" in record.key:  # the latter is the mark of somebody who was erased
            continue
        if record.value is None:
            latest.pop(record.key.decode(), None)
        else:
            latest[record.key.decode()] = record.value
    decoded = ((key, decode_state(state_of(framed))) for key, framed in latest.items())
    return {key: _final(state) for key, state in decoded if is_customer(state)}


def _final(state: State) -> Final:
    statuses = {name: value for name, value in zip(DIMENSIONS, state.values, strict=True) if value is not None}
    return Final(statuses, describe(state, format_time))
