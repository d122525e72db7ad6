"""A seed and a commit are a run: the same trace, byte for byte, in any process and with any hash seed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def traced(seed: int, hash_seed: str) -> bytes:
    """What `make sim SEED=n` prints."""
    command = [sys.executable, "-m", "tests.simulator", "--seed", str(seed)]
    played = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, check=True)
    return played.stdout


@pytest.mark.parametrize("seed", [0, 5, 8, 12])
def test_a_seed_gives_the_same_trace_with_another_hash_seed(seed: int) -> None:
    first = traced(seed, "1")
    assert len(first.splitlines()) > 20
    assert traced(seed, "1") == first
    assert traced(seed, "2024") == first
