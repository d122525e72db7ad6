"""The plan of a run: what happens to workers, broker and topics, and when the faults end."""

from random import Random

from tests.simulator.worker import WorkerProcess
from tests.simulator.world import World


def schedule(world: World) -> None:
    """Draw the plan and put it on the clock."""
    rng = Random(f"{world.seed} plan")
    later = world.broker.later
    for number in range(rng.choice((1, 1, 2, 2, 3))):
        later(rng.choice((0.0, 0.0, rng.uniform(0.0, 4.0))), world.start_worker, f"w{number}")
    faults_s = world.story.ends_s + rng.uniform(1.0, 8.0)
    for what, most in ((_freeze, 2), (_cut, 2), (_leave, 1), (_rebalance, 3), (_restart, 3), (_compact, 4)):
        if rng.random() < 0.4:
            for _ in range(rng.randint(1, most)):
                later(rng.uniform(0.0, faults_s), what, world, rng)
    later(faults_s, _end_faults, world)


def _living(world: World, rng: Random) -> WorkerProcess | None:
    living = [process for process in world.processes.values() if not process.dead and not process.is_leaving]
    return rng.choice(living) if living else None


def _freeze(world: World, rng: Random) -> None:
    """SIGSTOP, and SIGCONT some time later."""
    process = _living(world, rng)
    length_s = rng.choice((0.3, 2.0, 6.0))
    if process is None or process.frozen:
        return
    world.faults.count("frozen")
    world.note(f"{process.name}: frozen in {process.phase()} for {length_s} s")
    process.frozen = True

    def thaw() -> None:
        if not process.dead:
            world.note(f"{process.name}: thawed")
            world.loop.thaw(process)

    world.broker.later(length_s, thaw)


def _cut(world: World, rng: Random) -> None:
    """The group hears nothing of a worker for a while, which works on."""
    process = _living(world, rng)
    if process is None:
        return
    name, length_s = process.name, rng.choice((0.5, 3.0, 6.0))
    world.faults.count("heartbeats lost")
    world.note(f"{name}: heartbeats lost for {length_s} s")
    world.group.cut.add(name)
    world.broker.later(length_s, world.group.cut.discard, name)


def _leave(world: World, rng: Random) -> None:
    """SIGTERM; another takes the place, now or later."""
    process = _living(world, rng)
    if process is None:
        return
    world.faults.count("told to stop")
    world.note(f"{process.name}: told to stop")
    process.is_leaving = True
    world.broker.later(rng.choice((0.1, 3.0)), world.start_worker, f"{process.name}'")


def _rebalance(world: World, rng: Random) -> None:
    world.faults.count("rebalance")
    world.group.rebalance()


def _restart(world: World, rng: Random) -> None:
    down_s = rng.uniform(1.05, 4.0)
    if rng.random() < 0.6:
        world.broker.arm(down_s)
    else:
        world.broker.restart(down_s, hang=rng.random() < 0.5)


def _compact(world: World, rng: Random) -> None:
    for partition in range(world.partitions):
        log = world.broker.logs[world.topology.changelog, partition]
        gone = log.compact(rng.randint(0, log.end))
        if gone:
            world.faults.count("compacted")
            world.note(f"broker: compaction takes {gone} entries from partition {partition}")


def _end_faults(world: World) -> None:
    world.note("faults end")
    world.faults.is_over = True
    world.crashes_left = 0
    for process in world.processes.values():
        process.crash_at = None
    world.group.cut.clear()
    world.broker.arm(None)
