"""What should have come of a run: the real processor, one life long, over what was accepted, without crashes or transactions."""

import json
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from stream_app.domain.policy import Policy
from stream_app.engine.fold import Decoded, Headers
from stream_app.engine.stores.frame import timeline_of
from stream_app.processor.policies import DEFAULT_KEY, PolicyBook
from stream_app.processor.status import StatusProcessor
from tests.simulator.history import Story
from tests.simulator.log import Entry, Log
from tests.simulator.worker import Step

Emitted = tuple[str, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]
_ALL = 1_000_000


class Replay:
    """One partition's processor with everything it has written; also the `Unit` it writes into."""

    def __init__(self, policies: Sequence[tuple[int, Policy]], partition: int, partitions: int, grace_ms: int, rekeyed: str) -> None:
        self._policies = policies
        self._book = book = PolicyBook()
        self._publish(1)
        self.partition = partition
        self.states: dict[bytes, bytes] = {}
        self.emitted: list[Emitted] = []
        self.deadlines: dict[bytes, int] = {}
        self._told: deque[tuple[str, tuple[Any, ...], Any]] = deque()  # what the unit at hand said of timers
        self.processor = StatusProcessor(book, partition, partitions, grace_ms, rekeyed)
        self.processor.resume({})

    def run(self, steps: Iterable[Step], wall_ms: int) -> None:
        """Do again what was asked of the processors that have committed."""
        for step in steps:
            if step[0] == "fold":
                list(self.processor.fold([self.processor.decode(one.record, wall_ms) for one in step[1]], self))
            elif step[0] == "fire":
                self._told = deque(step[4])
                self.processor.fire(self, step[1], step[2], step[3])
                self._told.clear()
            elif step[0] == "policies":
                self._publish(step[1])
            elif step[0] == "sweep":
                self.processor.sweep(self, step[1])
            else:
                self.processor.finish(self)

    def _publish(self, count: int) -> None:
        """Make the first `count` policies known."""
        for from_ms, policy in self._policies[self._book.revision() : count]:
            self._book.add(policy.shop or DEFAULT_KEY, from_ms, policy)

    def run_log(self, inputs: Sequence[Sequence[Entry]], wall_ms: int) -> None:
        """Fold the logs of the inputs one record at a time, in event-time order by their heads."""
        heads = [[self.processor.decode(entry, wall_ms) for entry in entries][::-1] for entries in inputs]
        while any(heads):
            _, index = min((waiting[-1].time_ms, index) for index, waiting in enumerate(heads) if waiting)
            one: Decoded = heads[index].pop()
            list(self.processor.fold([one], self))
            self.settle(min((waiting[-1].time_ms for waiting in heads if waiting), default=None), None)

    def settle(self, bound_ms: int | None, wall_ms: int | None) -> None:
        """Fire what is due, sweep, and end the unit of work."""
        self.processor.fire(self, bound_ms, wall_ms, _ALL)
        self.processor.sweep(self, _ALL)
        self.processor.finish(self)

    def by_key(self) -> dict[tuple[str, bytes | None], list[Emitted]]:
        """What was written, by topic and key, in order."""
        found: dict[tuple[str, bytes | None], list[Emitted]] = defaultdict(list)
        for one in self.emitted:
            found[one[0], one[1]].append(one)
        return found

    # -- the unit of work, which is all of the run

    def read(self, key: bytes) -> bytes | None:
        return self.states.get(key)

    def write(self, key: bytes, state: bytes | None, deadline_ms: int | None) -> None:
        if state is None:
            self.states.pop(key, None)
        else:
            self.states[key] = state
        if state is not None and deadline_ms:
            self.deadlines[key] = deadline_ms
        else:
            self.deadlines.pop(key, None)

    def erase(self, key: bytes) -> None:
        self.write(key, None, None)

    def due(self, timeline: str, until_ms: int, limit: int) -> list[tuple[int, bytes]]:
        own = sorted((at, key) for key, at in self.deadlines.items() if at <= until_ms and timeline_of(key) == timeline)
        found: list[tuple[int, bytes]] = self._answer("due", (timeline, until_ms, limit), own[:limit])
        if not set(found) <= set(own):  # it was wrong, and from here on we go our own way
            self._told.clear()
            found = own[:limit]
        for _, key in found:
            del self.deadlines[key]
        return found

    def next_due(self, timeline: str) -> int | None:
        own = min((at for key, at in self.deadlines.items() if timeline_of(key) == timeline), default=None)
        found: int | None = self._answer("next_due", (timeline,), own)
        return found

    def timelines(self) -> Sequence[str]:
        found: Sequence[str] = self._answer("timelines", (), sorted({timeline_of(key) for key in self.deadlines}))
        return found

    def _answer(self, question: str, asked: tuple[Any, ...], own: Any) -> Any:
        """What the unit at hand said, as long as it was asked the same; our own answer otherwise."""
        if self._told and self._told[0][:2] == (question, asked):
            return self._told.popleft()[2]
        self._told.clear()
        return own

    def states_after(self, key: bytes, prefix: bytes, limit: int) -> list[tuple[bytes, bytes | None]]:
        found = sorted(one for one in self.states if one > key and one.startswith(prefix))
        return [(one, self.states.get(one)) for one in found[:limit]]

    def emit(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None) -> None:
        self.emitted.append((topic, key, value, tuple(headers)))

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Nothing is counted here."""


def epoch_s(story: Story, rng: Random, grace_ms: int) -> float:
    """The wall clock at the beginning of a run; where the policy lives by it, some deadlines come due during the run."""
    if story.policy.clock != "wall":
        return story.wall_ms / 1000
    replay = Replay([(0, story.policy)], 0, 1, grace_ms, "")
    log = Log("orders", 0)
    for record in story.records:
        if not record.is_aborted:
            log.append([(record.key, record.value, ())], record.timestamp)
    replay.run_log([log.entries], story.wall_ms)
    latest = max(record.timestamp for record in story.records if record.timestamp <= story.wall_ms)
    later = sorted(at for at in replay.deadlines.values() if at > latest)
    return rng.choice(later[:3]) / 1000 - rng.uniform(1.0, 8.0) if later else story.wall_ms / 1000


def content(value: bytes | None) -> dict[str, Any]:
    """A published event, read back."""
    found: dict[str, Any] = json.loads(value or b"{}")
    return found
