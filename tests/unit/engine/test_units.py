"""Units of work: reads see own writes, timers are lazy and yet exact, the cache forgets the oldest."""

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.engine.stores.cache import StateCache
from stream_app.engine.stores.frame import deadline_of, frame, state_of, timeline_of
from stream_app.engine.stores.store import FIRST, Changes, MemoryStore
from stream_app.engine.unit import TimerBounds, UnitOfWork


class Partition:
    """What a partition keeps between units of work."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.cache = StateCache(1 << 20)
        self.bounds = TimerBounds({})

    def unit(self) -> UnitOfWork:
        return UnitOfWork(0, self.store, self.cache, self.bounds)

    def commit(self, unit: UnitOfWork) -> None:
        self.store.apply(unit.changes(1, b"marker") if unit.worth_committing() else unit.changes(None, None))
        unit.settle()

    def write(self, deadlines: Iterable[tuple[bytes, int | None]]) -> None:
        unit = self.unit()
        for key, deadline_ms in deadlines:
            unit.write(key, b"state", deadline_ms)
        self.commit(unit)


def test_a_frame_gives_back_state_and_deadline() -> None:
    assert state_of(frame(b"abc", 12)) == b"abc"
    assert deadline_of(frame(b"abc", 12)) == 12
    assert deadline_of(frame(b"abc", None)) == 0
    assert deadline_of(None) == 0
    assert timeline_of(b"shop/a/b") == "shop"


def test_a_unit_sees_its_own_writes_and_tombstones() -> None:
    partition = Partition()
    partition.write([(b"a/1", None)])
    unit = partition.unit()
    assert unit.read(b"a/1") == b"state"
    unit.write(b"a/1", b"new", 5)
    assert unit.read(b"a/1") == b"new"
    unit.write(b"a/1", None, None)
    assert unit.read(b"a/1") is None
    partition.commit(unit)
    assert partition.unit().read(b"a/1") is None
    assert partition.store.get(b"a/1") is None


def test_a_deadline_that_moves_later_costs_no_timer() -> None:
    partition = Partition()
    partition.write([(b"a/1", 100)])
    partition.write([(b"a/1", 200)])
    partition.write([(b"a/1", 300)])
    assert list(partition.store.timers_from("a", FIRST)) == [(100, b"a/1")]


def test_a_timer_that_comes_too_early_is_moved_without_a_commit() -> None:
    partition = Partition()
    partition.write([(b"a/1", 100)])
    partition.write([(b"a/1", 300)])
    unit = partition.unit()
    assert unit.due("a", 150, 10) == []
    assert not unit.worth_committing()
    assert unit.moves_timers()
    partition.commit(unit)
    assert list(partition.store.timers_from("a", FIRST)) == [(300, b"a/1")]
    assert partition.bounds.get("a") == (300, b"a/1")
    assert partition.store.offset == 1, "only the two writes were committed"


def test_a_stale_timer_fires_nothing() -> None:
    partition = Partition()
    partition.write([(b"a/1", 300), (b"a/2", 50), (b"a/3", 60)])
    partition.write([(b"a/1", 100), (b"a/2", None)])
    unit = partition.unit()
    unit.write(b"a/3", None, None)
    assert unit.due("a", 400, 10) == [(100, b"a/1")]
    unit.write(b"a/1", b"fired", None)
    assert unit.due("a", 400, 10) == []
    partition.commit(unit)
    assert partition.store.first_timers() == {}
    assert partition.bounds.earliest() is None


def test_due_sees_what_this_unit_has_armed() -> None:
    partition = Partition()
    partition.write([(b"a/2", 20)])
    unit = partition.unit()
    unit.write(b"a/1", b"x", 10)
    assert unit.next_due("a") == 10
    assert unit.due("a", 30, 1) == [(10, b"a/1")]
    unit.write(b"a/1", b"x", 25)
    assert unit.due("a", 30, 10) == [(20, b"a/2"), (25, b"a/1")]
    unit.write(b"a/1", b"x", 10)
    unit.write(b"a/2", b"x", 40)
    partition.commit(unit)
    assert list(partition.store.timers_from("a", FIRST)) == [(10, b"a/1"), (40, b"a/2")]


def test_a_pile_of_stale_timers_is_worked_off_in_slices() -> None:
    partition = Partition()
    keys = [b"a/%d" % number for number in range(5_000)]
    partition.write((key, 100) for key in keys)
    partition.write((key, 900) for key in keys)
    slices = 0
    while True:
        unit = partition.unit()
        assert unit.due("a", 500, 10) == []
        partition.commit(unit)
        slices += 1
        if not unit.cut:
            break
    assert slices > 1
    assert partition.bounds.get("a") == (900, b"a/0")


def test_the_cache_forgets_the_oldest_and_knows_absent_keys() -> None:
    store = MemoryStore()
    store.apply(Changes({b"k%d" % number: b"x" * 100 for number in range(10)}))
    cache = StateCache(3 * (2 + 100 + 160))
    for number in range(5):
        assert cache.get(b"k%d" % number, store) == b"x" * 100
    assert len(cache) == 3
    assert cache.get(b"none", store) is None
    store.apply(Changes({b"none": b"y", b"k4": b"changed"}))
    assert cache.get(b"none", store) is None, "absent keys are remembered, too"
    assert cache.get(b"k4", store) == b"x" * 100
    assert cache.get(b"k0", store) == b"x" * 100


KEYS = st.sampled_from([b"a/1", b"a/2", b"a/3", b"b/1"])
TIMES = st.integers(1, 12)
WRITES = st.tuples(st.just("write"), KEYS, st.none() | TIMES)
DROPS = st.tuples(st.just("drop"), KEYS, st.none())
FIRES = st.tuples(st.just("fire"), st.sampled_from(["a", "b"]), st.tuples(TIMES, st.integers(1, 3), st.none() | TIMES))


@settings(max_examples=300)
@given(st.lists(st.lists(WRITES | DROPS | FIRES, max_size=6), max_size=8))
def test_lazy_timers_fire_like_eager_ones(units: list[list[tuple[str, object, object]]]) -> None:
    partition = Partition()
    truth: dict[bytes, int | None] = {}
    for steps in units:
        unit = partition.unit()
        for step in steps:
            _step(step, unit, truth)
            for timeline in ("a", "b"):
                own = [at for key, at in truth.items() if at is not None and timeline_of(key) == timeline]
                bound = unit.next_due(timeline)
                assert not own or (bound is not None and bound <= min(own))
        partition.commit(unit)
        assert {key: state_of(framed) for key in truth if (framed := partition.store.get(key))} == dict.fromkeys(truth, b"s")


def _step(step: tuple[str, object, object], unit: UnitOfWork, truth: dict[bytes, int | None]) -> None:
    match step:
        case ("write", bytes(key), int() | None as at):
            unit.write(key, b"s", at)
            truth[key] = at
        case ("drop", bytes(key), None):
            unit.write(key, None, None)
            truth.pop(key, None)
        case ("fire", str(timeline), (int(until), int(limit), int() | None as again)):
            own = sorted((at, key) for key, at in truth.items() if at is not None and at <= until and timeline_of(key) == timeline)
            due = unit.due(timeline, until, limit)
            assert due == own[:limit]
            for at, key in due:
                truth[key] = None if again is None else at + again
                unit.write(key, b"s", truth[key])


def test_a_pile_at_one_moment_is_scanned_once() -> None:
    partition = Partition()
    keys = [b"a/%02d" % number for number in range(20)]
    partition.write((key, 100) for key in keys)
    fired: list[bytes] = []
    while found := (unit := partition.unit()).due("a", 100, 6):
        fired += [key for _, key in found]
        for _, key in found:
            unit.write(key, b"fired", None)
        partition.commit(unit)
        assert partition.bounds.get("a") == (None if len(fired) == 20 else (100, keys[len(fired)])), "the next one begins behind these"
    assert fired == keys


def test_states_are_read_ahead_and_then_as_this_unit_has_written_them() -> None:
    partition = Partition()
    partition.write([(b"a/1", 100), (b"a/2", 100)])
    partition.cache = StateCache(1 << 20)
    unit = partition.unit()
    unit.prefetch([b"a/1", b"a/2", b"a/3", None])
    partition.store.wipe("read already")
    assert [unit.read(key) is None for key in (b"a/1", b"a/2", b"a/3")] == [False, False, True]
    unit.write(b"a/1", b"newer", None)
    unit.prefetch([b"a/1"])
    assert unit.read(b"a/1") == b"newer"
