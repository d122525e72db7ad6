"""How often a broker is asked for records."""

import asyncio
import time
from typing import Any

import pytest

from stream_app.engine.host.client import paced

PACE_S = 0.2


class Broker:
    """Notes when it was asked, by which node, and answers that records came."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, float]] = []

    async def fetch(self, assignment: Any, node: int, request: Any) -> bool:
        assert (assignment, request) == ("assignment", "request")
        self.asked.append((node, time.monotonic()))
        return True


def test_a_node_is_asked_once_in_a_pace_and_another_at_once() -> None:
    broker = Broker()
    fetch = paced(broker.fetch, PACE_S)

    async def ask() -> float:
        began = time.monotonic()
        for node in (1, 2, 1):
            assert await fetch("assignment", node, "request")
        return began

    began = asyncio.run(ask())
    assert [node for node, _ in broker.asked] == [1, 2, 1]
    (_, first), (_, other), (_, second) = broker.asked
    assert other - began < PACE_S <= second - first, "the other node does not wait, and the same one does"


def test_after_a_quiet_spell_a_node_is_asked_at_once() -> None:
    broker = Broker()
    fetch = paced(broker.fetch, PACE_S)

    async def ask() -> float:
        await fetch("assignment", 1, "request")
        await asyncio.sleep(PACE_S)
        began = time.monotonic()
        await fetch("assignment", 1, "request")
        return broker.asked[-1][1] - began

    assert asyncio.run(ask()) < PACE_S / 2


def test_a_fetch_that_is_not_wanted_any_more_is_never_sent() -> None:
    broker = Broker()
    fetch = paced(broker.fetch, PACE_S)

    async def ask() -> bool:
        await fetch("assignment", 1, "request")
        waiting = asyncio.ensure_future(fetch("assignment", 1, "request"))
        await asyncio.sleep(0)
        waiting.cancel()
        return await waiting

    assert asyncio.run(ask()) is False, "aiokafka takes it for an answer without records"
    assert len(broker.asked) == 1


def test_a_fetch_that_fails_says_so() -> None:
    async def refuse(*_: Any) -> bool:
        raise RuntimeError("closed")

    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(paced(refuse, PACE_S)("assignment", 1, "request"))  # type: ignore[arg-type]
