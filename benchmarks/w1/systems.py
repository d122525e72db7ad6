"""The systems that run W1: how each is started, and how to read what it has published and stored."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.prepare import HERE as PEERS
from benchmarks.peers.prepare import java_command, python_of
from benchmarks.w1.verdict import Said
from benchmarks.w1_fold import LAYOUT
from stream_app.engine.stores.frame import state_of
from stream_app.engine.stores.marker import MARKER_KEY
from stream_app.settings import child_environment

Total = tuple[str, tuple[int, int, str]]


@dataclass(frozen=True)
class Task:
    """What one run is given: the topics, a group that no other run has, and an empty folder."""

    broker: str
    source: str
    output: str
    group: str
    folder: Path

    def arguments(self) -> list[str]:
        """As the programs take them."""
        return [self.broker, self.source, self.output, self.group, str(self.folder)]


@dataclass(frozen=True)
class System:
    """One system.

    Attributes:
        name: its key in the results.
        what: its settings, for the reader of the table.
        prepare: installs what it needs and returns its command without the task; raises PeerUnavailableError.
        read_total: one changelog record as customer and totals (None: another record), where there is a changelog.
        full: it publishes every change of class; False: it looks now and then, and may pass one.
    """

    name: str
    what: str
    prepare: Callable[[], list[str]]
    options: tuple[str, ...] = ()
    read_total: Callable[[bytes, bytes], Total | None] | None = None
    full: bool = True

    def command(self, prefix: list[str], task: Task) -> list[str]:
        """The process to start."""
        if self.name == "ours":
            return [*prefix, task.output]
        return [*prefix, *task.arguments(), *self.options]

    def environment(self, task: Task) -> dict[str, str]:
        """The environment of the process."""
        if self.name == "ours":
            return child_environment(BROKER=task.broker, ID=task.group, DATA_DIR=str(task.folder))
        return {**os.environ, "PATHWAY_THREADS": "2", "PYTHONUNBUFFERED": "1"}


def read_said(at_ms: int, value: bytes) -> Said | None:
    """A published record as a change; None for Pathway's withdrawal of the class before."""
    change = json.loads(value)
    if change.get("diff", 1) < 0:
        return None
    return Said(at_ms, change["customer_id"], change["to"], change.get("from"), change.get("count"), change.get("sum_minor"))


def _ours() -> list[str]:
    return [sys.executable, "-m", "benchmarks.w1.worker"]


def _program(name: str) -> Callable[[], list[str]]:
    return lambda: [str(python_of(name)), str(PEERS / f"{name}_w1.py")]


def _our_total(key: bytes, value: bytes) -> Total | None:
    return None if key == MARKER_KEY else (key.decode(), _unpacked(state_of(value)))


def _java_total(key: bytes, value: bytes) -> Total | None:
    return key.decode(), _unpacked(value)


def _unpacked(state: bytes) -> tuple[int, int, str]:
    count, total, after = LAYOUT.unpack(state)
    return count, total, after.decode()


def _json_total(key: bytes, value: bytes) -> Total | None:
    count, total, after = json.loads(value)
    return key.decode().partition("|")[0], (count, total, after)


_EOS, _ALO = "exactly_once_v2", "at_least_once"
SYSTEMS = (
    System("ours", "exactly-once, RocksDB, changelog, a process for each core", _ours, read_total=_our_total),
    System("kafka_streams_eos", "exactly_once_v2, RocksDB, cache, 2 threads", java_command, (_EOS, "2", "100"), _java_total),
    System("kafka_streams_alo", "at_least_once, RocksDB, cache, 2 threads", java_command, (_ALO, "2", "30000"), _java_total),
    System("quix", "at-least-once, RocksDB, changelog", _program("quix"), ("at-least-once",), _json_total),
    System("bytewax", "no changelog, state in memory", _program("bytewax")),
    System("pathway", "rounds of 0.5 s, 2 threads, no changelog", _program("pathway"), full=False),
    System("faust", "agent and table, at-least-once, memory, changelog", _program("faust"), read_total=_json_total),
)
