"""How often a broker is asked for records."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.protocol.fetch import FetchRequest

from stream_app.engine.host.client import paced

PACE_S = 0.5  # long beside what a busy machine holds a test up
OFFSET = 7


class Broker:
    """Notes when it was asked, and by which node; `end` is what is known of where the records end."""

    def __init__(self, end: int | None = OFFSET) -> None:
        self.asked: list[tuple[int, float]] = []
        self.end = end
        self.fetch = paced(self._fetch, PACE_S)

    def state_value(self, topic: TopicPartition) -> Any:
        assert topic == TopicPartition("orders", 3)
        return SimpleNamespace(lso=self.end)

    async def ask(self, node: int) -> bool:
        return await self.fetch(self, node, FetchRequest(50, 1, 1, 1, [("orders", [(3, OFFSET, 1)])]))

    async def _fetch(self, assignment: Any, node: int, request: FetchRequest) -> bool:
        assert assignment is self
        assert request.topics == [("orders", [(3, OFFSET, 1)])]
        self.asked.append((node, time.monotonic()))
        return True


def test_a_node_is_asked_once_in_a_pace_and_another_at_once() -> None:
    broker = Broker()

    async def ask() -> float:
        began = time.monotonic()
        for node in (1, 2, 1):
            assert await broker.ask(node)
        return began

    began = asyncio.run(ask())
    assert [node for node, _ in broker.asked] == [1, 2, 1]
    (_, first), (_, other), (_, second) = broker.asked
    assert other - began < PACE_S <= second - first, "the other node does not wait, and the same one does"


@pytest.mark.parametrize("end", [None, OFFSET + 1], ids=["nothing known", "behind"])
def test_who_is_behind_asks_at_once(end: int | None) -> None:
    broker = Broker(end)

    async def ask() -> None:
        for _ in range(20):
            assert await broker.ask(1)

    asyncio.run(ask())
    assert broker.asked[-1][1] - broker.asked[0][1] < PACE_S


def test_after_a_quiet_spell_a_node_is_asked_at_once() -> None:
    broker = Broker()

    async def ask() -> float:
        await broker.ask(1)
        await asyncio.sleep(PACE_S)
        began = time.monotonic()
        await broker.ask(1)
        return broker.asked[-1][1] - began

    assert asyncio.run(ask()) < PACE_S / 2


def test_a_fetch_that_is_not_wanted_any_more_is_never_sent() -> None:
    broker = Broker()

    async def ask() -> bool:
        await broker.ask(1)
        waiting = asyncio.ensure_future(broker.ask(1))
        await asyncio.sleep(0)
        waiting.cancel()
        return await waiting

    assert asyncio.run(ask()) is False, "aiokafka takes it for an answer without records"
    assert len(broker.asked) == 1
