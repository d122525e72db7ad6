"""The invariants: what became of a run, against the replay of what was accepted.

Of everything that is wrong the first in the order of `INVARIANTS` is named: a lost input makes states differ, too, and it is the
loss that one wants to read about.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from stream_app.codec.dead_letters import ORIGIN_OFFSET, ORIGIN_PARTITION, ORIGIN_TOPIC
from stream_app.engine.stores.frame import state_of
from stream_app.engine.stores.marker import MARKER_KEY
from tests.oracle.days import parse_ms
from tests.simulator.broker import Attempt
from tests.simulator.history import INPUTS
from tests.simulator.log import Entry
from tests.simulator.replay import Emitted, Replay, content
from tests.simulator.world import PREFIX, REKEYED, World

INVARIANTS = ("alive", "zombie", "double", "sequence", "deadline", "lost", "state")
"""No process fails by a bug of its own and everything comes to rest; a zombie writes nothing; nothing is doubled; sequences have no
hole; every deadline fires once and not before its time; nothing is lost; the final states are the replay's."""

PROFILES = "customer-profiles"
_FAR_MS = 1 << 60


class Broken(Exception):  # noqa: N818 - what it says
    """An invariant does not hold."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant
        self.detail = detail


def broken(world: World) -> list[Broken]:
    """Everything that is wrong with a run, the most telling first."""
    found = [Broken("alive", bug) for bug in world.bugs]
    found += [Broken("zombie", zombie) for zombie in world.broker.zombies]
    if not world.bugs:
        for partition in range(world.partitions):
            found += _Partition(world, partition).broken()
    return sorted(found, key=lambda one: INVARIANTS.index(one.invariant))


class _Partition:
    """One partition of a run, looked at from outside."""

    def __init__(self, world: World, partition: int) -> None:
        self._world = world
        self._partition = partition
        changelog = world.broker.logs[world.topology.changelog, partition]
        self._changelog = [entry for entry in changelog.history if entry.is_visible]
        self._attempts: list[Attempt] = list(dict.fromkeys(entry.attempt for entry in self._changelog))
        self._inputs = [[e for e in world.broker.logs[PREFIX + topic, partition].history if e.is_visible] for topic in INPUTS]
        self._outputs = [entry for log in world.broker.logs.values() for entry in log.history if self._is_output(entry)]

    def _is_output(self, entry: Entry) -> bool:
        attempt = entry.attempt
        is_ours = attempt is not None and attempt.partition == self._partition and entry.is_visible
        return is_ours and entry.topic != self._world.topology.changelog

    def broken(self) -> Iterator[Broken]:
        """What is wrong here."""
        yield from self._input_is_folded_once()
        yield from self._nothing_fires_early()
        replay = self._replay()
        yield from self._outputs_are(replay)
        yield from self._sequences_are_whole()
        yield from self._states_are(replay)

    def _replay(self) -> Replay:
        world = self._world
        replay = Replay(world.policies, self._partition, world.partitions, world.grace_ms, REKEYED)
        if world.story.is_told_by_log:
            replay.run_log(self._inputs, world.story.wall_ms)
        else:
            for attempt in self._attempts:
                replay.run(attempt.journal, world.story.wall_ms)
        wall_ms = int(world.ended_at_s * 1000) - 1_000
        replay.settle(None, wall_ms)
        return replay

    def _input_is_folded_once(self) -> Iterator[Broken]:
        folded: Counter[tuple[str, int]] = Counter()
        for attempt in self._attempts:
            for step in attempt.journal:
                if step[0] == "fold":
                    folded.update((one.record.topic, one.record.offset) for one in step[1])
        for entries in self._inputs:
            for entry in entries:
                times = folded.pop((entry.topic, entry.offset), 0)
                if times != 1:
                    yield self._say("double" if times else "lost", f"{entry.topic} offset {entry.offset} is folded {times} times")
        for topic, offset in folded:
            yield self._say("double", f"{topic} offset {offset} is folded, and is no committed record")

    def _nothing_fires_early(self) -> Iterator[Broken]:
        """A change by time comes when an event, a watermark or, where the policy lives by it, the wall clock has reached it."""
        world = self._world
        by_attempt: dict[Attempt, list[Entry]] = {}
        for entry in self._outputs:
            by_attempt.setdefault(entry.attempt, []).append(entry)
        is_wall = world.story.policy.clock == "wall"
        reached: dict[str, int] = {}
        for attempt in self._attempts:
            for step in attempt.journal:
                for one in step[1] if step[0] == "fold" else ():
                    shop = getattr(one.content, "shop_id", "")
                    reached[shop] = max(reached.get(shop, 0), one.time_ms)
            for entry in by_attempt.get(attempt, ()):
                found = content(entry.value) if entry.topic == PREFIX + "status-changes" else {}
                at_ms = parse_ms(found["data"]["effective_at"]) if _is_by_time(found) else 0
                wall_ms = entry.timestamp if is_wall else 0
                if at_ms > max(reached.get(found.get("source", "")[7:], 0), wall_ms):
                    yield self._say("deadline", f"{found['subject']} changes at {found['data']['effective_at']}, before its time")

    def _outputs_are(self, replay: Replay) -> Iterator[Broken]:
        actual: dict[tuple[Any, ...], list[Emitted]] = {}
        for entry in self._outputs:
            one = (entry.topic.removeprefix(PREFIX), entry.key, entry.value, tuple(entry.headers))
            actual.setdefault(_name(one), []).append(one)
        expected: dict[tuple[Any, ...], list[Emitted]] = {}
        for one in replay.emitted:
            expected.setdefault(_name(one), []).append(one)
        for name in {**expected, **actual}:
            if name[0] == PROFILES:
                continue  # how many there are depends on batches; the last one of each customer is looked at with the states
            here, there = actual.get(name, []), expected.get(name, [])
            if len(here) > len(there):
                is_known = bool(there)
                kind = "double" if is_known else "deadline" if _is_by_time(content(here[0][2])) else "state"
                yield self._say(kind, f"{name} is published {len(here)} times, not {len(there)}: {here[0][2]!r}")
            elif len(here) < len(there):
                kind = "deadline" if _is_by_time(_event(there[0])) else "lost"
                yield self._say(kind, f"{name} is published {len(here)} times, not {len(there)}: {there[0][2]!r}")
            elif here != there:
                yield self._say("state", f"{name} is {here[0][2]!r}, not {there[0][2]!r}")

    def _sequences_are_whole(self) -> Iterator[Broken]:
        by_key: dict[bytes | None, list[int]] = {}
        for entry in self._outputs:
            if entry.topic == PREFIX + "status-changes":
                found = content(entry.value)
                if found["type"] == "status.changed":
                    by_key.setdefault(entry.key, []).append(found["data"]["sequence"])
        for key, numbers in by_key.items():
            if list(dict.fromkeys(numbers)) != list(range(1, max(numbers) + 1)):
                yield self._say("sequence", f"{key!r} has the sequences {numbers}")

    def _states_are(self, replay: Replay) -> Iterator[Broken]:
        states: dict[bytes, bytes] = {}
        for entry in self._changelog:
            if entry.key is None or entry.key == MARKER_KEY:
                continue
            if entry.value is None:
                states.pop(entry.key, None)
            else:
                states[entry.key] = state_of(entry.value)
        for key in {**replay.states, **states}:
            if states.get(key) != replay.states.get(key):
                yield self._say("state", f"{key!r} is {states.get(key)!r}, not {replay.states.get(key)!r}")
        for process in self._world.processes.values():
            is_owner = self._world.broker.owners.get(self._partition) is process and not process.dead
            runtime = process.engine.runtimes.get(self._partition) if process.engine is not None and is_owner else None
            for key, state in states.items() if runtime is not None else ():
                framed = runtime.store.get(key) if runtime is not None else None
                if framed is None or state_of(framed) != state:
                    yield self._say("state", f"{key!r} differs in the store of {process.name}")

    def _say(self, invariant: str, detail: str) -> Broken:
        return Broken(invariant, f"partition {self._partition}: {detail}")


def _event(one: Emitted) -> dict[str, Any]:
    return content(one[2]) if one[0] == "status-changes" else {}


def _is_by_time(found: dict[str, Any]) -> bool:
    data = found.get("data", {})
    return bool(found.get("type") == "status.changed" and data["cause"]["kind"] == "time")


def _name(one: Emitted) -> tuple[Any, ...]:
    """What makes an output the same as another: the event's id, or where a dead letter or a rekeyed record came from."""
    topic, key, value, headers = one
    if topic == "dead-letters":
        origin = dict(headers)
        return (topic, *(origin[name] for name in (ORIGIN_TOPIC, ORIGIN_PARTITION, ORIGIN_OFFSET)))
    if PREFIX + topic == REKEYED:
        return topic, key, value
    if topic == PROFILES:
        return topic, key  # the last one of a customer who is merged into another is a tombstone, and has no id
    return topic, content(value)["id"]
