"""`make sim`: play one seed again, or many, or for a night."""

import argparse
import sys
import time

from tests.simulator.checks import broken
from tests.simulator.run import run
from tests.simulator.seeds import Summary, play_many


def main() -> int:
    """Read the arguments and run; 1 when an invariant is broken."""
    parser = argparse.ArgumentParser(prog="make sim", description="the deterministic simulator")
    parser.add_argument("--seed", type=int, help="play this one, and print its trace")
    parser.add_argument("--seeds", type=int, default=2_000, help="how many to play")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--digests", action="store_true", help="print what each of them comes to, one after the other")
    parser.add_argument("--minutes", type=float, help="play on for so long instead")
    given = parser.parse_args()
    if given.seed is not None:
        return _play_one(given.seed)
    if given.digests:
        for seed in range(given.first, given.first + given.seeds):
            sys.stdout.write(f"{seed} {run(seed).digest()}\n")
        return 0
    seeds = range(given.first, 1 << 62 if given.minutes else given.first + given.seeds)
    until = time.monotonic() + given.minutes * 60 if given.minutes else float("inf")
    return _report(play_many(seeds, _Progress(), until))


def _play_one(seed: int) -> int:
    world = run(seed)
    sys.stdout.write("\n".join([*world.trace, f"digest {world.digest()}", ""]))
    wrong = broken(world)
    for one in wrong[:10]:
        sys.stdout.write(f"broken: {one.invariant}: {one.detail[:2000]}\n")
    sys.stdout.write(f"seed {seed}: {'broken' if wrong else 'all invariants hold'}\n")
    return 1 if wrong else 0


class _Progress:
    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, summary: Summary) -> None:
        if time.monotonic() - self._told > 5:
            self._told = time.monotonic()
            sys.stderr.write(f"{summary.seeds} seeds, {len(summary.failures)} broken, {sum(summary.struck.values())} faults\n")


def _report(summary: Summary) -> int:
    for name, times in sorted(summary.struck.items()):
        sys.stdout.write(f"{times:8} {name}\n")
    for failure in summary.failures[:5]:
        sys.stdout.write(failure.told() + "\n")
    seeds = " ".join(str(failure.seed) for failure in summary.failures[:50])
    sys.stdout.write(f"{summary.seeds} seeds, {len(summary.failures)} broken{': ' + seeds if seeds else ''}\n")
    return 1 if summary.failures else 0


if __name__ == "__main__":
    sys.exit(main())
