"""A seed and a commit are a run: the same trace, byte for byte, in any process, with any hash seed, whatever ran before."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SEEDS = 25


def printed(hash_seed: str, *arguments: str) -> str:
    """What `make sim` prints."""
    command = [sys.executable, "-m", "tests.simulator", *arguments]
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout


def test_a_seed_gives_the_same_trace_with_another_hash_seed() -> None:
    first = printed("1", "--seed", "5")
    assert len(first.splitlines()) > 50
    assert printed("2024", "--seed", "5") == first


def test_many_seeds_come_to_the_same_alone_or_one_after_the_other() -> None:
    digests = printed("1", "--digests", "--seeds", str(SEEDS))
    assert len({line.split()[1] for line in digests.splitlines()}) == SEEDS
    assert printed("7", "--digests", "--seeds", str(SEEDS)) == digests
    alone = dict(line.split() for line in printed("0", "--seed", "12").splitlines() if line.startswith("digest "))
    assert f"12 {alone['digest']}" in digests.splitlines()
