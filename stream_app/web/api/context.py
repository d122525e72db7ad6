"""What the answers need: the database, the topics, the policies, and how far everybody is."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from sqlalchemy import Connection

from stream_app.domain.policy import Policy
from stream_app.errors import BrokerUnavailableError, PolicyError, TopicError
from stream_app.feed import PolicyRecord, Pulse, Topics
from stream_app.processor.policies import PolicyBook
from stream_app.web.api.problems import Problem
from stream_app.web.history import shops
from stream_app.web.history.database import LOST, Database

_T = TypeVar("_T")
_THREADS: Final = 8
_TOPICS_TIMEOUT_S: Final = 30.0
_TOPIC_READERS: Final = 2
_POLICIES_S: Final = 5.0


class Tempo:
    """How fast it goes; None is "Kafka is away"."""

    def __init__(self) -> None:
        self.events_per_second: float | None = None
        self.changes_per_second: float | None = None
        self.lag_records: int | None = None
        self.pulse: Pulse | None = None


class Context:
    """Shared by all requests of one process."""

    def __init__(self, database: Database, topics: Topics) -> None:
        self.database = database
        self.topics = topics
        self.waits_for: Callable[[], str | None] = lambda: "nothing fills the history database"
        self.tempo = Tempo()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="answers")
        self._moved = asyncio.Event()
        self._turns = asyncio.Semaphore(_TOPIC_READERS)
        self._policies: tuple[float, list[PolicyRecord], PolicyBook] | None = None

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def tell(self) -> None:
        """The database has grown."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def moved(self, timeout_s: float) -> None:
        """Wait until the database has grown, but not longer than that: another process may have filled it."""
        moved = self._moved
        try:
            async with asyncio.timeout(timeout_s):
                await moved.wait()
        except TimeoutError:
            return

    async def ask(self, question: Callable[[Connection], _T]) -> _T:
        """Ask the database, in a snapshot of its own and off the event loop.

        Raises:
            Problem: 503, the database does not answer.
        """

        def answer() -> _T:
            with self.database.reading() as connection:
                return question(connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, answer)
        except LOST as error:
            raise Problem(503, "the history database does not answer", fix="try again in a moment", retry_after_s=1) from error

    @asynccontextmanager
    async def reading_topics(self) -> AsyncIterator[None]:
        """A turn to read the topics; a few may do so at a time.

        Raises:
            Problem: 503, Kafka does not answer, or not in time.
        """
        try:
            async with asyncio.timeout(_TOPICS_TIMEOUT_S), self._turns:
                yield
        except TimeoutError:
            fix = "try again when less is going on, or ask on the command line: stream-app explain SHOP CUSTOMER"
            raise Problem(503, "the topics could not be read in time", fix=fix, retry_after_s=10) from None
        except (BrokerUnavailableError, TopicError) as error:
            raise Problem(503, str(error), fix="try again when Kafka is back", retry_after_s=2) from None

    async def policies(self) -> tuple[list[PolicyRecord], PolicyBook]:
        """What the topic `policies` holds, a few seconds old at most; older when Kafka is away."""
        known = self._policies
        if known is not None and time.monotonic() - known[0] < _POLICIES_S:
            return known[1], known[2]
        try:
            async with self.reading_topics():
                records = list(await self.topics.read_policies())
        except Problem:
            if known is None:
                raise
            self._policies = time.monotonic(), known[1], known[2]
            return known[1], known[2]
        book = PolicyBook()
        for record in records:
            try:
                book.put(record.key, record.recorded_ms, record.value)
            except PolicyError:
                continue  # it changes nothing, here as in the worker
        self._policies = time.monotonic(), records, book
        return records, book

    async def policy_of(self, shop: str) -> Policy | None:
        """The policy in force for a shop."""
        held = (await self.policies())[1].current(shop)
        return None if held is None else held[1]

    async def which_shop(self, given: str | None) -> str:
        """The shop that is asked about: the one given, or the only one there is.

        Raises:
            Problem: 404, there is no such shop; 400, there are several.
        """
        known = await self.ask(shops.all_shops)
        if given is not None:
            if given in known:
                return given
            raise Problem(404, "shop: nothing is known of this shop", field="shop", fix="see `shops` of /api/v1/overview")
        if len(known) == 1:
            return known[0]
        if not known:
            raise Problem(404, "shop: nothing is known of any shop yet", field="shop", fix="publish events, and run a worker")
        raise Problem(400, "shop: there are several shops", field="shop", fix=f"name one of them, such as {known[0]}")
