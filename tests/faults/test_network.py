"""A network between worker and broker that cuts, delays, and leaves connections half open."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.faults.brokers import TwoDoorBroker
from tests.faults.names import fault
from tests.faults.proxy import Proxy
from tests.faults.story import Story, until

CUTS = 6
EVENTS = 15_000


@pytest.fixture
def proxy(broker: TwoDoorBroker, story: Story) -> Iterator[Proxy]:
    """The only way from the story's workers to the broker; the checker goes in by the front door."""
    with Proxy(broker.proxy_port, broker.side_port) as running:
        story.worker_broker = f"127.0.0.1:{running.port}"
        yield running


@fault("network cut")
async def test_connections_are_cut_again_and_again(story: Story, proxy: Proxy) -> None:
    small = {"UNIT_RECORDS_MAX": "40"}
    await story.tell(2 * EVENTS)
    worker = story.start(**small)
    before = 0
    for _ in range(CUTS):
        before = await story.until_applied(before + 1)
        assert before < story.records, "it must strike in the middle of the work"
        assert proxy.cut() > 0
        await asyncio.sleep(0.1)
        if worker.process.poll() is not None:
            worker = story.start(**small)
    worker, _ = await story.supervise(worker)
    assert proxy.cuts >= CUTS
    await story.finish(worker)


@fault("network delayed")
async def test_every_answer_is_late(story: Story, proxy: Proxy) -> None:
    await story.tell(6_000)
    proxy.delay_s = 0.02
    worker = story.start(UNIT_RECORDS_MAX="400")
    assert await story.until_applied(1, worker) < story.records
    proxy.delay_s, delayed = 0.2, proxy.delayed
    await until(lambda: proxy.delayed > delayed + 50, "the fault must strike")
    proxy.delay_s = 0.02
    await story.finish(worker)


@fault("network half open")
async def test_connections_are_open_and_nobody_answers(story: Story, proxy: Proxy) -> None:
    await story.tell(EVENTS)
    worker = story.start(STALL_TIMEOUT_S="8")
    assert await story.until_applied(1, worker) < story.records
    assert proxy.go_deaf() > 0
    worker, lines = await story.supervise(worker, STALL_TIMEOUT_S="8")
    assert proxy.swallowed > 0, "something was said that nobody heard"
    assert lines, "a worker that hears nothing ends, and a supervisor starts it again"
    await story.finish(worker)


@fault("network gone while starting")
async def test_a_worker_that_finds_nobody_says_so_and_a_later_one_goes_on(story: Story, proxy: Proxy) -> None:
    await story.tell(1_000)
    proxy.refuse(True)
    worker = story.start()
    await asyncio.to_thread(worker.process.wait, 20)
    assert worker.process.returncode == 1
    assert worker.lines()[-1].startswith(f"stream-app: no Kafka broker answers at {story.worker_broker}")
    proxy.refuse(False)
    await story.finish(story.start())
