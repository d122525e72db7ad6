"""The benchmark of W1 as it runs, on a tiny input: our engine passes, and a system that differs from the reference gets no figure."""

import pytest

from benchmarks.measurements import w1
from benchmarks.place import fresh_place
from benchmarks.w1.orders import Reference, class_of, publish_orders

ORDERS = 20_000


async def _one_change_too_many(broker: str, topic: str, partitions: int, orders: int) -> Reference:
    """A reference that does not know one of the changes: to it the system has published one twice, or invented it."""
    reference = await publish_orders(broker, topic, partitions, orders)
    del reference.changes[next(key for key in reference.changes if key[1] != class_of(reference.totals[key[0]][1]))]
    return reference


@pytest.mark.kafka
@pytest.mark.slow
def test_our_engine_gets_a_figure_and_a_wrong_result_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(w1, "QUICK", ORDERS)
    monkeypatch.setattr(w1, "RATED", ())  # once is enough
    with fresh_place(quick=True, rounds=1) as place:
        right = w1.measure(place, ("ours",))
    assert right["w1"]["ours"] > 1_000
    assert right["w1_runs"]["ours"]["orders"] == ORDERS
    monkeypatch.setattr(w1, "publish_orders", _one_change_too_many)
    with fresh_place(quick=True, rounds=1) as place:
        wrong = w1.measure(place, ("ours",))
    assert wrong["w1"]["ours"] is None
    assert "that never was" in wrong["w1_runs"]["ours"]["fault"]
