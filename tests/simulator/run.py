"""One run: a seed decides the input, the plan of faults and every delay."""

from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from stream_app.engine import pace, partition, stream, takeover
from stream_app.engine.transactions import hanging, producer
from tests.simulator.clients import SimProducer, SimReader, pack
from tests.simulator.plan import schedule
from tests.simulator.world import REKEYED, World


def run(seed: int) -> World:
    """Play one seed out, and leave everything as it is at the end."""
    world = World(seed)
    with ExitStack() as stack:
        stack.enter_context(world.loop.running())
        for target, name, value in _replaced(world):
            stack.enter_context(patch.object(target, name, value))
        schedule(world)
        for record in world.story.records:
            world.broker.later(record.at_s, world.publish, record)
        for at_s, from_ms, policy in world.story.later:
            world.broker.later(at_s, world.publish_policy, from_ms, policy)
        world.broker.later(0.0, world.group.watch)
        world.broker.later(1.0, world.look_for_end)
        world.loop.run()
        world.ended_at_s = world.loop.epoch_s + world.loop.now
        world.bugs += world.loop.errors
    told = [log.history for (topic, _), log in world.broker.logs.items() if topic == REKEYED]
    for what, mark in (("derived event", b'"referral.'), ("merge", b'"customer.facts"'), ("cut-offs taken", b'"cut_offs.taken"')):
        world.faults.count(what, sum(one.is_visible and mark in (one.value or b"") for history in told for one in history))
    return world


def _replaced(world: World) -> list[tuple[Any, str, Any]]:
    """What the engine meets in place of Faust, aiokafka and the log, and smaller limits, so that they are reached."""
    log = SimpleNamespace(**{level: _Log(world) for level in ("debug", "info", "warning", "error")})
    return [
        (stream, "build_app", lambda *_: SimpleNamespace(stop=_nothing)),
        (stream, "SharedMemory", SimpleNamespace),
        (stream, "_TICK_S", 0.2),
        (stream, "_TOMBSTONES_KEPT_MS", 5_000),
        (stream, "_log", log),
        (takeover, "_log", log),
        (hanging, "_log", log),
        (takeover, "AIOKafkaConsumer", SimReader),
        (hanging, "AIOKafkaConsumer", SimReader),
        (producer, "AIOKafkaProducer", SimProducer),
        (producer, "pack", pack),
        (partition, "_FIRE_LIMIT", world.fire_limit),
        (partition, "_SWEEP_LIMIT", world.sweep_limit),
        (partition, "_FIRES_MAX", world.slice_steps),
        (partition, "_SWEEPS_MAX", world.slice_steps),
        (pace, "_log", log),
    ]


class _Log:
    """The program's log lines become lines of the trace."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self, event: str, **fields: Any) -> None:
        self._world.note(f"log: {event} {fields}")


async def _nothing() -> None:
    """Faust has nothing to stop."""
