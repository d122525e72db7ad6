"""Runs `stream-app replay` on a file of events and reads what it wrote."""

import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Customer = tuple[str, str]
PROGRAM = Path(sys.executable).parent / "stream-app"


@dataclass
class Told:
    """Everything the program said of one customer, in file order; events are CloudEvents."""

    changes: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    reactions: list[dict[str, Any]] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, Any] = field(default_factory=dict)


@dataclass
class Output:
    """The whole output file."""

    customers: dict[Customer, Told] = field(default_factory=dict)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    sections: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)


def replay(
    folder: Path, events: Iterable[dict[str, Any]], document: dict[str, Any], *, as_given: bool = False, until: str | None = None
) -> Output:
    """Write the events as JSONL and the policy as YAML into `folder`, run the program, read its output."""
    history, policy, out = folder / "history.jsonl", folder / "policy.yaml", folder / "out.jsonl"
    with history.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
    policy.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    command = [str(PROGRAM), "replay", str(history), "--policy", str(policy), "--out", str(out)]
    command += ["--as-given"] if as_given else []
    command += ["--until", until] if until else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return read(out)


def read(path: Path) -> Output:
    """Sort the lines of an output file by customer; `sections` keeps what is needed to check their order."""
    output = Output()
    with path.open(encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            if entry["topic"] == "dead-letters":
                original = json.loads(b64decode(entry["value_base64"]))
                output.rejected.append((original["id"], entry["headers"]["error.code"]))
                output.sections.append(("dead-letters", ()))
                continue
            event = entry["event"]
            who = (event["source"].removeprefix("/shops/"), event["subject"])
            told = output.customers.setdefault(who, Told())
            if entry["topic"] == "customer-profiles":
                assert not told.profile, "one final profile a customer"
                told.profile = event
                output.sections.append(("profiles", who))
                continue
            if event["type"] == "status.changed":
                told.changes.append(event)
            elif event["type"] == "erasure.completed":
                told.receipts.append(event)
            elif event["type"].startswith("status."):
                told.notices.append(event)
            else:
                told.reactions.append(event | {"topic": entry["topic"]})
            output.sections.append(("events", (event["time"], *who)))
    return output
