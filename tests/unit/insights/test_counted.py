"""What the insights fold counts for the metrics: live turns, and losses that were false alarms."""

from collections import Counter
from dataclasses import replace

from stream_app.engine.stores.cache import StateCache
from stream_app.engine.stores.store import MemoryStore
from stream_app.engine.unit import TimerBounds, UnitOfWork
from stream_app.processor.hop import REKEYED
from stream_app.processor.insights.fold import InsightsProcessor, InsightsTopics
from tests.builders import at
from tests.unit.processor.rig import RULES, WALL_MS, Record, Rig, book, bought

TOPICS = InsightsTopics("status-changes", REKEYED, "sums", "sums")


def counted(*orders: Record, live_since_ms: int | None = None) -> Counter[tuple[str, ...]]:
    """What insights count of orders that come one after another, with all deadlines between them."""
    policies = book(replace(RULES, live_since_ms=live_since_ms))
    rig = Rig(policies)
    for order in orders:
        rig.drain(bound=order.timestamp)
        rig.work(order)
    store = MemoryStore()
    unit = UnitOfWork(0, store, StateCache(1 << 20), TimerBounds(store.first_timers()))
    fold = InsightsProcessor(policies, 0, 1, TOPICS, 0, None)
    lines = [*orders, *(Record(out.value, out.key, "status-changes") for out in rig.of("status-changes"))]
    list(fold.fold([fold.decode(line, WALL_MS) for line in lines], unit))
    return Counter({name: count for name, count in unit.counts.items() if name[0] in {"turns", "false_alarms"}})


def test_a_loss_after_which_he_buys_again_within_the_horizon_is_a_false_alarm() -> None:
    again = counted(bought(at(0)), bought(at(150)), bought(at(160)))
    assert again == {("turns", "new"): 1, ("turns", "lost"): 1, ("turns", "won_back"): 1, ("false_alarms",): 1}
    late = counted(bought(at(0)), bought(at(100 + RULES.horizon_days + 1)))
    assert late == {("turns", "new"): 1, ("turns", "lost"): 1, ("turns", "won_back"): 1}


def test_history_is_not_counted() -> None:
    assert counted(bought(at(0)), bought(at(150)), live_since_ms=at(120)) == {("turns", "won_back"): 1, ("false_alarms",): 1}
    assert counted(bought(at(0)), bought(at(150)), live_since_ms=at(151)) == {}
