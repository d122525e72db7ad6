"""Classes by pareto: the product's replay says exactly what the oracle says, which adds up all values of the shop in a list."""

from pathlib import Path
from random import Random

import pytest

from tests.agreement.compare import differences
from tests.agreement.product import replay
from tests.oracle import run
from tests.oracle.histories import History, history

pytestmark = pytest.mark.slow


def told_by_pareto(seed: int, *, shuffled: bool = False) -> History:
    """A generated history under a policy whose classes are by pareto, and decide about other dimensions too."""
    told, rng = history(seed, customers=16, shuffled=shuffled), Random(seed)
    b_pct = rng.choice((95, 99, rng.randint(40, 95)))
    a_pct = min(b_pct - 1, rng.choice((80, rng.randint(1, 95))))
    classes: dict[str, object] = {"by": "pareto", "A_pct": a_pct, "B_pct": b_pct}
    classes["evaluate_every_days"] = rng.choice((7, 30, 30, 91))
    told.document |= {"classes": classes, "labels": {"A": "gold", "B": "silver", "C": "bronze"}}
    return told


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_history_sorted_by_time(seed: int, tmp_path: Path) -> None:
    told = told_by_pareto(seed)
    outcome = run.replay(told.events, told.document)
    assert differences(outcome, replay(tmp_path, told.events, told.document)) == []


@pytest.mark.parametrize("seed", [21, 22])
def test_a_shuffled_history_as_given(seed: int, tmp_path: Path) -> None:
    told = told_by_pareto(seed, shuffled=True)
    outcome = run.replay(told.events, told.document, as_given=True)
    assert differences(outcome, replay(tmp_path, told.events, told.document, as_given=True)) == []


def test_the_histories_move_customers_by_cut_offs() -> None:
    """Else the agreement above means little: customers climb and fall because the shop was weighed anew."""
    seen: set[tuple[str | None, str | None]] = set()
    for seed in (1, 2, 3):
        told = told_by_pareto(seed)
        for customer in run.replay(told.events, told.document).customers.values():
            seen |= {
                (one["from"], one["to"]) for one in customer.changes if one["dimension"] == "class" and one["cause"]["kind"] == "policy"
            }
    assert len({one for one in seen if None not in one}) > 2, seen
