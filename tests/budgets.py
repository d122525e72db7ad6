"""Each suite has so many seconds on two cores; a whole run that takes longer fails, so that waiting for tests never creeps up.

They are those of its tests, added up, also where these run side by side: Kafka and faults, three at a time, take seven minutes at most.

The seconds are those of the machine on which a fixed piece of work takes `WORK_S`; a slower machine has as much more. The work is zlib's,
so that how the Python was built does not matter.
"""

import time
import zlib
from collections import defaultdict
from pathlib import Path

import pytest

SUITES = {
    "house": ("house", "contract"),
    "deploy": ("deploy",),
    "unit": ("unit", "properties"),
    "agreement": ("oracle", "agreement"),
    "simulator": ("simulator",),
    "kafka": ("integration",),
    "faults": ("faults",),
    "web": ("web",),
}
BUDGETS_S = {"house": 90, "deploy": 90, "unit": 240, "agreement": 330, "simulator": 240, "kafka": 600, "faults": 700, "web": 240}
WORK_S = 0.048


def slowness() -> float:
    """How much slower this machine is now than the one the budgets were set on, at least 1."""
    text = b"".join(b"%d" % (number * 2_654_435_761 % 4_294_967_296) for number in range(100_000))
    began = time.perf_counter()
    assert zlib.compress(text, 6)
    return max(1.0, (time.perf_counter() - began) / WORK_S)


def suite_of(nodeid: str) -> str:
    """The suite of a test, by its room under `tests/`."""
    room = Path(nodeid.partition("::")[0]).parts[1]
    return next(suite for suite, rooms in SUITES.items() if room in rooms)


def overruns(seconds: dict[str, float], slower: float = 1.0) -> list[str]:
    """One line for each suite that took longer than it may on a machine that is `slower` times slower."""
    return [
        f"suite {suite}: {seconds[suite]:.0f} s, and its budget is {limit * slower:.0f} s"
        for suite, limit in BUDGETS_S.items()
        if seconds.get(suite, 0) > limit * slower
    ]


class Budgets:
    """The pytest plugin."""

    def __init__(self, unbounded: str = "") -> None:
        """`unbounded` is a suite that may take as long as it likes in this run."""
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._unbounded = unbounded
        self._slower = slowness()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the seconds of a set-up, a test or a tear-down."""
        self._seconds[suite_of(report.nodeid)] += report.duration

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run when a suite took too long."""
        self._slower = max(self._slower, slowness())
        if self._overruns() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what each suite took."""
        took = ", ".join(f"{suite} {seconds:.0f} of {BUDGETS_S[suite]}" for suite, seconds in sorted(self._seconds.items()))
        terminalreporter.write_line(f"seconds of the suites: {took}")
        for line in self._overruns():
            terminalreporter.write_line(line, red=True)

    def _overruns(self) -> list[str]:
        return overruns({suite: seconds for suite, seconds in self._seconds.items() if suite != self._unbounded}, self._slower)
