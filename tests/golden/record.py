"""`python -m tests.golden.record` writes the golden histories of the present version; the older ones stay as they are."""

import json
from collections.abc import Iterable
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

from stream_app import __version__
from stream_app.codec.schemas import SUFFIX, make_schemas
from stream_app.codec.schemas.outputs import OUTPUT_TYPES
from stream_app.codec.state import STATE_VERSION
from stream_app.domain.facts.state import State
from stream_app.replay.run import replay
from tests.oracle.histories import history

HERE = Path(__file__).parent
SEEDS = {"late-7": (7, True), "late-23": (23, True), "tidy-24": (24, False)}
"""Of forty histories those that together say most in least: which seed, and whether events come late."""


def meaning() -> dict[str, Any]:
    """What states and published events are made of, without the words that describe them."""
    made = make_schemas()
    columns = [column.name for column in fields(State)]  # what lies in them is held by the fixtures' bytes
    return {
        "state_version": STATE_VERSION,
        "state": _digest(columns),
        "published": {name: _digest(_bare(made[name + SUFFIX])) for name in sorted(OUTPUT_TYPES)},
    }


def versions() -> list[Path]:
    """The folders of all versions, the newest last."""
    return sorted(HERE.glob("[0-9]*"), key=lambda folder: [int(part) for part in folder.name.split(".")])


def lacking(now: dict[str, Any], newest: dict[str, Any]) -> list[str]:
    """What has changed since the newest folder was recorded; nothing of it may."""
    changed = [name for name in ("state_version", "state") if now[name] != newest[name]]
    types = now["published"].keys() | newest["published"].keys()
    return changed + sorted(name for name in types if now["published"].get(name) != newest["published"].get(name))


def played(folder: Path) -> bytes:
    """What today's version publishes for a folder's events; where they come late, in the order in which they came."""
    with TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.jsonl"
        replay([folder / "events.jsonl"], folder / "policy.json", out, processes=1, as_given=folder.name.startswith("late"))
        return out.read_bytes()


def expected(folder: Path) -> bytes:
    """What it should publish: what was written then, or what is known to be different now."""
    now = folder / "now.jsonl"
    return (now if now.is_file() else folder / "out.jsonl").read_bytes()


def main() -> None:
    """Write the folder of the present version, anew if it is there."""
    folder = HERE / __version__
    rmtree(folder, ignore_errors=True)
    for name, (seed, shuffled) in SEEDS.items():
        told = history(seed, customers=5, size=6, shuffled=shuffled)
        (folder / name).mkdir(parents=True)
        (folder / name / "policy.json").write_text(json.dumps(told.document, indent=1) + "\n")
        (folder / name / "events.jsonl").write_text(_lines(told.events))
        (folder / name / "out.jsonl").write_bytes(played(folder / name))
    (folder / "meaning.json").write_text(json.dumps(meaning(), indent=1) + "\n")


def _lines(events: Iterable[Any]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def _digest(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _bare(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bare(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _bare(part) for name, part in schema.items() if name not in {"description", "title"} or not isinstance(part, str)}


if __name__ == "__main__":
    main()
