"""Generated histories: the product's replay says exactly what the oracle says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.agreement.compare import differences
from tests.agreement.product import replay
from tests.oracle import run
from tests.oracle.histories import history

pytestmark = pytest.mark.slow
SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_sorted_by_time(seed: int, tmp_path: Path) -> None:
    told = history(seed, customers=60)
    outcome = run.replay(told.events, told.document)
    assert differences(outcome, replay(tmp_path, told.events, told.document)) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_shuffled_history_as_given(seed: int, tmp_path: Path) -> None:
    told = history(seed, customers=60, shuffled=True)
    outcome = run.replay(told.events, told.document, as_given=True)
    assert any(change["cause"]["kind"] == "late" for customer in outcome.customers.values() for change in customer.changes)
    assert differences(outcome, replay(tmp_path, told.events, told.document, as_given=True)) == []


@pytest.mark.parametrize("seed", range(100, 104))
def test_a_history_cut_off_by_until(seed: int, tmp_path: Path) -> None:
    """Later events are left out, and time stands still at `--until`, deadlines of that very millisecond included."""
    told = history(seed, customers=40)
    whole = run.replay(told.events, told.document)
    turns = [change["effective_at"] for customer in whole.customers.values() for change in customer.changes]
    until = sorted(turns)[len(turns) // 2]
    outcome = run.replay(told.events, told.document, until=until)
    text = datetime.fromtimestamp(until // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{until % 1000:03d}Z"
    assert differences(outcome, replay(tmp_path, told.events, told.document, until=text)) == []


def test_the_histories_do_everything() -> None:
    """Every cause, dimension, reaction, notice and code occurs, so that the agreement above means something."""
    seen: set[str] = set()
    for seed in SEEDS:
        told = history(seed, customers=60, shuffled=bool(seed % 2))
        outcome = run.replay(told.events, told.document, as_given=bool(seed % 2))
        seen |= {code for _, code in outcome.rejected}
        for customer in outcome.customers.values():
            seen |= {"erasure", "erased and back"} if customer.past and customer.exists else {"erasure"} if customer.past else set()
            seen |= {"duplicate"} if customer.duplicates else set()
            seen |= {entry["type"] for entry in customer.reactions + customer.notices}
            for change in customer.changes:
                seen |= {f"{change['dimension']} {change['to']}", change["cause"]["kind"], change["origin"]}
                seen |= {"revokes"} if change["revokes"] else set()
    expected = {f"lifecycle {value}" for value in ("other", "possibly_interested", "potential", "active", "inactive")}
    expected |= {f"churn_risk {value}" for value in ("low", "medium", "high", None)}
    expected |= {f"winback {value}" for value in ("none", "recent", "cooling", "gone")}
    expected |= {f"opportunity {value}" for value in ("low", "medium", "high", None)}
    expected |= {f"contact {value}" for value in ("ok", "too_often", "too_seldom", "over_budget", None)} | {"contact.advised"}
    expected |= {f"class {value}" for value in ("A", "B", "C", None)}
    expected |= {"segment exit", "segment lost", "segment promising", "segment None", "service_level kind"}
    expected |= {"erasure", "erased and back"}
    expected |= {"label gold", "service_level premium", "event", "time", "late", "void", "revokes", "duplicate", "live", "backfill"}
    expected |= {
        "order_exists",
        "refund_exists",
        "order_unknown",
        "order_closed",
        "currency_mismatch",
        "unknown_type",
        "time_out_of_range",
        "unknown_shop",
    }
    expected |= {"winback.opened", "winback.cooled", "winback.closed", "winback.won", "winback.withdrawn", "service_level.changed"}
    expected |= {"status.will_change", "status.will_not_change"}
    assert expected - seen == set()
