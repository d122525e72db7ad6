"""aiokafka's consumer, asking for records at a measured pace.

A broker answers a fetch as soon as it has one record. Under steady traffic each record would be fetched by itself, and a fetch costs
client, engine and broker as much as dozens of records.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiokafka
from aiokafka import TopicPartition

FETCH_PACE_S: Final = 0.02

Fetch = Callable[[Any, int, Any], Awaitable[bool]]
"""Sends one fetch request, of an assignment, to a node; says whether records came."""


class PacedConsumer(aiokafka.AIOKafkaConsumer):  # type: ignore[misc]
    """A consumer that asks a broker for what is new once in `FETCH_PACE_S` at most.

    After a quiet spell it asks at once, and so it does while it knows of records that it has not fetched.
    """

    async def start(self) -> None:
        """Connect, as aiokafka does."""
        await super().start()
        fetcher = self._fetcher
        fetcher._proc_fetch_request = paced(fetcher._proc_fetch_request, FETCH_PACE_S)  # noqa: SLF001 - there is no setting for it


def paced(fetch: Fetch, pace_s: float) -> Fetch:
    """The same fetch, begun at least `pace_s` after the one before from the same node, unless it is behind.

    What a rebalance or a seek has made of a request meanwhile is found out when its answer comes, as with every request under way.
    """
    next_at: dict[int, float] = {}

    async def fetch_in_time(assignment: Any, node: int, request: Any) -> bool:
        wait_s = next_at.get(node, 0.0) - time.monotonic()
        if wait_s > 0 and not _is_behind(assignment, request):
            try:
                await asyncio.sleep(wait_s)
            except asyncio.CancelledError:
                return False  # as when it is cancelled under way: nobody wants the answer any more
        next_at[node] = time.monotonic() + pace_s
        return await fetch(assignment, node, request)

    return fetch_in_time


def _is_behind(assignment: Any, request: Any) -> bool:
    """Whether one of the partitions that are asked for is known to have records from there on."""
    for topic, partitions in request.topics:
        for partition, offset, *_ in partitions:
            end = assignment.state_value(TopicPartition(topic, partition)).lso
            if end is None or offset < end:
                return True
    return False
