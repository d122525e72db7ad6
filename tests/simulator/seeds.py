"""Many runs: over all cores, with their faults counted, and the failures told so that each can be played again."""

import multiprocessing
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.simulator.checks import broken
from tests.simulator.run import run

_CHUNK = 8
_ROUND = 400


class Result(NamedTuple):
    """What came of one seed; `invariant` is the first that is broken."""

    seed: int
    invariant: str | None
    detail: str
    digest: str
    trace: str
    struck: dict[str, int]

    def told(self) -> str:
        """What somebody needs to know who wants to mend it."""
        return (
            f"seed {self.seed} breaks `{self.invariant}`: {self.detail[:1000]}\n"
            f"play it again with: make sim SEED={self.seed}   (at commit {commit()})\n{self.trace}"
        )


def play(seed: int) -> Result:
    """Run one seed and check it."""
    world = run(seed)
    wrong = broken(world)
    invariant, detail = (wrong[0].invariant, wrong[0].detail) if wrong else (None, "")
    return Result(seed, invariant, detail, world.digest(), world.tail() if wrong else "", dict(world.faults.struck))


class Summary:
    """What came of many seeds."""

    def __init__(self) -> None:
        self.seeds = 0
        self.struck: Counter[str] = Counter()
        self.failures: list[Result] = []

    def add(self, result: Result) -> None:
        """One more."""
        self.seeds += 1
        self.struck.update(result.struck)
        if result.invariant is not None:
            self.failures.append(result)


def play_many(seeds: range, on_progress: Callable[[Summary], None], until: float = float("inf")) -> Summary:
    """Run seeds in as many processes as there are cores, until they or the time (monotonic seconds) run out."""
    summary = Summary()
    with multiprocessing.get_context("fork").Pool(len(os.sched_getaffinity(0))) as pool:
        for begin in range(seeds.start, seeds.stop, _ROUND):
            for result in pool.imap_unordered(play, range(begin, min(begin + _ROUND, seeds.stop)), chunksize=_CHUNK):
                summary.add(result)
                on_progress(summary)
            if time.monotonic() > until:
                break
    summary.failures.sort(key=lambda failure: failure.seed)
    return summary


def commit() -> str:
    """The commit that is checked out; `+` says that files differ from it."""
    root = Path(__file__).parents[2]
    found = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=root, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
