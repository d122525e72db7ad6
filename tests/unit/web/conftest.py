"""Databases for tests: what is asked of one is asked of both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_app.web.history.database import Database
from tests.postgresql import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty history database, once of each kind."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres").create()
    opened = Database(url, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database."""
    opened = Database("", tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server."""
    server = Postgres(tmp_path_factory.mktemp("postgresql"))
    yield server
    server.close()
