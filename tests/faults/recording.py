"""Which faults a run strikes, and the record of the last time that each was struck: `last.json`.

`make test-faults` strikes all and writes the record. `make test` strikes the short ones, and three of the long ones, which the
commit's hash decides, so that all come round.
"""

import fcntl
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.faults.names import FAULTS, SHORT_S

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "stream_app" / "engine"
LAST = Path(__file__).with_name("last.json")
LONG_ONES = 3
LONG_S = 240.0
"""What the chosen long ones may take, where it can be helped."""

UNKNOWN_S = 20.0
"""What a fault without a record is taken to take."""

Entry = dict[str, Any]


def last() -> dict[str, Entry]:
    """The record, by fault: seconds, class, verdict, commit, and the digest of the engine that was struck."""
    return dict(json.loads(LAST.read_text(encoding="utf-8"))) if LAST.exists() else {}


@contextmanager
def _alone() -> Iterator[None]:
    """Several runs may strike side by side: what one has recorded must not be lost to another."""
    with LAST.parent.joinpath("__init__.py").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def engine_digest() -> str:
    """A digest of the engine's sources; a clone has no dates."""
    digest = sha256()
    for path in sorted(ENGINE.rglob("*.py")):
        digest.update(str(path.relative_to(ENGINE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@cache
def commit() -> str:
    """The commit that is checked out, as far as it is known."""
    done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def chosen(seconds: Mapping[str, float], by: str) -> list[str]:
    """Of tests and what they took the last time: the short ones, and the long ones that the commit `by` decides."""
    short = [name for name in seconds if seconds[name] < SHORT_S]
    long = sorted(seconds.keys() - short, key=lambda name: sha256(f"{by} {name}".encode()).digest())
    if len(long) <= LONG_ONES:
        return short + long
    first, *rest = long
    fitting = (some for some in combinations(rest, LONG_ONES - 1) if seconds[first] + sum(seconds[name] for name in some) <= LONG_S)
    return [*short, first, *next(fitting, sorted(rest, key=lambda name: seconds[name])[: LONG_ONES - 1])]


def names_of(item: pytest.Item) -> tuple[str, ...]:
    """The faults that a test strikes."""
    marker = item.get_closest_marker("fault")
    return tuple(marker.args) if marker else ()


class Faults:
    """The pytest plugin."""

    def __init__(self, *, everything: bool) -> None:
        self._everything = everything
        self._struck = commit(), engine_digest()  # now: somebody may edit while the tests run
        self._results: dict[str, tuple[float, str]] = {}
        self._by_test: dict[str, tuple[str, ...]] = {}
        self._left_out: list[str] = []
        self._long: list[str] = []

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what this run does not strike; whoever names a file or a test gets it."""
        self._by_test = {item.nodeid: names for item in items if (names := names_of(item))}
        if self._everything or config.option.keyword or any(".py" in argument for argument in config.args):
            return
        known = last()
        took = {test: max(known.get(name, {}).get("test_seconds", UNKNOWN_S) for name in names) for test, names in self._by_test.items()}
        picked = set(chosen(took, commit()))
        self._long = [test for test in picked if took[test] >= SHORT_S]
        left_out = [item for item in items if item.nodeid in took and item.nodeid not in picked]
        self._left_out = [item.nodeid for item in left_out]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note seconds and outcome of a part of a test."""
        if report.nodeid not in self._by_test:
            return
        seconds, verdict = self._results.get(report.nodeid, (0.0, "held"))
        worse = {"failed": "broken", "skipped": "skipped"}.get(report.outcome, "held")
        # What a fixture of the whole session costs, like a broker, is not the fault's.
        self._results[report.nodeid] = (seconds + (report.duration if report.when == "call" else 0), worse if worse != "held" else verdict)
        if self._everything and report.when == "teardown":  # at once: a run that is broken off has still struck what it has struck
            with _alone():
                record = {name: entry for name, entry in {**last(), **self._entries()}.items() if name in FAULTS}
                part = LAST.with_suffix(".part")
                part.write_text(json.dumps(dict(sorted(record.items())), indent=1) + "\n", encoding="utf-8")
                part.replace(LAST)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Of several processes, hand what was chosen to the one that reports; all choose alike."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["faults"] = [self._long, self._left_out]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take it."""
        self._long, self._left_out = getattr(node, "workeroutput", {}).get("faults", [self._long, self._left_out])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which faults this run has struck."""
        if not self._left_out:
            return
        terminalreporter.write_line(f"long faults of commit {commit()}: {', '.join(sorted(self._long))}")
        terminalreporter.write_line(f"left out here, `make test-faults` strikes all: {', '.join(sorted(self._left_out))}")

    def _entries(self) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for test, (seconds, verdict) in self._results.items():
            names = self._by_test[test]
            for name in names:
                before = entries.get(name, {"test_seconds": 0.0, "seconds": 0.0, "verdict": "held"})
                entries[name] = {
                    "verdict": verdict if before["verdict"] == "held" else before["verdict"],
                    "seconds": round(before["seconds"] + seconds / len(names), 1),
                    "test_seconds": round(max(before["test_seconds"], seconds), 1),
                    "class": "long" if seconds >= SHORT_S else "short",
                    "commit": self._struck[0],
                    "engine": self._struck[1],
                }
        return entries
