"""The faults of the soak: when each is due, how it strikes, and the proof that it did."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.place import say
from benchmarks.soak.crew import SESSION_MS, Crew
from benchmarks.soak.shops import write_policy
from benchmarks.soak.watch import Watch
from stream_app.demo.broker import EmbeddedBroker, port_is_free

REST_WITHIN_S = 60.0
"""So long after a strike is over the lag has to be 0 again; the machine may be busy with others."""

_STRIKES_WITHIN_S = 60.0
_EACH_S = 22.0
_POLL_S = 0.1


@dataclass
class Strike:
    """One fault: in seconds since the beginning when it was due, struck, was over, and when the lag was 0 again."""

    kind: str
    due_s: float
    at_s: float = 0.0
    over_s: float = 0.0
    rest_s: float | None = None
    proof: str = ""
    failed: str = ""

    def told(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


@dataclass
class Stage:
    """What strikes need."""

    crew: Crew
    watch: Watch
    broker: EmbeddedBroker
    hands: Executor
    folder: Path
    chance: random.Random
    versions: dict[str, int] = field(default_factory=lambda: {"yard": 1, "booth": 1})

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something to show."""
        ends = time.monotonic() + _STRIKES_WITHIN_S
        while not condition():
            assert time.monotonic() < ends, f"not within {_STRIKES_WITHIN_S:.0f} s: {what}"
            await asyncio.sleep(_POLL_S)

    async def owns(self, name: str, *, everything: bool = True) -> None:
        """Wait until a worker says that it has all partitions, or some."""
        most = self.crew.partitions
        await self.until(
            lambda: len(self.watch.owned(name)) == most if everything else 0 < len(self.watch.owned(name)) < most,
            f"{name} owns {'everything' if everything else 'a share'}",
        )

    async def publish(self, shop: str) -> None:
        """Publish the next version of a shop's policy."""
        self.versions[shop] += 1
        file = write_policy(self.folder, shop, self.versions[shop])
        await asyncio.to_thread(self.crew.command, "policy", "publish", str(file))


async def kill(stage: Stage) -> str:
    life = stage.crew.kill("w1")
    await stage.until(lambda: life.process.poll() is not None, "the process ends")
    assert life.process.returncode == -signal.SIGKILL
    await stage.until(lambda: stage.crew.living("w1") is not None, "it is started again")
    return "the worker ended by SIGKILL, and was started again"


async def sleep(stage: Stage) -> str:
    life = stage.crew.living("w1")
    assert life is not None
    os.kill(life.process.pid, signal.SIGSTOP)
    await stage.until(lambda: _is_asleep(life.process.pid), "the process sleeps")
    began, seconds = time.monotonic(), SESSION_MS / 1000 * 2
    await asyncio.sleep(seconds)
    assert _is_asleep(life.process.pid), "it slept all the time"
    readied = len(life.said("ready"))
    os.kill(life.process.pid, signal.SIGCONT)
    slept = time.monotonic() - began
    await stage.until(lambda: life.process.poll() is not None or len(life.said("ready")) > readied, "the group has given it up")
    what = "ended itself and was started again" if life.process.poll() is not None else "joined the group anew"
    return f"slept {slept:.0f} s, with a session of {SESSION_MS // 1000} s; then it {what}"


async def restart_broker(stage: Stage) -> str:
    loop, broker, how = asyncio.get_running_loop(), stage.broker, stage.chance.choice((signal.SIGKILL, signal.SIGTERM))
    before, port, seconds = broker.pid, broker.port, stage.chance.uniform(2, 8)
    os.kill(before, how)
    await stage.until(lambda: not broker.alive(), "the broker ends")
    await loop.run_in_executor(stage.hands, broker.stop)
    await asyncio.sleep(seconds)
    assert port_is_free(port), "nobody answered meanwhile"
    await loop.run_in_executor(stage.hands, broker.start)
    assert broker.pid != before
    return f"the broker ended by {how.name}, was away for {seconds:.0f} s, and is another process"


async def second(stage: Stage) -> str:
    stage.crew.start("w2")
    await stage.owns("w2", everything=False)
    share = stage.watch.owned("w2")
    await asyncio.sleep(stage.chance.uniform(5, 15))
    assert await stage.crew.stop("w2") == 0, "it stops cleanly"
    await stage.owns("w1")
    return f"the second worker had partitions {sorted(share)}, and gave them back"


