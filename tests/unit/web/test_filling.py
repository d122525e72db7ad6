"""What the history makes of records: statuses, counts and flows; in any order of topics, from any position, and after an erasure."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from stream_app.domain.facts.state import DIMENSIONS
from stream_app.errors import Failure
from stream_app.feed import Batch
from stream_app.web.history import changes, customers, shops, tables
from stream_app.web.history.database import Database
from stream_app.web.history.filling import Filling, read_positions, take_in
from tests.builders import at
from tests.unit.web.records import SHOP, WRITTEN_MS, Log, MemoryTopics


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables but the bookkeeping, without the numbers in the order of arrival."""
    found = {}
    with database.reading() as connection:
        for table in tables.metadata.sorted_tables:
            if table.name not in ("schema_versions", "positions"):
                columns = [column for column in table.c if column.name != "number"]
                rows = (tuple(row) for row in connection.execute(select(*columns)))
                counts = table.name in ("flows", "counts")
                found[table.name] = sorted((row for row in rows if not counts or row[-1]), key=repr)  # one that is down to 0 says nothing
    return found


def statuses(database: Database, customer: str) -> dict[str, str | None] | None:
    with database.reading() as connection:
        row = customers.read_customer(connection, SHOP, customer)
        return None if row is None else {name: value for name, value in customers.statuses_of(row).items() if value is not None}


def counted(database: Database) -> tuple[int, int, dict[str, dict[str, int]]]:
    """Customers, changes, and counts without the dimensions that nobody has."""
    with database.reading() as connection:
        row = shops.read_shop(connection, SHOP)
        found = {name: values for name, values in shops.count_statuses(connection, SHOP).items() if values}
        return (row.customers, row.changes, found) if row else (0, 0, found)


def flows(database: Database, dimension: str = "lifecycle") -> list[tuple[str | None, str | None, int]]:
    with database.reading() as connection:
        return shops.count_flows(connection, SHOP, dimension, [(at(-10), at(1_000))])[0]


def lives() -> Log:
    """Two customers with what happens to customers: gone, back, taken back."""
    log = Log()
    log.changed("a/1", 1, "lifecycle", None, "active")
    log.changed("a/1", 2, "class", None, "B")
    log.profiled("a/1", 2, {"lifecycle": "active", "class": "B"})
    log.changed("b", 1, "lifecycle", None, "active", day=1)
    lost = log.changed("a/1", 3, "lifecycle", "active", "inactive", day=40, kind="time")
    log.changed("a/1", 4, "lifecycle", "inactive", "active", day=41, kind="late", revokes=lost)
    log.changed("b", 2, "lifecycle", "active", "inactive", day=50, kind="time")
    log.profiled("b", 2, {"lifecycle": "inactive"}, day=50)
    log.profiled("a/1", 4, {"lifecycle": "active", "class": "B"}, day=41)
    return log


def test_statuses_counts_and_flows_are_what_the_changes_say(database: Database) -> None:
    lives().into(database)
    assert statuses(database, "a/1") == {"lifecycle": "active", "class": "B"}
    assert statuses(database, "b") == {"lifecycle": "inactive"}
    assert counted(database) == (2, 6, {"lifecycle": {"active": 1, "inactive": 1}, "class": {"B": 1}})
    assert sorted(flows(database), key=str) == [("active", "inactive", 1), (None, "active", 2)], "what was taken back is out"


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_however_the_log_is_cut_the_database_is_the_same(database: Database, tmp_path: Any, size: int) -> None:
    lives().into(database, size)
    whole = Database(f"sqlite:///{tmp_path / 'whole.sqlite3'}", tmp_path)
    lives().into(whole)
    assert everything(database) == everything(whole)
    whole.close()


def test_a_record_that_comes_again_changes_nothing(database: Database) -> None:
    log = lives()
    batches = log.batches(3)
    for batch in batches:
        assert take_in(database, batch, {}) == len(batch.records)
    before = everything(database)
    for batch in batches:
        assert take_in(database, batch, {}) == 0
    assert everything(database) == before


def test_what_fails_in_the_middle_is_not_there_and_neither_is_its_position(database: Database) -> None:
    log = lives()
    (first, second) = log.batches(5)
    take_in(database, first, {})
    before, positions = everything(database), _positions(database)
    broken = Batch([*second.records, log.add("status-changes", "acme/x", {"no": "event"})], second.positions)
    with pytest.raises(Exception, match="required field"):
        take_in(database, broken, {})
    assert (everything(database), _positions(database)) == (before, positions)
    take_in(database, second, {})
    assert counted(database)[1] == 6


