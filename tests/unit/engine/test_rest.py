"""What a partition does about its last commit when nothing comes, and what every commit says."""

import time
from pathlib import Path

from aiokafka import TopicPartition

from stream_app.errors import UnitError
from tests.unit.engine.test_partition import event, rig, until


async def test_what_was_committed_last_is_looked_at_once_when_nothing_comes(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        it.producer.look_after_s = 0.05
        it.say("p-contacts")
        it.say("p-orders", event(1))
        await until(lambda: it.producer.looks == 1)
        it.say("p-orders", event(2))
        await until(lambda: it.producer.causes() == ["e1", "e2"])
        await until(lambda: it.producer.looks == 2)
        assert (it.errors, it.producer.look_at()) == ([], None)


async def test_what_is_committed_and_not_to_be_seen_is_fatal(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        it.producer.look_after_s = 0.05
        it.say("p-contacts")
        it.say("p-orders", event(1))
        await until(lambda: it.producer.units)
        it.producer.broken = True
        await until(lambda: it.errors)
        assert isinstance(it.errors[0], UnitError)


async def test_every_unit_says_a_position_even_one_of_deadlines_alone(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        it.say("p-contacts")
        it.say("p-orders", event(1, patience=10))
        await until(lambda: it.producer.causes() == ["e1"])
        it.runtime.tick(int(time.time() * 1000))
        await until(lambda: it.producer.causes() == ["e1", "silence"])
        assert it.producer.units[1][0] == {TopicPartition("p-orders", 0): 1, TopicPartition("p-contacts", 0): 0}
