"""Two thousand seeds, every one of them whole; and every kind of fault has struck."""

import sys
import time

import pytest

from tests.simulator.seeds import Summary, play_many

SEEDS = 2_000
STRIKE = (
    *(f"crash: {phase}" for phase in ("takeover", "idle", "fold", "commit", "commit decided")),
    *(f"{what}: {kind}" for what in ("start", "offsets", "produce", "commit") for kind in ("before", "after", "slow", "slow answer")),
    *(f"{what}: {kind}" for what in ("read", "ends", "fetch") for kind in ("slow", "slow answer")),
    *(f"store {kind}" for kind in ("kept", "flushed", "lost", "wiped")),
    "aborted input",
    "broker killed",
    "commit timed out",
    "compacted",
    "cut-offs taken",
    "derived event",
    "delivered again",
    "ended by StalledError",
    "ended by UnitError",
    "fenced",
    "foreign partition",
    "frozen",
    *(f"hanging transaction: {what}" for what in ("abort", "commit", "answered commit")),
    "heartbeats lost",
    "late event",
    "merge",
    "partition moved",
    "policy changed",
    "rebalance",
    "sent twice",
    "silent member replaced",
    "threads: slow",
    "told to stop",
    "transaction timed out",
)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_seed_breaks_an_invariant_and_every_fault_strikes(capfd: pytest.CaptureFixture[str]) -> None:
    told = time.monotonic()

    def progress(summary: Summary) -> None:
        nonlocal told
        if time.monotonic() - told > 10:
            told = time.monotonic()
            with capfd.disabled():
                sys.stderr.write(f"\nsimulator: {summary.seeds} of {SEEDS} seeds, {len(summary.failures)} broken ")

    summary = play_many(range(SEEDS), progress)
    assert summary.seeds == SEEDS
    assert not summary.failures, "\n\n".join(failure.told() for failure in summary.failures[:3])
    assert [name for name in STRIKE if not summary.struck[name]] == [], "a fault that never strikes tests nothing"
