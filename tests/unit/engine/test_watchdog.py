"""The watchdog sees a blocked loop, a partition that stands still, and a broker that has gone silent."""

import asyncio
import time

from aiokafka import ConsumerRecord
from faust.types import TP

from stream_app.engine.host.transport import Arrived, InputState
from stream_app.engine.stream import Engine
from stream_app.engine.takeover import Progress
from stream_app.engine.watchdog import Watchdog
from stream_app.errors import StalledError

LIMIT_S = 10.0
ORDERS = TP("orders", 0)


def watchdog(engine: Engine) -> Watchdog:
    return Watchdog(engine, stall_timeout_s=LIMIT_S, on_stalled=lambda _: None)


def arrive(engine: Engine, fetched: int, end: int) -> None:
    engine.observe(Arrived({}, {ORDERS: InputState(fetched, end, int(time.time() * 1000))}))


async def test_a_loop_that_no_longer_runs_is_seen(engine: Engine) -> None:
    arrive(engine, 0, 0)
    assert watchdog(engine).check(time.monotonic() + LIMIT_S - 1) is None
    error = watchdog(engine).check(time.monotonic() + LIMIT_S + 1)
    assert isinstance(error, StalledError)
    assert "event loop" in str(error)


async def test_a_partition_with_lag_must_move(engine: Engine) -> None:
    dog, now = watchdog(engine), time.monotonic()
    arrive(engine, 0, 5)
    assert dog.check(now) is None
    engine.beat = now + LIMIT_S + 1
    error = dog.check(now + LIMIT_S + 1)
    assert "partition 0" in str(error)
    engine.runtimes[0].units += 1
    assert dog.check(now + LIMIT_S + 1) is None


async def test_a_partition_without_lag_may_stand_still(engine: Engine) -> None:
    dog, now = watchdog(engine), time.monotonic()
    arrive(engine, 5, 5)
    assert dog.check(now) is None
    engine.beat = now + LIMIT_S + 1
    assert dog.check(now + LIMIT_S + 1) is None


async def test_a_takeover_must_move(engine: Engine) -> None:
    dog, now = watchdog(engine), time.monotonic()
    engine.ready = False
    assert dog.check(now) is None
    engine.beat = now + LIMIT_S + 1
    engine.moved(Progress(7, 1, 7))
    assert dog.check(now + LIMIT_S + 1) is None
    engine.beat = now + 2 * LIMIT_S + 3
    assert "taking partitions over" in str(dog.check(now + 2 * LIMIT_S + 3))


async def test_a_broker_that_answers_no_fetch_is_seen(engine: Engine) -> None:
    engine.runtimes[0].start()
    arrive(engine, 5, 5)
    engine.beat = now = time.monotonic() + LIMIT_S + 5
    assert "has not answered" in str(watchdog(engine).check(now))
    await engine.runtimes[0].quiesce()
    await engine.runtimes[0].stop()


async def test_batches_from_before_a_seek_are_dropped(engine: Engine) -> None:
    class Message:
        topic, partition = "orders", 0
        value = ([ConsumerRecord("orders", 0, 0, 1, 0, b"shop/1", b"{}", None, 1, 1, ())], 0)

    await engine.quiesce(1)
    engine.deliver(Message)
    assert len(engine.runtimes[0].inputs[0]) == 0
    Message.value = (Message.value[0], engine.epoch)
    engine.deliver(Message)
    assert len(engine.runtimes[0].inputs[0]) == 1
    await asyncio.sleep(0)