@pytest.mark.parametrize("ahead", ["profiles", "changes"])
def test_whichever_topic_is_read_first_the_statuses_are_the_same(database: Database, ahead: str) -> None:
    batches = lives().batches()
    (batch,) = batches
    split = [[r for r in batch.records if (r.partition[0] == "customer-profiles") == first] for first in (True, False)]
    for records in split if ahead == "profiles" else split[::-1]:
        take_in(database, Batch(records, {record.partition: record.offset + 2 for record in records}), {})
    assert statuses(database, "a/1") == {"lifecycle": "active", "class": "B"}
    assert counted(database) == (2, 6, {"lifecycle": {"active": 1, "inactive": 1}, "class": {"B": 1}})


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("profile_first", [True, False])
def test_a_profile_tells_what_changes_no_longer_kept_cannot(database: Database, size: int, profile_first: bool) -> None:
    log = Log()
    if profile_first:
        log.profiled("old", 17, {"lifecycle": "active", "winback": "none"}, day=5)
    log.changed("old", 18, "lifecycle", "active", "inactive", day=90)
    if not profile_first:
        log.profiled("old", 17, {"lifecycle": "active", "winback": "none"}, day=5)
    log.into(database, size)
    assert statuses(database, "old") == {"lifecycle": "inactive", "winback": "none"}
    assert counted(database)[0] == 1


def test_an_erasure_takes_everything_but_the_receipt_and_the_nameless_flows(database: Database) -> None:
    log = lives()
    log.told("a/1", "status.will_change", "n" * 32, {"dimension": "lifecycle"})
    log.into(database)
    moved = flows(database)
    log.erased("a/1", 60)
    log.gone("a/1")
    log.into(database)
    assert flows(database) == moved
    assert counted(database) == (1, 2, {"lifecycle": {"inactive": 1}})
    left = everything(database)
    named = [name for name, rows in left.items() if "a/1" in repr(rows)]
    assert named == ["receipts"]
    assert left["shops"][0][3] == 1


def test_whoever_is_erased_in_the_batch_of_his_changes_leaves_nothing_either(database: Database) -> None:
    log = lives()
    log.erased("a/1", 60)
    log.gone("a/1")
    log.into(database)
    assert [name for name, rows in everything(database).items() if "a/1" in repr(rows)] == ["receipts"]
    assert counted(database) == (1, 2, {"lifecycle": {"inactive": 1}})


RETURN = [
    ("receipt, tombstone, new life", ["receipt", "tombstone", "change", "profile"]),
    ("new life in the unit of the receipt", ["receipt", "change", "profile"]),
    ("profiles are ahead", ["tombstone", "profile", "receipt", "change"]),
    ("profiles are far ahead", ["tombstone", "profile", "old change", "receipt", "change"]),
]


@pytest.mark.parametrize(("steps"), [steps for _, steps in RETURN], ids=[name for name, _ in RETURN])
def test_whoever_comes_back_is_somebody_new_whichever_topic_is_ahead(database: Database, steps: list[str]) -> None:
    log = Log()
    log.changed("c", 1, "lifecycle", None, "potential")
    log.changed("c", 2, "lifecycle", "potential", "active", day=1)
    log.profiled("c", 2, {"lifecycle": "active", "class": "A"}, day=1)
    log.into(database)
    then = {"old change": WRITTEN_MS + 500, "receipt": WRITTEN_MS + 1_000, "tombstone": WRITTEN_MS + 1_000}
    for step in steps:
        if step == "receipt":
            log.erased("c", 10, recorded_ms=then[step])
        elif step == "tombstone":
            log.gone("c", then[step])
        elif step == "old change":
            log.changed("c", 3, "class", "A", "B", day=2, recorded_ms=then[step])
        elif step == "change":
            log.changed("c", 1, "lifecycle", None, "possibly_interested", day=11, recorded_ms=WRITTEN_MS + 2_000)
        else:
            log.profiled("c", 1, {"lifecycle": "possibly_interested"}, day=11, recorded_ms=WRITTEN_MS + 2_000)
        for batch in log.batches():
            take_in(database, batch, {})
    assert statuses(database, "c") == {"lifecycle": "possibly_interested"}
    assert counted(database) == (1, 1, {"lifecycle": {"possibly_interested": 1}})
    with database.reading() as connection:
        profile = customers.read_profile(connection, SHOP, "c")
        assert profile is not None
        assert profile.sequence == 1
        assert [row.sequence for row in changes.all_of_customer(connection, SHOP, "c")] == [1]


