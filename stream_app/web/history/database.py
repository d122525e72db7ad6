"""Connections to the database: one writer, many readers, each reader in a snapshot of its own."""

import sqlite3
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pg8000.exceptions import Error as PostgresError
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from stream_app.errors import ConfigError, Failure
from stream_app.web.history.migrations import migrate

_BUSY_MS: Final = 30_000
_GIVE_WAY_S: Final = 0.01
_READERS: Final = 8
_TIMEOUT_S: Final = 10

LOST: Final[tuple[type[Exception], ...]] = (SQLAlchemyError, OSError, struct.error, PostgresError)
"""What a database that is away looks like; where SQLAlchemy only sets up a transaction, the driver's own errors come through."""


class Database:
    """The history database, at the newest version of its schema."""

    def __init__(self, url: str, data_dir: Path) -> None:
        """Connect, and bring the schema up to date.

        Args:
            url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`; empty is a SQLite file under `data_dir`.
            data_dir: where that file lies.

        Raises:
            ConfigError: the URL cannot be used.
            Failure: the database cannot be reached.
            VersionError: it was written by a newer version of this program.
        """
        if not url:
            data_dir.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{data_dir / 'history.sqlite3'}"
        self._engine = _engine(url)
        self.dialect = self._engine.dialect.name
        self.name = make_url(url).render_as_string(hide_password=True)
        try:
            migrate(self._engine)
        except LOST as error:
            self.close()
            raise Failure(
                f"the history database {self.name} cannot be used ({_reason(error)}): see that it runs and may be written"
            ) from None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction; committed when the block ends well."""
        with self._engine.connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot: everything that is asked in the block is answered as of one moment."""
        with self._engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @property
    def engine(self) -> Engine:
        """For what is no question of the product: migrations and benchmarks."""
        return self._engine

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()


class _Hinting(SQLiteCompiler):
    """SQLAlchemy gives hints to other databases only."""

    def get_from_hint_text(self, _table: Any, text: Any) -> str:
        """The hint as it was given, such as `INDEXED BY name`."""
        return str(text)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(_complaint()) from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        engine = create_engine(
            parsed.set(drivername="sqlite"),
            pool_size=_READERS,
            max_overflow=2,
            connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False},
        )
        engine.dialect.statement_compiler = _Hinting
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if kind in ("postgresql", "postgres"):
        return create_engine(
            parsed.set(drivername="postgresql+pg8000"),
            pool_size=_READERS,
            max_overflow=2,
            pool_pre_ping=True,
            connect_args={"timeout": _TIMEOUT_S, "application_name": "stream-app"},
        )
    raise ConfigError(_complaint())


def _complaint() -> str:
    return "STREAM_APP_HISTORY_URL: no such database; expected: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"


def _reason(error: Exception) -> str:
    """What is wrong, in a few words, without the statement and without a secret."""
    origin = getattr(error, "orig", None) or error
    return type(origin).__name__


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say it, not at the first write
    cursor = connection.cursor()
    _write_ahead(cursor)
    # A power cut may take the last transactions, and then it takes their positions, too: they are read again.
    for pragma in ("synchronous=NORMAL", "cache_size=-65536", "mmap_size=1073741824", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Put the journal ahead of the file, so that readers do not wait for the writer.

    On a new file two who begin at once both read it and then both want it alone: SQLite tells one of them at once that it is busy,
    without the wait it was given, because only that one's giving way lets the other through. So it gives way, and asks again.
    """
    until = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_GIVE_WAY_S)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
