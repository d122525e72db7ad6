"""W1's reference is a judge: our fold passes it, and a change or a total that is dropped, doubled, swapped or wrong does not."""

from dataclasses import dataclass, replace

import msgspec
import pytest

from benchmarks.w1.orders import A_FROM, B_FROM, Reference, class_of, make_orders
from benchmarks.w1.systems import SYSTEMS, Task, read_said
from benchmarks.w1.verdict import Said, complete, rate, wrong_changes, wrong_totals
from benchmarks.w1_fold import LAYOUT, W1Processor
from stream_app.engine.fold import Headers
from stream_app.engine.stores.cache import StateCache
from stream_app.engine.stores.frame import state_of
from stream_app.engine.stores.store import MemoryStore
from stream_app.engine.unit import TimerBounds, UnitOfWork

ORDERS = 1_000
UNIT = 70


@dataclass
class Line:
    """A record as Kafka hands it over."""

    value: bytes | None
    key: bytes | None
    timestamp: int = 0
    topic: str = "orders"
    partition: int = 0
    offset: int = 0
    headers: Headers = ()


@pytest.fixture(scope="module")
def reference() -> Reference:
    made = Reference()
    for offset, (customer, amount, _) in enumerate(make_orders(ORDERS)):
        made.add(customer, amount, 0, offset)
    return made


@pytest.fixture(scope="module")
def published() -> tuple[list[Said], dict[str, tuple[int, int, str]]]:
    """What our fold publishes and stores, in units of work that split customers' orders."""
    processor, store = W1Processor("changes"), MemoryStore()
    said: list[Said] = []
    lines = [Line(value, customer.encode()) for customer, _, value in make_orders(ORDERS)]
    for start in range(0, ORDERS, UNIT):
        unit = UnitOfWork(0, store, StateCache(1 << 20), TimerBounds({}))
        batch = [processor.decode(line, 0) for line in lines[start : start + UNIT]]
        assert list(processor.fold(batch, unit)) == [None]
        assert processor.fire(unit, None, None, 10) == 0
        processor.finish(unit)
        store.apply(unit.changes(0, None))
        for _, value, _ in unit.outputs.get(("changes", None), []):
            found = read_said(1_000 + start, value or b"")
            assert found is not None
            said.append(found)
    totals = {}
    for customer in {customer for customer, _, _ in make_orders(ORDERS)}:
        count, total, after = LAYOUT.unpack(state_of(store.get(customer.encode()) or b""))
        totals[customer] = count, total, after.decode()
    return said, totals


def test_our_fold_passes(reference: Reference, published: tuple[list[Said], dict[str, tuple[int, int, str]]]) -> None:
    said, totals = published
    assert {change.after for change in said} == {"A", "B", "C"}
    assert wrong_changes(reference, said, full=True) == []
    assert wrong_totals(reference, totals) == []
    assert complete(reference, said)


def test_a_dropped_change_turns_it_red(reference: Reference, published: tuple[list[Said], object]) -> None:
    said = published[0]
    for place in (0, len(said) // 2, len(said) - 1):
        assert wrong_changes(reference, said[:place] + said[place + 1 :], full=True)


def test_a_doubled_change_turns_it_red(reference: Reference, published: tuple[list[Said], object]) -> None:
    said = published[0]
    for place in (0, len(said) - 1):
        assert wrong_changes(reference, [*said[: place + 1], *said[place:]], full=True)
        assert wrong_changes(reference, [*said[: place + 1], *said[place:]], full=False)


def test_swapped_and_invented_changes_turn_it_red(reference: Reference, published: tuple[list[Said], object]) -> None:
    said = published[0]
    later = next(place for place, change in enumerate(said) if change.after == "B")
    earlier = next(place for place, change in enumerate(said) if change.customer == said[later].customer)
    swapped = list(said)
    swapped[earlier], swapped[later] = said[later], said[earlier]
    assert wrong_changes(reference, swapped, full=True)
    assert wrong_changes(reference, [*said, Said(0, "nobody", "C")], full=True)
    assert wrong_changes(reference, [replace(said[0], sum_minor=(said[0].sum_minor or 0) + 1), *said[1:]], full=True)


def test_a_system_that_looks_now_and_then_may_pass_a_class_but_must_arrive(
    reference: Reference, published: tuple[list[Said], object]
) -> None:
    said = published[0]
    passing = next(place for place, change in enumerate(said) if change.after == "B" and (change.customer, "A") in reference.changes)
    assert wrong_changes(reference, said[:passing] + said[passing + 1 :], full=False) == []
    arriving = next(place for place, change in enumerate(said) if change.after == class_of(reference.totals[change.customer][1]))
    assert wrong_changes(reference, said[:arriving] + said[arriving + 1 :], full=False)
    assert not complete(reference, said[:arriving] + said[arriving + 1 :])


def test_a_wrong_missing_or_invented_total_turns_it_red(
    reference: Reference, published: tuple[object, dict[str, tuple[int, int, str]]]
) -> None:
    totals = published[1]
    customer = min(totals)
    count, total, after = totals[customer]
    assert wrong_totals(reference, {**totals, customer: (count + 1, total, after)})
    assert wrong_totals(reference, {**totals, customer: (count, total, "D")})
    assert wrong_totals(reference, {name: stored for name, stored in totals.items() if name != customer})
    assert wrong_totals(reference, {**totals, "nobody": (1, 1, "C")})


def test_the_rate_is_the_progress_in_the_input_over_the_brokers_time() -> None:
    reference = Reference()
    for offset in range(100):
        reference.add(f"c{offset % 50}", B_FROM // 2, offset % 2, offset // 2)
    said = [Said(1_000, "c0", "C"), Said(1_000, "c9", "C"), Said(1_250, "c40", "C"), Said(2_000, "c49", "B")]
    # Known to be done of the two partitions: 1 + 5 orders at 1 000 ms, 21 + 5 at 1 250, 21 + 50 at the end: the half lies after 1 250.
    assert rate(reference, said) == ((21 + 50) - (21 + 5)) / 0.75
    assert rate(reference, [said[0], said[-1]]) == (1 + 50) - 1


def test_the_thresholds_are_the_ones_the_peers_have() -> None:
    assert [class_of(total) for total in (B_FROM - 1, B_FROM, A_FROM - 1, A_FROM)] == ["C", "B", "B", "A"]


def test_what_systems_publish_and_store_is_read(tmp_path) -> None:  # type: ignore[no-untyped-def]
    withdrawn = msgspec.json.encode({"customer_id": "c", "to": "C", "diff": -1, "time": 2})
    assert read_said(1, withdrawn) is None
    assert read_said(1, withdrawn.replace(b"-1", b"1")) == Said(1, "c", "C")
    by_name = {system.name: system for system in SYSTEMS}
    quix, streams = by_name["quix"].read_total, by_name["kafka_streams_eos"].read_total
    assert quix is not None
    assert streams is not None
    assert quix(b"c1|s", b'[2, 300, "C"]') == ("c1", (2, 300, "C"))
    assert streams(b"c1", LAYOUT.pack(2, 300, b"C")) == ("c1", (2, 300, "C"))
    task = Task("host:1", "orders", "changes", "group", tmp_path)
    assert by_name["quix"].command(["python"], task)[1:] == ["host:1", "orders", "changes", "group", str(tmp_path), "at-least-once"]
    assert by_name["ours"].command(["python"], task) == ["python", "changes"]
