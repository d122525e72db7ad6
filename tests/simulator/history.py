"""What is published in a run: the oracle's histories, cut into topics and partitions, with watermarks, copies, late and foreign records."""

import json
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from stream_app.codec.times import format_time
from stream_app.domain.policy import Policy
from stream_app.engine.transactions.partitioner import partition_of
from tests.oracle.days import DAY, parse_ms
from tests.oracle.histories import history
from tests.oracle.policies import by_pareto
from tests.properties.memory import compiled
from tests.properties.stories import topic_of
from tests.simulator.faults import Faults

INPUTS = ("orders", "contacts", "customer-events-rekeyed")
_DERIVING = frozenset({"referral.made", "customer.merged"})
_HISTORIES = 60
_FAR_MS = parse_ms("2090-01-01T00:00:00Z")  # later ones are rejected


@dataclass
class Published:
    """One record of the input, and when it reaches the log; an aborted one never counts."""

    at_s: float
    topic: str
    partition: int
    timestamp: int
    key: bytes
    value: bytes
    is_aborted: bool = False


@dataclass
class Story:
    """The input of a run.

    Attributes:
        is_backlog: everything is in the log, in time order, before anybody reads.
        is_told_by_log: and nobody has to do with another, so that its order alone decides.
        ends_s: when the last record is published.
        wall_ms: the wall clock at the beginning.
        later: policies that are published on the way: when, from which time they hold, and what they say.
    """

    records: list[Published]
    policy: Policy
    is_backlog: bool
    is_told_by_log: bool
    ends_s: float
    wall_ms: int
    later: list[tuple[float, int, Policy]]

    def weighs(self) -> bool:
        """Whether the shop's classes are by pareto."""
        return any(policy.pareto is not None for policy in (self.policy, *(later[2] for later in self.later)))


@lru_cache(_HISTORIES)
def _told(number: int, *, is_backlog: bool, may_weigh: bool = True) -> tuple[list[tuple[int, dict[str, Any]]], Policy]:
    """A history as (time, event), and its policy; few of them, because compiling a policy takes as long as a run."""
    told = history(number, customers=7, size=9, shuffled=not is_backlog and number % 2 == 0, dwell=True)
    clock = "wall" if not is_backlog and number % 3 == 0 else "events"
    document = told.document | {"clock": clock}
    document.pop("live_since", None)
    if may_weigh and number % 4 == 1:
        document = by_pareto(Random(number), document, days=(7, 30, 91))
    return [(parse_ms(event["time"]), event) for event in told.events], compiled(document)


def story(rng: Random, partitions: int, faults: Faults) -> Story:
    """Draw what is published."""
    is_backlog = rng.random() < 0.5
    # When a derived event arrives depends on the units of work. So the log alone decides nothing where somebody refers others, or is
    # merged, or the shop's customers are weighed.
    is_told_by_log = is_backlog and rng.random() < 0.5
    told, policy = _told(rng.randrange(_HISTORIES), is_backlog=is_backlog, may_weigh=not is_told_by_log)
    events = [one for one in told if rng.random() < 0.9 and not (is_told_by_log and one[1]["type"] in _DERIVING)]
    if is_backlog:
        events.sort(key=lambda one: one[0])
    latest = max(time for time, _ in events if time < _FAR_MS)
    length_s = 0.0 if is_backlog else rng.choice((0.5, 3.0, 8.0))
    foreign = rng.random() if not is_backlog and rng.random() < 0.4 else 0.0
    records: list[Published] = []
    latest_ms = 0
    for place, (time, event) in enumerate(events):
        at_s = length_s * place / len(events)
        faults.count("late event", time < latest_ms)
        latest_ms = max(latest_ms, time)
        records += _records(rng, event, time, at_s, partitions, foreign, faults)
        if rng.random() < 0.08:
            mark_ms = time if is_backlog else time - rng.choice((0, 10, 100)) * DAY
            records += _watermarks(event["source"], mark_ms, at_s, partitions)
    end_ms = latest + rng.choice((0, 30, 400)) * DAY
    for source in sorted({event["source"] for _, event in events}):
        records += _watermarks(source, end_ms, length_s, partitions)
    later = [] if is_backlog else _later(rng, policy, [time for time, _ in events], length_s)
    return Story(records, policy, is_backlog, is_told_by_log, length_s, latest + 500 * DAY, later)


def _later(rng: Random, policy: Policy, times: list[int], length_s: float) -> list[tuple[float, int, Policy]]:
    """Other histories' policies, published while this one is told, or soon after it."""
    found = []
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        other = _told(rng.randrange(_HISTORIES), is_backlog=False)[1]
        if (other.clock, other.shop, other.currency) == (policy.clock, policy.shop, policy.currency):
            found.append((rng.uniform(0.0, length_s + 2.0), rng.choice(times) + rng.choice((0, 0, 1, 20 * DAY)), other))
    return sorted(found, key=lambda one: one[0])


def _records(
    rng: Random, event: dict[str, Any], time: int, at_s: float, partitions: int, foreign: float, faults: Faults
) -> list[Published]:
    key = f"{event['source'].removeprefix('/shops/')}/{event['subject']}".encode()
    home = partition_of(key, partitions)
    partition = home
    if foreign and partition_of(key + b"!", 100) < foreign * 100:
        partition = (home + 1) % partitions
        faults.count("foreign partition", partition != home)
    record = Published(at_s, topic_of(event), partition, time, key, json.dumps(event).encode())
    found = [record]
    if rng.random() < 0.04:
        faults.count("sent twice")
        found.append(record)
    if rng.random() < 0.04:
        faults.count("aborted input")
        found.append(Published(at_s, record.topic, partition, time, key, json.dumps(event | {"id": "never"}).encode(), is_aborted=True))
    return found


def _watermarks(source: str, time: int, at_s: float, partitions: int) -> list[Published]:
    mark = {"specversion": "1.0", "id": f"w-{source}-{time}", "source": source, "type": "watermark", "time": format_time(time)}
    return [Published(at_s, "orders", number, time, b"", json.dumps(mark).encode()) for number in range(partitions)]
