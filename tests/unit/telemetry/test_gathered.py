"""Several processes' metrics as those of one."""

from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stream_app.telemetry import gathered
from stream_app.telemetry.gathered import Gathered, tell
from stream_app.telemetry.metrics import Metrics, UnitSeen


def process(partition: int, *, ready: bool, waits_for: str | None = None, alive: bool = True) -> tuple[Metrics, Connection]:
    """The metrics of a process with one partition, and the end of the channel that asks it."""
    metrics = Metrics()
    metrics.unit(UnitSeen(partition, 5, {("events", "order.placed"): 3, ("swept",): 2}, 0.01, 0.2))
    metrics.timers(partition, 7 + partition, 0.5)
    metrics.restore_eta(10 * partition)
    metrics.buffers(lambda: {"states": 5, "writes": 6})
    metrics.endings({"UnitError": 1})
    metrics.ready(ready)
    ours, theirs = Pipe()
    tell(theirs, metrics, waits_for=lambda: waits_for, alive=lambda: alive)
    return metrics, ours


def values(text: str) -> dict[str, float]:
    families = text_string_to_metric_families(text)
    return {f"{one.name}{sorted(one.labels.items())}": one.value for family in families for one in family.samples}


def test_counters_and_histograms_add_up_and_gauges_do_not() -> None:
    (first, one), (_, other) = process(0, ready=True), process(1, ready=False)
    text = generate_latest(Gathered([one, other]).registry).decode()
    found = values(text)
    assert found["customer_status_events_total[('type', 'order.placed')]"] == 6
    assert found["customer_status_swept_total[]"] == 4
    assert found["customer_status_fatal_errors_total[('error', 'UnitError')]"] == 2
    assert found["customer_status_commit_seconds_count[]"] == 2
    assert found["customer_status_commit_seconds_sum[]"] == pytest.approx(0.4)
    assert found["customer_status_commit_seconds_bucket[('le', '0.3')]"] == 2
    assert [found[f"customer_status_timers_pending[('partition', '{number}')]"] for number in (0, 1)] == [7, 8]
    held = {buffer: found[f"customer_status_buffered_bytes[('buffer', '{buffer}')]"] for buffer in ("states", "writes")}
    assert held == {"states": 10, "writes": 12}, "each process has its own"
    assert found["customer_status_restore_eta_seconds[]"] == 10, "it lasts as long as the slowest"
    assert found["customer_status_ready[]"] == 0, "as long as one is not"
    alone = generate_latest(first.registry).decode()
    assert found["customer_status_swept_created[]"] == values(alone)["customer_status_swept_created[]"], "since the first began"
    assert [line for line in text.splitlines() if line.startswith("#")] == sorted_as(text, alone)


def sorted_as(text: str, alone: str) -> list[str]:
    """The same families with the same words as one process has, in the order of `text`."""
    known = {line for line in alone.splitlines() if line.startswith("#")}
    found = [line for line in text.splitlines() if line.startswith("#")]
    assert set(found) == known
    return found


def test_readiness_and_health_are_those_of_all() -> None:
    (_, one), (_, other) = process(0, ready=True), process(1, ready=False, waits_for="a restore", alive=False)
    assert Gathered([one]).waits_for() is None
    assert Gathered([one]).alive()
    assert Gathered([one, other]).waits_for() == "a restore"
    assert not Gathered([one, other]).alive()


def test_who_is_silent_is_not_waited_for_and_a_late_answer_is_not_taken_for_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered, "_ANSWER_S", 0.05)
    (_, one), (ours, theirs) = process(0, ready=True), Pipe()
    both = Gathered([one, ours])
    assert not both.alive()
    assert both.waits_for() == "a process that does not answer"
    assert values(generate_latest(both.registry).decode())["customer_status_swept_total[]"] == 2
    theirs.send_bytes(b"what nobody waits for any more")
    assert not both.alive()
    theirs.close()
    assert not both.alive(), "nor is one who has gone"
    one.close()
