"""Each invariant is seen to fail: a bug is planted, and within so many seeds the simulator names what it breaks."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.checks import INVARIANTS
from tests.simulator.planted import BUGS
from tests.simulator.seeds import play

SEEDS_MAX = 150


def test_every_invariant_has_a_bug_that_breaks_it() -> None:
    assert set(BUGS) == set(INVARIANTS)


@pytest.mark.parametrize(
    ("invariant", "bug"), [pytest.param(invariant, bug, id=bug.__name__) for invariant, bugs in BUGS.items() for bug in bugs]
)
def test_a_planted_bug_is_found_and_named(invariant: str, bug: Callable[[], Any]) -> None:
    with bug():
        found = next((result for result in map(play, range(SEEDS_MAX)) if result.invariant is not None), None)
    assert found is not None, f"{SEEDS_MAX} seeds do not see it: {bug.__doc__}"
    assert found.invariant == invariant, found.told()
