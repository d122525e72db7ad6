"""Both stores keep the same promises, so both run the same tests."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rocksdict import Options

from stream_app.engine.stores.owner import Identity
from stream_app.engine.stores.rocks import RocksStore, SharedMemory
from stream_app.engine.stores.store import FIRST, Changes, MemoryStore, Store
from stream_app.errors import UnitError

ACME = Identity("app", "cluster", 0, 4)


@pytest.fixture(scope="module")
def memory() -> SharedMemory:
    return SharedMemory()


@pytest.fixture(params=["memory", "rocksdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path, memory: SharedMemory) -> Iterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else RocksStore(tmp_path / "0", ACME, memory)
    yield made
    made.close()


def test_states_are_read_back_and_tombstones_remove_them(store: Store) -> None:
    store.apply(Changes({b"a/1": b"one", b"a/2": b"two"}))
    store.apply(Changes({b"a/1": None, b"a/2": b"three"}))
    assert store.get(b"a/1") is None
    assert store.get(b"a/2") == b"three"
    assert store.get(b"a/3") is None


def test_offset_and_marker_stay_when_they_are_not_given(store: Store) -> None:
    assert (store.offset, store.marker) == (None, None)
    store.apply(Changes({}, offset=7, marker=b"m"))
    store.apply(Changes({b"a/1": b"one"}))
    assert (store.offset, store.marker) == (7, b"m")


def test_timers_come_in_time_order_within_their_timeline(store: Store) -> None:
    store.apply(Changes({}, arm=[(300, b"a/1"), (5, b"b/1"), (200, b"a/2"), (200, b"a/1"), (2**40, b"a/3"), (200, b"a/2")]))
    assert list(store.timers_from("a", FIRST)) == [(200, b"a/1"), (200, b"a/2"), (300, b"a/1"), (2**40, b"a/3")]
    assert list(store.timers_from("a", (200, b"a/2"))) == [(200, b"a/2"), (300, b"a/1"), (2**40, b"a/3")]
    assert list(store.timers_from("c", FIRST)) == []
    assert store.first_timers() == {"a": 200, "b": 5}


def test_a_timer_that_is_removed_and_added_in_one_change_stays(store: Store) -> None:
    store.apply(Changes({}, arm=[(1, b"a/1"), (2, b"a/2")]))
    store.apply(Changes({}, arm=[(1, b"a/1")], disarm=[(1, b"a/1"), (2, b"a/2")]))
    assert list(store.timers_from("a", FIRST)) == [(1, b"a/1")]


def test_timelines_whose_names_begin_alike_are_kept_apart(store: Store) -> None:
    store.apply(Changes({}, arm=[(9, b"shop/x"), (1, b"shop2/x"), (2, b"shop-2/x"), (3, b"sho/x")]))
    assert list(store.timers_from("shop", FIRST)) == [(9, b"shop/x")]
    assert store.first_timers() == {"shop": 9, "shop2": 1, "shop-2": 2, "sho": 3}


def test_a_timeline_that_is_no_shop_s_is_found_again(store: Store) -> None:
    """The timers of insights stand under a name that begins with a zero byte: a record that is owed must survive a restart."""
    store.apply(Changes({}, arm=[(7, b"\x00insights/shop/now"), (5, b"\x00insights/b/now"), (1, b"a/1"), (3, b"b/1")]))
    assert store.first_timers() == {"\x00insights": 5, "a": 1, "b": 3}
    assert list(store.timers_from("\x00insights", FIRST)) == [(5, b"\x00insights/b/now"), (7, b"\x00insights/shop/now")]


def test_wiping_leaves_an_empty_store_that_works(store: Store) -> None:
    store.apply(Changes({b"a/1": b"one"}, arm=[(1, b"a/1")], offset=3, marker=b"m"))
    store.wipe("test")
    assert (store.get(b"a/1"), store.offset, store.marker, store.first_timers(), store.wiped) == (None, None, None, {}, "test")
    store.apply(Changes({b"a/2": b"two"}, offset=1))
    assert (store.get(b"a/2"), store.offset) == (b"two", 1)


def test_a_store_of_earlier_options_gets_todays(tmp_path: Path, memory: SharedMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    def earlier() -> Options:
        made = Options(raw_mode=True)
        made.create_if_missing(True)
        return made

    with monkeypatch.context() as patch:
        patch.setattr(memory, "options", earlier)
        old = RocksStore(tmp_path / "old", ACME, memory)
        old.apply(Changes({b"a/1": b"one"}))
        before = newest_options(old.path)
        old.close()
    old, new = RocksStore(tmp_path / "old", ACME, memory), RocksStore(tmp_path / "new", ACME, memory)
    assert old.get(b"a/1") == b"one"
    assert newest_options(old.path) == newest_options(new.path)
    assert before != newest_options(old.path)
    assert "no_block_cache=true" in newest_options(old.path)
    old.close()
    new.close()


def newest_options(path: Path) -> str:
    """The options with which RocksDB has opened it last, by its own record."""
    return max(path.glob("OPTIONS-*"), key=lambda found: int(found.name.partition("-")[2])).read_text()


def test_what_was_closed_is_there_after_opening(tmp_path: Path, memory: SharedMemory) -> None:
    first = RocksStore(tmp_path / "0", ACME, memory)
    first.apply(Changes({b"a/1": b"one"}, arm=[(1, b"a/1")], offset=3, marker=b"m"))
    list(first.timers_from("a", FIRST))  # an iterator left behind would keep the lock
    first.close()
    second = RocksStore(tmp_path / "0", ACME, memory)
    assert (second.get(b"a/1"), second.offset, second.marker, second.timers, second.wiped) == (b"one", 3, b"m", 1, None)
    second.close()


def _other_owner(path: Path) -> Identity:
    return Identity("app", "another-cluster", 0, 4)


def _damaged(path: Path) -> Identity:
    table = next(path.glob("*.sst"))
    table.write_bytes(b"\0" * table.stat().st_size)
    return ACME


def _current_lost(path: Path) -> Identity:
    (path / "CURRENT").write_text("MANIFEST-999999\n")
    return ACME


@pytest.mark.parametrize("spoil", [_other_owner, _damaged, _current_lost])
def test_a_store_that_cannot_be_used_is_wiped(tmp_path: Path, memory: SharedMemory, spoil: Callable[[Path], Identity]) -> None:
    path = tmp_path / "0"
    first = RocksStore(path, ACME, memory)
    first.apply(Changes({b"a/1": b"one"}, offset=3, marker=b"m"))
    first.close()
    second = RocksStore(path, spoil(path), memory)
    assert second.wiped
    assert (second.get(b"a/1"), second.offset, second.marker) == (None, None, None)
    second.apply(Changes({b"a/2": b"two"}, offset=1))
    assert second.get(b"a/2") == b"two"
    second.close()


@pytest.mark.parametrize(
    "read", [lambda store: store.get(b"a/500"), lambda store: list(store.timers_from("a", FIRST))], ids=["state", "timers"]
)
def test_a_store_that_turns_out_spoilt_ends_the_process_and_is_wiped_at_the_next_start(
    tmp_path: Path, memory: SharedMemory, read: Callable[[RocksStore], object]
) -> None:
    store = RocksStore(tmp_path / "0", ACME, memory)
    keys = [b"a/%03d" % number for number in range(1_000)]
    store.apply(Changes({key: key * 10 for key in keys}, [(number, key) for number, key in enumerate(keys)], (), 7, b"m"))
    store.close()
    (table,) = (tmp_path / "0").glob("*.sst")
    content = bytearray(table.read_bytes())
    assert len(content) > 16 << 10
    for place in range(len(content) // 10, len(content) * 9 // 10, 50):
        content[place] ^= 0xFF
    table.write_bytes(content)
    spoilt = RocksStore(tmp_path / "0", ACME, SharedMemory())
    assert spoilt.offset == 7, "it opens"
    with pytest.raises(UnitError, match=r"the store cannot be read .*start the worker again"):
        read(spoilt)
    spoilt.close()
    again = RocksStore(tmp_path / "0", ACME, memory)
    assert "unreadable" in (again.wiped or "")
    assert again.offset is None
    again.close()


CANARY = b"a/canary-4711"


def found_in(path: Path) -> set[str]:
    """The kinds of files that hold the canary's name."""
    names = set()
    for file in path.iterdir():
        try:
            content = file.read_bytes()
        except FileNotFoundError:  # RocksDB replaces files as it works
            continue
        if CANARY[2:] in content or CANARY[2:].hex().encode() in content.lower():
            names.add(file.name.partition("-")[0] if file.suffix != ".sst" else file.suffix)
    return names


