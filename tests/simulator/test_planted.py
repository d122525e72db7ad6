"""Each invariant is seen to fail: a bug is planted, and within so many seeds the simulator names what it breaks."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.checks import INVARIANTS
from tests.simulator.planted import BUGS, FIRST_SEEDS
from tests.simulator.seeds import play

SEEDS_MAX = 300


def test_every_invariant_has_a_bug_that_breaks_it() -> None:
    assert set(BUGS) == set(INVARIANTS)


@pytest.mark.parametrize(
    ("invariant", "bug"), [pytest.param(invariant, bug, id=bug.__name__) for invariant, bugs in BUGS.items() for bug in bugs]
)
def test_a_planted_bug_is_found_and_named(invariant: str, bug: Callable[[], Any]) -> None:
    named: Counter[str] = Counter()
    first = FIRST_SEEDS.get(bug.__name__, 0)
    with bug():
        for seed in range(first, first + SEEDS_MAX):
            result = play(seed)
            if result.invariant is not None:
                named[result.invariant] += 1
            if result.invariant == invariant:
                return
    pytest.fail(f"{SEEDS_MAX} seeds do not name `{invariant}`, but {dict(named)}: {bug.__doc__}")
