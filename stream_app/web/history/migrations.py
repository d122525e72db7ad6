"""The versions of the database: each a step from the one before, applied once, in order, each in a transaction of its own.

A step is never edited once it is released: what `tables.py` says is the newest version, and a test compares the two.
"""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, Engine, func, inspect, select

from stream_app.errors import VersionError
from stream_app.web.history.tables import metadata, schema_versions


def _first(connection: Connection) -> None:
    metadata.create_all(connection)


STEPS: Final[tuple[Callable[[Connection], None], ...]] = (_first,)
VERSION: Final = len(STEPS)
_LOCK: Final = 0x6869_7374_6F72_79
"""Any number: whoever holds it in PostgreSQL takes a step. SQLite has one writer anyway."""


def migrate(engine: Engine) -> int:
    """Bring the database to the newest version; returns the version it had.

    Raises:
        VersionError: it was written by a newer version of this program.
    """
    found = version_of(engine)
    if found > VERSION:
        raise VersionError(
            f"the history database has version {found}, and this program knows {VERSION}: use the newer program, or another database"
        )
    for number in range(found, VERSION):
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            if _read_version(connection) != number:
                continue  # another process was faster
            schema_versions.create(connection, checkfirst=True)
            STEPS[number](connection)
            connection.execute(schema_versions.insert().values(version=number + 1, applied_ms=int(time.time() * 1000)))
    return found


def version_of(engine: Engine) -> int:
    """The version that the database has; 0 is empty."""
    with engine.connect() as connection:
        return _read_version(connection)


def _read_version(connection: Connection) -> int:
    if not inspect(connection).has_table(schema_versions.name):
        return 0
    return int(connection.execute(select(func.coalesce(func.max(schema_versions.c.version), 0))).scalar_one())
