"""Classes by pareto: the product's replay says exactly what the oracle says, which adds up all values of the shop in a list."""

import json
from pathlib import Path
from random import Random

import pytest

from stream_app.replay import run as run_replay
from tests.agreement.compare import differences
from tests.agreement.product import replay
from tests.oracle import run
from tests.oracle.histories import History, history
from tests.oracle.policies import by_pareto

pytestmark = pytest.mark.slow


def told_by_pareto(seed: int, *, shuffled: bool = False) -> History:
    """A generated history under a policy whose classes are by pareto, and decide about other dimensions too."""
    told = history(seed, customers=16, shuffled=shuffled)
    told.document = by_pareto(Random(seed), told.document)
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


@pytest.mark.parametrize("as_given", [False, True])
def test_any_number_of_processes_writes_the_same_bytes(as_given: bool, tmp_path: Path) -> None:
    """Sketches are merged, families stay together, and each process judges by the same cut-offs."""
    told = told_by_pareto(31, shuffled=as_given)
    events, policy = tmp_path / "events.jsonl", tmp_path / "policy.json"
    events.write_text("".join(json.dumps(event) + "\n" for event in told.events))
    policy.write_text(json.dumps(told.document))
    written = []
    for processes in (1, 2, 3):
        out = tmp_path / f"out-{processes}.jsonl"
        run_replay.replay([events], policy, out, as_given=as_given, processes=processes)
        written.append(out.read_bytes())
    assert b'"cut_offs":{"A"' in written[0]
    assert written == [written[0]] * 3


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
