"""The fold order of a partition's inputs, and what may be fired while some of them lag."""

from typing import Any

from aiokafka import ConsumerRecord

from stream_app.engine.fold import Decoded
from stream_app.engine.inputs import Input, bound_of, take


def record(topic: str, offset: int, time_ms: int) -> Any:
    return ConsumerRecord(topic, 0, offset, time_ms, 0, b"k", b"v", None, 1, 1, ())


def decode(record: Any, wall_ms: int) -> Decoded:
    return Decoded(record.timestamp, record.key, record, wall_ms)


def entry(topic: str, times: list[int], *, end: int | None = None) -> Input:
    """An input whose records have been fetched, with offsets from 0; `end` beyond them means lag."""
    made = Input(topic)
    made.put([record(topic, offset, time_ms) for offset, time_ms in enumerate(times)])
    made.fetched = len(times)
    made.end = len(times) if end is None else end
    return made


def order(batch: list[Decoded]) -> list[tuple[str, int]]:
    return [(decoded.record.topic, decoded.time_ms) for decoded in batch]


def test_records_come_by_event_time_and_ties_by_input() -> None:
    inputs = [entry("orders", [1, 5, 5, 9]), entry("contacts", [2, 5, 7]), entry("rekeyed", [5])]
    taken = take(inputs, decode, 0, 100, wait=True)
    assert order(taken.batch) == [
        ("orders", 1), ("contacts", 2), ("orders", 5), ("orders", 5), ("contacts", 5), ("rekeyed", 5), ("contacts", 7), ("orders", 9),
    ]  # fmt: skip
    assert [made.position for made in inputs] == [4, 3, 1]


def test_heads_decide_not_the_records_behind_them() -> None:
    inputs = [entry("orders", [8, 1]), entry("contacts", [5])]
    assert order(take(inputs, decode, 0, 100, wait=True).batch) == [("contacts", 5), ("orders", 8), ("orders", 1)]


def test_a_unit_is_cut_to_its_limit_and_the_rest_follows() -> None:
    inputs = [entry("orders", [1, 2, 3, 4]), entry("contacts", [3])]
    assert order(take(inputs, decode, 0, 3, wait=True).batch) == [("orders", 1), ("orders", 2), ("orders", 3)]
    assert order(take(inputs, decode, 0, 3, wait=True).batch) == [("contacts", 3), ("orders", 4)]


def test_an_input_with_lag_and_nothing_fetched_is_waited_for() -> None:
    inputs = [entry("orders", [1, 2]), entry("contacts", [], end=3)]
    taken = take(inputs, decode, 0, 100, wait=True)
    assert (taken.batch, taken.blocked) == ([], True)
    assert len(take(inputs, decode, 0, 100, wait=False).batch) == 2


def test_an_input_nobody_knows_about_yet_is_waited_for() -> None:
    unknown = Input("contacts")
    inputs = [entry("orders", [1]), unknown]
    assert take(inputs, decode, 0, 100, wait=True).blocked
    unknown.fetched = unknown.end = 0
    assert len(take(inputs, decode, 0, 100, wait=True).batch) == 1


def test_a_run_stops_when_an_input_runs_dry_with_lag() -> None:
    inputs = [entry("orders", [1, 2], end=9), entry("contacts", [7])]
    taken = take(inputs, decode, 0, 100, wait=True)
    assert order(taken.batch) == [("orders", 1), ("orders", 2)]


def test_records_below_the_position_are_skipped() -> None:
    made = Input("orders")
    made.seek(2)
    made.put([record("orders", offset, offset) for offset in range(4)])
    made.fetched = made.end = 4
    assert order(take([made], decode, 0, 100, wait=True).batch) == [("orders", 2), ("orders", 3)]


def test_the_position_passes_transaction_markers() -> None:
    made = entry("orders", [1, 2])
    made.fetched = made.end = 3  # offset 2 is a marker: no record, but an offset
    take([made], decode, 0, 100, wait=True)
    assert made.position == 3
    assert not made.has_lag()


def test_the_bound_is_the_oldest_head_of_the_inputs_with_lag() -> None:
    caught_up = entry("rekeyed", [])
    assert bound_of([caught_up], decode, 0) == (None, True)
    assert bound_of([entry("orders", [7], end=9), entry("contacts", [4]), caught_up], decode, 0) == (4, True)
    assert bound_of([entry("orders", [7]), entry("contacts", [], end=1)], decode, 0) == (None, False)
    under_way = entry("orders", [])
    under_way.under_way = 1
    assert bound_of([under_way], decode, 0) == (None, False)


def test_a_batch_that_comes_twice_is_folded_once() -> None:
    made = entry("orders", [1, 2, 3])
    made.put([record("orders", offset, offset + 1) for offset in range(3)])  # fetched before a seek, delivered after it
    assert order(take([made], decode, 0, 100, wait=True).batch) == [("orders", 1), ("orders", 2), ("orders", 3)]
    assert made.position == 3
