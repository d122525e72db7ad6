"""`stream-app serve` on a real Kafka: killed while data flows, and so is PostgreSQL; nothing is lost, nothing comes twice.

Neither to the database nor to whoever reads the stream.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientResponse, ClientSession
from sqlalchemy import select

from stream_app.demo.broker import free_port
from stream_app.feed import Record
from stream_app.settings import Settings
from stream_app.web.history import tables
from stream_app.web.history.changes import newest_number
from stream_app.web.history.database import LOST, Database
from stream_app.web.history.filling import read_positions
from stream_app.worker.cluster import producer
from stream_app.worker.topics import create_topics
from tests.integration.workers import workers
from tests.postgresql import Postgres
from tests.unit.web.records import Log

CUSTOMERS = 300
CHANGES = 20
KILLS = 2
LIMIT_S = 60.0
PAUSE_S = 0.1


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("postgresql"))
    yield server
    server.close()


def published() -> Log:
    """Customers who go back and forth, with a profile each time; every tenth is erased in the middle and comes back."""
    log = Log()
    lost: dict[int, str] = {}
    for turn in range(CHANGES):
        for place in range(CUSTOMERS):
            name, erased = f"c/{place}", place % 10 == 0 and turn >= CHANGES // 2
            if place % 10 == 0 and turn == CHANGES // 2:
                log.erased(name, turn)
                log.gone(name)
            sequence = turn + 1 - (CHANGES // 2 if erased else 0)
            before, after = (None if sequence == 1 else "inactive", "active") if sequence % 2 else ("active", "inactive")
            takes_back = lost.pop(place, None) if place % 7 == 0 and sequence % 2 and sequence > 1 else None
            change_id = log.changed(name, sequence, "lifecycle", before, after, day=turn + 0.1, revokes=takes_back)
            if not sequence % 2:
                lost[place] = change_id
            if turn == CHANGES // 2 - 1:
                lost.pop(place, None)
            log.profiled(name, sequence, {"lifecycle": after}, day=turn + 0.1)
    return log


async def publish(settings: Settings, records: list[Record], begun: asyncio.Event) -> None:
    """Write the log in transactions, as a worker does, some of which are aborted and written again; half of it once they are read."""
    async with producer(settings, transactional_id=f"{settings.id}-test") as client:
        for number, start in enumerate(range(0, len(records), 200)):
            for ends_well in (False, True) if number % 5 == 0 else (True,):
                await client.begin_transaction()
                for record in records[start : start + 200]:
                    wire = settings.topic(record.partition[0])
                    await client.send(wire, record.value, key=record.key, timestamp_ms=record.recorded_ms)
                await (client.commit_transaction() if ends_well else client.abort_transaction())
            await asyncio.sleep(PAUSE_S)
            if start >= len(records) // 2:
                await begun.wait()


def rows(database: Database) -> dict[str, list[Any]]:
    """What the database says, without what depends on how the log was cut."""
    found: dict[str, list[Any]] = {}
    with database.reading() as connection:
        for table in (tables.changes, tables.customers, tables.profiles, tables.receipts, tables.flows, tables.counts, tables.shops):
            # When a row was last touched depends on which topic was read first.
            touched = ("effective_ms", "recorded_ms") if table is tables.customers else ()
            columns = [column for column in table.c if column.name not in ("number", *touched)]
            told = (tuple(row) for row in connection.execute(select(*columns)))
            found[table.name] = sorted((row for row in told if table.name not in ("flows", "counts") or row[-1]), key=repr)
    return found


def reached(database: Database) -> int:
    """How far the database is, in offsets of all partitions; -1 while it is away."""
    try:
        with database.reading() as connection:
            return sum(read_positions(connection).values())
    except LOST:
        return -1


def newest(database: Database) -> int:
    with database.reading() as connection:
        return newest_number(connection)


class Listener:
    """Reads the stream, and after each loss goes on with the last id that came."""

    def __init__(self, port: int) -> None:
        self.heard: Counter[str] = Counter()
        self.number = 0
        self.losses = 0
        self._address = f"http://127.0.0.1:{port}/api/v1/stream"

    async def listen(self) -> None:
        """For ever."""
        async with ClientSession() as session:
            while True:
                try:
                    async with session.get(self._address, headers={"Last-Event-ID": str(self.number)}) as response:
                        if response.status == 200:
                            await self._read(response)
                            self.losses += 1
                except (ClientError, OSError):
                    self.losses += bool(self.heard)
                await asyncio.sleep(0.1)

    async def _read(self, response: ClientResponse) -> None:
        rest = b""
        async for piece in response.content.iter_any():
            *blocks, rest = (rest + piece).split(b"\n\n")
            for block in blocks:
                told = dict(line.split(": ", 1) for line in block.decode().splitlines())
                if told.get("event") == "changes":
                    self.heard.update(change["id"] for change in json.loads(told["data"])["changes"])
                self.number = int(told.get("id", self.number))


async def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < end, "it takes too long"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_killed_while_data_flows_nothing_is_lost_and_nothing_comes_twice(
    kind: str, request: pytest.FixtureRequest, settings: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    await create_topics(settings)
    server: Postgres | None = request.getfixturevalue("postgres") if kind == "postgresql" else None
    url = server.create() if server else f"sqlite:///{tmp_path / 'history.sqlite3'}"
    log = published()
    expected = Database("", tmp_path / "expected")
    log.into(expected)
    database = Database(url, tmp_path)
    portion = len(log.records) // KILLS + 1
    struck = []
    port = free_port()
    listener = Listener(port)
    with workers(tmp_path, "stream_app", "serve", "--port", str(port)) as start:
        serving = start(environment, "serve", HISTORY_URL=url)
        listening = asyncio.create_task(listener.listen())
        for number in range(KILLS):
            before, begun = reached(database), asyncio.Event()
            publishing = asyncio.create_task(publish(settings, log.records[number * portion : (number + 1) * portion], begun))
            await until(lambda before=before: reached(database) > before)  # type: ignore[misc]
            begun.set()
            struck.append(publishing.done())
            if server is not None and number % 2 == 0:
                server.kill()
                assert reached(database) == -1
                await asyncio.to_thread(server.restart)
            else:
                serving.kill()
                serving = start(environment, "serve", HISTORY_URL=url)
            await publishing
        await until(lambda: reached(database) > 0 and rows(database) == rows(expected))
        assert not any(struck), "it was killed while data flowed"
        await until(lambda: listener.number == newest(database))
        listening.cancel()
        assert serving.stop() == 0
    assert rows(database) == rows(expected)
    assert listener.losses >= KILLS
    assert set(listener.heard.values()) == {1}
    with database.reading() as connection:
        assert set(connection.execute(select(tables.changes.c.id)).scalars()) <= set(listener.heard)
    database.close()
    expected.close()