def test_a_tombstone_alone_erases_once_everything_is_read(database: Database) -> None:
    log = lives()
    log.into(database)
    log.gone("a/1")
    (batch,) = log.batches()
    take_in(database, batch, {})
    assert statuses(database, "a/1") is not None, "the receipt may still come"
    log.into(database)
    assert [name for name, rows in everything(database).items() if "a/1" in repr(rows)] == []
    assert counted(database) == (1, 2, {"lifecycle": {"inactive": 1}})


def test_whoever_was_merged_keeps_his_history_and_is_not_counted(database: Database) -> None:
    log = lives()
    log.changed("a/1", 5, "lifecycle", "active", None, day=60, kind="merge")
    log.changed("a/1", 6, "class", "B", None, day=60, kind="merge")
    log.gone("a/1")
    log.into(database)
    assert statuses(database, "a/1") == {}
    assert counted(database) == (1, 8, {"lifecycle": {"inactive": 1}})


def test_a_change_that_is_taken_back_counts_again_when_that_is_taken_back(database: Database) -> None:
    log = Log()
    log.changed("c", 1, "lifecycle", None, "active")
    lost = log.changed("c", 2, "lifecycle", "active", "inactive", day=40, kind="time")
    found = log.changed("c", 3, "lifecycle", "inactive", "active", day=41, kind="late", revokes=lost)
    log.into(database)
    assert flows(database) == [(None, "active", 1)]
    log.changed("c", 4, "lifecycle", "active", "inactive", day=42, kind="void", revokes=found)
    log.into(database)
    assert sorted(flows(database), key=str) == [("active", "inactive", 1), (None, "active", 1)]
    with database.reading() as connection:
        told, _ = changes.of_customer(connection, SHOP, "c", before=None, limit=10)
        assert [(row.sequence, row.revoked) for row in told] == [(4, False), (3, True), (2, False), (1, False)]


def test_a_notice_holds_until_it_is_taken_back_or_comes_true(database: Database) -> None:
    log = Log()

    def announced() -> list[str]:
        log.into(database)
        with database.reading() as connection:
            return [row.id[:1] for row in customers.read_notices(connection, SHOP, "c")]

    log.changed("c", 1, "lifecycle", None, "active")
    log.told("c", "status.will_change", "1" * 32, {"dimension": "lifecycle"})
    assert announced() == ["1"]
    log.told("c", "status.will_change", "2" * 32, {"dimension": "lifecycle"})
    assert announced() == ["2"]
    log.told("c", "status.will_not_change", "3" * 32, {"revokes": "2" * 32})
    assert announced() == []
    log.told("c", "status.will_change", "4" * 32, {"dimension": "lifecycle"})
    log.changed("c", 2, "lifecycle", "active", "inactive", day=9)
    assert announced() == []


def test_insights_are_replaced_by_period(database: Database) -> None:
    log = Log()
    for period, lost in (("2024-10", 1), ("now", 5), ("2024-10", 2)):
        event = {"id": "i", "type": "shop.insights", "source": "/shops/acme", "subject": period, "data": {"lost": lost}}
        log.add("insights", f"{SHOP}/{period}", event)
    log.into(database)
    with database.reading() as connection:
        assert [(row.period, row.document) for row in shops.read_insights(connection, SHOP)] == [
            ("2024-10", '{"lost": 2}'),
            ("now", '{"lost": 5}'),
        ]


async def test_filling_goes_on_where_the_database_stands_and_refuses_another_topic(sqlite: Database) -> None:
    log = lives()
    (first, _) = log.batches(5)
    take_in(sqlite, first, {"status-changes": "cluster/one"})
    topics = MemoryTopics(log, {"status-changes": "cluster/one"})
    told: list[int] = []
    filling = Filling(sqlite, topics, lambda: told.append(counted(sqlite)[1]))
    task = asyncio.create_task(filling.run())
    for _ in range(500):
        if filling.waits_for is None:
            break
        await asyncio.sleep(0.01)
    task.cancel()
    assert filling.waits_for is None
    assert told[-1] == 6
    topics.ids["status-changes"] = "cluster/two"
    with pytest.raises(Failure, match=r"status-changes was deleted and made anew .*STREAM_APP_HISTORY_URL"):
        await Filling(sqlite, topics, lambda: None).run()


def _positions(database: Database) -> Any:
    with database.reading() as connection:
        return read_positions(connection)


def test_every_dimension_has_a_column_and_an_index() -> None:
    assert [column.name for column in tables.customers.c][2 : 2 + len(DIMENSIONS)] == list(DIMENSIONS)
    assert {index.name for index in tables.customers.indexes} == {f"customers_by_{name}" for name in DIMENSIONS}
