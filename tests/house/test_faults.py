"""No fault test rots: every fault has a test and a record, and the record is of the engine as it is now; the budgets are kept."""

from importlib import import_module
from pathlib import Path

from tests.budgets import BUDGETS_S, SUITES, overruns, slowness, suite_of
from tests.faults.names import FAULTS, SHORT_S
from tests.faults.recording import LONG_ONES, LONG_S, chosen, engine_digest, last

ROOM = Path(__file__).parents[1] / "faults"
ALL_S_MAX = 45 * 60


def test_every_fault_has_a_test() -> None:
    struck: set[str] = set()
    for file in ROOM.glob("test_*.py"):
        for function in vars(import_module(f"tests.faults.{file.stem}")).values():
            for mark in getattr(function, "pytestmark", ()) if callable(function) else ():
                struck.update(mark.args if mark.name == "fault" else ())
    assert struck == set(FAULTS)


def test_every_fault_was_struck_on_the_engine_as_it_is_now_and_the_promise_held() -> None:
    record = last()
    assert set(record) == set(FAULTS), "run `make test-faults`: it records every fault"
    broken = [name for name, entry in record.items() if entry["verdict"] != "held"]
    assert not broken, "the record says that these were not survived"
    old = [name for name, entry in record.items() if entry["engine"] != engine_digest()]
    assert not old, "stream_app/engine has changed since these were struck: run `make test-faults`"


def test_all_faults_together_take_less_than_45_minutes() -> None:
    assert sum(entry["seconds"] for entry in last().values()) < ALL_S_MAX


def test_the_short_faults_and_three_long_ones_are_chosen_and_all_come_round() -> None:
    short = {f"short {n}": 20.0 for n in range(30)}
    seconds = short | {f"long {n}": 60.0 + n for n in range(6)} | {"very long": 400.0}
    seen: set[str] = set()
    for commit in range(60):
        picked = chosen(seconds, f"{commit:x}")
        assert set(picked) == set(chosen(dict(reversed(seconds.items())), f"{commit:x}")), "the commit alone decides"
        long = [name for name in picked if name not in short]
        assert (len(long), len(picked)) == (LONG_ONES, LONG_ONES + len(short))
        assert sum(seconds[name] for name in long) <= LONG_S or long[0] == "very long", "together, where it can be helped, not too long"
        seen.update(picked)
    assert seen == set(seconds)
    few = {"short": SHORT_S - 1.0, "long": SHORT_S + 0.0}
    assert sorted(chosen(few, "x")) == sorted(few)


def test_every_room_belongs_to_a_suite_with_a_budget() -> None:
    rooms = {file.relative_to(ROOM.parent).parts[0] for file in ROOM.parent.glob("*/**/test_*.py")}
    assert rooms <= {room for suite in SUITES.values() for room in suite}
    assert set(SUITES) == set(BUDGETS_S)
    assert suite_of("tests/faults/test_kills.py::test") == "faults"


def test_a_suite_that_takes_too_long_is_named() -> None:
    assert overruns({"house": 59.0, "kafka": 601.0}) == ["suite kafka: 601 s, and its budget is 600 s"]
    assert overruns({"kafka": 1_201.0}, slower=2) == ["suite kafka: 1201 s, and its budget is 1200 s"]
    assert overruns({"kafka": 1_199.0}, slower=2) == []
    assert 1 <= slowness() < 100