def is_clean(store: RocksStore) -> bool:
    return store.is_clean


def with_canary(path: Path, memory: SharedMemory) -> RocksStore:
    """A store whose files name the canary in all ways: as a state, a timer, and the border of a file."""
    store = RocksStore(path, ACME, memory)
    others = {b"a/%04d" % number: b"x" * 200 for number in range(2_000)}
    store.apply(Changes({**others, CANARY: b"one"}, [(5, CANARY), *((9, key) for key in others)]))
    store._db.flush()
    assert ".sst" in found_in(path), "the search finds it"
    return store


def test_what_is_erased_stays_in_the_files_until_they_are_cleaned(tmp_path: Path, memory: SharedMemory) -> None:
    store = with_canary(tmp_path / "0", memory)
    store.apply(Changes({CANARY: None}, (), [(5, CANARY)], erases=1))
    store._db.flush()
    assert ".sst" in found_in(tmp_path / "0"), "a tombstone names him, and what it hides is still there"
    assert not is_clean(store)
    store.clean()
    assert is_clean(store)
    assert found_in(tmp_path / "0") == set()
    assert (store.get(b"a/0007"), len(list(store.timers_from("a", FIRST)))) == (b"x" * 200, 2_000)
    store.close()
    assert found_in(tmp_path / "0") == set()


