"""The topics into the database: a batch of records and the positions after it in one transaction.

Whatever dies between two of them is read again from the position that the database has, and no record is taken in twice, even when
two processes fill one database: a record before the position in the database is passed over.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import Connection, select

from stream_app.errors import BrokerUnavailableError, Failure, TopicError
from stream_app.feed import Batch, Partition, Topics
from stream_app.telemetry.logs import get_logger
from stream_app.web.history import writing
from stream_app.web.history.batch import Taking
from stream_app.web.history.database import LOST, Database
from stream_app.web.history.tables import positions as positions_table

_AGAIN_S: Final = 0.5
_AGAIN_MAX_S: Final = 5.0
_log: Final = get_logger(__name__)


def read_positions(connection: Connection) -> dict[Partition, int]:
    """Where to go on in each partition that was ever read."""
    return {(row.topic, row.partition): row.next_offset for row in connection.execute(select(positions_table))}


def take_in(database: Database, batch: Batch, topic_ids: Mapping[str, str]) -> int:
    """Take a batch in, and settle what waited for everything to be read. Returns how many records were new."""
    with database.writing() as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql("LOCK TABLE positions IN EXCLUSIVE MODE")  # one process fills at a time
        found = read_positions(connection)
        new = [record for record in batch.records if record.offset >= found.get(record.partition, 0)]
        taking = Taking(connection)
        taking.take(new)
        if batch.caught_up:
            taking.settle()
        taking.write()
        moved = {at: offset for at, offset in batch.positions.items() if offset > found.get(at, -1)}
        rows = [
            {"topic": topic, "partition": number, "next_offset": offset, "topic_id": topic_ids.get(topic, "")}
            for (topic, number), offset in moved.items()
        ]
        writing.put(connection, positions_table, rows)
    return len(new)


class Filling:
    """Fills the database for as long as it runs. `waits_for` says what it waits for; None when all that was there is taken in."""

    def __init__(self, database: Database, topics: Topics, told: Callable[[], None]) -> None:
        """`told` is called after each transaction."""
        self._database = database
        self._topics = topics
        self._told = told
        self.waits_for: str | None = "the topics are not read yet"

    async def run(self) -> None:
        """Fill for ever; a broker or a database that is away is waited for.

        Raises:
            Failure: a topic is not the one that the database was filled from.
        """
        wait_s = _AGAIN_S
        while True:
            began = time.monotonic()
            try:
                await self._follow()
            except (BrokerUnavailableError, TopicError) as error:
                self._wait_for(str(error))
            except LOST as error:
                self._wait_for(f"the history database {self._database.name} does not answer ({type(error).__name__})")
            wait_s = _AGAIN_S if time.monotonic() - began > _AGAIN_MAX_S else min(_AGAIN_MAX_S, wait_s * 2)
            await asyncio.sleep(wait_s)

    async def _follow(self) -> None:
        topic_ids = await self._topics.topic_ids()
        positions = await asyncio.to_thread(self._begin, topic_ids)
        unsettled = True
        async for batch in self._topics.follow(positions):
            if batch.records or (batch.caught_up and unsettled):
                await asyncio.to_thread(take_in, self._database, batch, topic_ids)
                self._told()
                unsettled = not batch.caught_up
            if batch.caught_up:
                self.waits_for = None

    def _begin(self, topic_ids: Mapping[str, str]) -> dict[Partition, int]:
        with self._database.reading() as connection:
            for row in connection.execute(select(positions_table)):
                if row.topic_id != topic_ids.get(row.topic, row.topic_id):
                    raise Failure(
                        f"topic {row.topic} was deleted and made anew since {self._database.name} was filled from it: "
                        "give the history another database (STREAM_APP_HISTORY_URL), or delete that one"
                    )
            return read_positions(connection)

    def _wait_for(self, what: str) -> None:
        if self.waits_for != what:
            _log.warning("history not filled", reason=what)
        self.waits_for = what
