"""The versions of the history database: what a step leaves is what the tables say, once, whoever is faster."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import MetaData, func, inspect, select

from stream_app.errors import VersionError
from stream_app.web.history.database import Database
from stream_app.web.history.migrations import STEPS, VERSION, migrate, version_of
from stream_app.web.history.tables import metadata, schema_versions
from tests.unit.web.test_filling import counted, lives


def test_the_steps_lead_to_what_the_tables_say(database: Database) -> None:
    found = MetaData()
    found.reflect(database.engine)
    assert set(found.tables) == set(metadata.tables)
    inspector = inspect(database.engine)
    for name, table in metadata.tables.items():
        there = found.tables[name]
        assert [(column.name, column.nullable) for column in there.c] == [(column.name, column.nullable) for column in table.c], name
        assert [column.name for column in there.primary_key] == [column.name for column in table.primary_key], name
        made = {index["name"]: index["column_names"] for index in inspector.get_indexes(name) if not index.get("duplicates_constraint")}
        assert made == {index.name: [column.name for column in index.columns] for index in table.indexes}, name


def test_a_step_is_taken_once_and_nothing_is_lost(database: Database) -> None:
    lives().into(database)
    before = counted(database)
    assert migrate(database.engine) == VERSION == len(STEPS)
    assert counted(database) == before
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(schema_versions)).scalar_one() == VERSION


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_of_several_who_begin_at_once_one_takes_the_step(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = "" if kind == "sqlite" else request.getfixturevalue("postgres").create()
    together = Barrier(4)

    def begin(_: int) -> int:
        together.wait()
        opened = Database(url, tmp_path)
        found = version_of(opened.engine)
        opened.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(begin, range(4))) == [VERSION] * 4


def test_who_finds_a_new_file_in_the_hands_of_another_waits_for_it(tmp_path: Path) -> None:
    def at(wait_s: float) -> sqlite3.Connection:
        return sqlite3.connect(tmp_path / "history.sqlite3", timeout=wait_s, isolation_level=None, check_same_thread=False)

    with closing(at(0)) as first, closing(at(60)) as second, ThreadPoolExecutor(1) as pool:
        first.execute("CREATE TABLE before_the_journal (x)")
        first.execute("BEGIN IMMEDIATE")
        first.execute("INSERT INTO before_the_journal VALUES (1)")
        asked = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            second.execute("PRAGMA journal_mode=WAL")
        assert time.monotonic() - asked < 30, "SQLite itself waits here now: there is nothing left to mend"
        opened = pool.submit(Database, "", tmp_path)
        time.sleep(0.2)
        assert not opened.done()
        first.execute("COMMIT")
        database = opened.result(timeout=30)
    assert version_of(database.engine) == VERSION
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    database.close()


def test_the_database_of_a_newer_program_is_left_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(schema_versions.insert().values(version=VERSION + 1, applied_ms=0))
    with pytest.raises(VersionError, match=rf"has version {VERSION + 1}, and this program knows {VERSION}: use the newer program"):
        migrate(database.engine)