def test_cleaning_is_owed_until_it_is_done_whatever_happens_in_between(tmp_path: Path, memory: SharedMemory) -> None:
    store = with_canary(tmp_path / "0", memory)
    store.apply(Changes({CANARY: None}, (), [(5, CANARY)], erases=1))
    store.close()
    again = RocksStore(tmp_path / "0", ACME, memory)
    assert not is_clean(again)
    cleaning = threading.Thread(target=again.clean)
    cleaning.start()
    again.close()  # waits for it, or cuts it short
    cleaning.join()
    last = RocksStore(tmp_path / "0", ACME, memory)
    last.clean()
    assert is_clean(last)
    assert found_in(tmp_path / "0") == set()
    last.close()


@pytest.mark.parametrize(
    ("after", "prefix", "limit", "expected"),
    [
        (b"", b"b/", 9, [b"b/1", b"b/10", b"b/2"]),
        (b"b/1", b"b/", 9, [b"b/10", b"b/2"]),
        (b"b/11", b"b/", 9, [b"b/2"]),
        (b"b/1", b"b/", 1, [b"b/10"]),
        (b"b/2", b"b/", 9, []),
        (b"a", b"", 9, [b"a/1", b"b-/1", b"b/1", b"b/10", b"b/2", b"c/1"]),
        (b"", b"d/", 9, []),
    ],
)
def test_states_are_walked_through_in_key_order(store: Store, after: bytes, prefix: bytes, limit: int, expected: list[bytes]) -> None:
    store.apply(Changes({key: b"x" + key for key in (b"c/1", b"b/2", b"b/10", b"b/3", b"a/1", b"b-/1")}, arm=[(5, b"b/2")], offset=3))
    assert store.states_after(b"", b"b/", 1) == [(b"b/10", b"xb/10")]
    store.apply(Changes({b"b/3": None, b"b/1": b"xb/1"}))
    assert store.states_after(after, prefix, limit) == [(key, b"x" + key) for key in expected]