async def rebalance(stage: Stage) -> str:
    stage.crew.start("w2")
    await stage.owns("w2", everything=False)
    assert await stage.crew.stop("w1") == 0, "it stops cleanly"
    await stage.owns("w2")
    stage.crew.start("w1")
    await stage.owns("w1", everything=False)
    assert await stage.crew.stop("w2") == 0, "it stops cleanly"
    await stage.owns("w1")
    return "every partition went to the second worker, and back to the first in its next life"


async def policy(stage: Stage) -> str:
    before = stage.watch.total("swept")
    await stage.publish("yard")
    await stage.until(lambda: stage.watch.total("swept") > before, "a sweep has reached somebody")
    await asyncio.sleep(2.0)
    swept = stage.watch.total("swept") - before
    return f"version {stage.versions['yard']} of yard; the sweep has reached {swept:.0f} customers within two seconds"


async def withdraw(stage: Stage) -> str:
    life = stage.crew.living("w1")
    assert life is not None
    await asyncio.to_thread(stage.crew.command, "policy", "delete", "booth")
    await stage.until(lambda: any(entry.get("withdrawn") for entry in life.said("policy taken")), "the worker knows")
    seconds = stage.chance.uniform(5, 12)
    await asyncio.sleep(seconds)
    await stage.publish("booth")
    return f"booth had no policy for {seconds:.0f} s, then version {stage.versions['booth']}"


KINDS: dict[str, Callable[[Stage], Awaitable[str]]] = {
    "worker killed": kill,
    "worker asleep": sleep,
    "broker restarted": restart_broker,
    "full rebalance": rebalance,
    "second worker": second,
    "policy published": policy,
    "policy withdrawn": withdraw,
}
_HARD = ["worker killed", "worker asleep", "broker restarted", "full rebalance"]
_SOFT = ["policy withdrawn", "second worker", "policy published", "policy published", "second worker"]


def plan(seed: int, seconds: float) -> list[Strike]:
    """What strikes when: first what leaves the worker alive, then what ends it, and a last kill.

    So its first life lasts half the run, and begins with full caches, since it has just folded everybody's past: only then does memory
    that grows show a leak. A run that is too short for all of the strikes has some, which the seed chooses.
    """
    chance = random.Random(seed)
    hard, soft = [*chance.sample(_HARD, len(_HARD)), "worker killed"], chance.sample(_SOFT, len(_SOFT))
    room = max(2, int(seconds // _EACH_S) - 1)
    hard, soft = hard[: max(1, room // 2)], soft[: max(1, room // 2)]
    first, later = _spread(0.08, 0.42, len(soft)), _spread(0.5, 0.86, len(hard))
    named = [*zip(soft, first, strict=True), *zip(hard, later, strict=True), ("worker killed", 0.93)]
    return [Strike(kind, round(seconds * part, 1)) for kind, part in named]


async def strike_all(stage: Stage, strikes: list[Strike]) -> None:
    """Let everything strike in its time, each when the lag after the one before is 0 again."""
    for strike in strikes:
        await asyncio.sleep(max(0.0, strike.due_s - stage.watch.now()))
        say(f"  {stage.watch.now():5.0f} s  {strike.kind} ...")
        strike.at_s = round(stage.watch.now(), 1)
        try:
            strike.proof = await KINDS[strike.kind](stage)
        except AssertionError as error:
            strike.failed = str(error) or "what must hold does not"
        strike.over_s = round(stage.watch.now(), 1)
        strike.rest_s = await _rest(stage, strike.over_s)
        rest = "and the lag does not return to 0" if strike.rest_s is None else f"lag 0 after {strike.rest_s - strike.over_s:.1f} s"
        say(f"  {stage.watch.now():5.0f} s  {strike.failed or strike.proof}; {rest}")


async def _rest(stage: Stage, since_s: float) -> float | None:
    """When the lag, looked at later than `since_s`, was 0; None if it is not in time."""
    while stage.watch.now() < since_s + REST_WITHIN_S:
        row = stage.watch.samples[-1]
        if row["t"] > since_s and row["lag"] == 0:
            return float(row["t"])
        await asyncio.sleep(_POLL_S)
    return None


def _spread(first: float, last: float, count: int) -> list[float]:
    return [first + (last - first) * place / max(1, count - 1) for place in range(count)]


def _is_asleep(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] == "T"
