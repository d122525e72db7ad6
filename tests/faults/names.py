"""Every fault by name. A test says with `fault` which of them it strikes; the marker reaches the recorder (`recording.py`)."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import pytest

from tests.faults.struck import STAGES

Test = TypeVar("Test", bound=Callable[..., Any])

SHORT_S = 60
"""A short fault takes less."""

FAULTS: dict[str, str] = {f"worker killed: {stage}": f"SIGKILL when {what}" for stage, what in STAGES.items()}
FAULTS |= {
    "worker asleep longer than its session: sent": "SIGSTOP with an open transaction, and SIGCONT after the takeover",
    "worker asleep longer than its session: folding": "SIGSTOP in the middle of a fold, and SIGCONT after the takeover",
    "network cut": "a TCP proxy resets every connection, six times",
    "network delayed": "a TCP proxy delays every packet",
    "network half open": "a TCP proxy keeps the connections and passes nothing on",
    "network gone while starting": "a TCP proxy refuses every connection while a worker starts",
    "store deleted": "the local store is gone",
    "store corrupted: MANIFEST": "bytes of every MANIFEST are flipped",
    "store corrupted: log": "a write-ahead log of rubbish lies in the store",
    "store corrupted: .sst": "bytes of every table are flipped",
    "store corrupted: a state": "bytes in the middle of every table are flipped",
    "store corrupted: cut off": "every table is cut in half",
    "store older than tombstones are kept": "the store was last written 21 hours ago and lacks a part of the changelog",
    "store of another worker's partitions": "two partitions' stores are exchanged",
    "store ahead of its changelog": "the store is older than the topics, which were made anew",
    "topic missing": "an input topic does not exist",
    "topic recreated": "an input topic was deleted and made anew",
    "topic recreated and filled": "an input topic was deleted and made anew, and holds more records than were read of the old one",
    "topic truncated past the marker": "DeleteRecords beyond what is applied",
    "topic truncated before the marker": "DeleteRecords of what is applied",
    "topic truncated under a running worker": "DeleteRecords beyond what is fetched",
    "group offsets deleted": "the consumer group is deleted",
    "partition count wrong": "an input topic has more partitions than the others",
    "partition count changed under a running worker": "an input topic gets more partitions",
    "broker killed": "SIGKILL of the only broker under load, which comes back at once",
    "broker stopped and started": "a clean restart of the only broker under load",
    "broker down for two minutes": "SIGKILL of the only broker under load, which comes back two minutes later",
    "worker added and removed": "a second worker joins under load and is stopped",
    "worker asleep longer than its session": "SIGSTOP of a worker under load, and SIGCONT after the takeover",
    "two workers with one name": "a second worker has the static member id of the first",
    "worker killed ten times": "SIGKILL of the product at ten random moments",
    "worker killed under load": "SIGKILL of the engine at six random moments",
    "second worker comes and goes": "a second worker of the product joins under load and is stopped",
    "workers replaced one by one": "workers join and leave in turn, three times",
    "hostile records": "ten thousand records that are not what they should be, among good ones",
    "group offsets moved": "the group's offsets say something else than the marker",
    "transaction left open": "the predecessor has an open transaction, and the local store is gone",
    "transaction hanging": "a transaction that no coordinator knows is open",
    "store in memory": "every start restores from the changelog",
    "marker outside the log": "the marker points beyond the end of the topic",
    "hot customer with half of all events": "one of a thousand customers has half of all events",
    "hot customer with a million events": "one customer has a million orders",
    "clock jumps to and fro": "the wall clock jumps by 20 hours, again and again",
    "clock jumps over a deadline": "the wall clock is an hour fast, or slow, and is then put right",
    "disk full": "the file system of the local store is full",
}


def fault(*names: str) -> Callable[[Test], Test]:
    """Mark a test as striking the faults `names`."""
    unknown = [name for name in names if name not in FAULTS]
    assert not unknown, f"not in FAULTS: {unknown}"
    return cast(Callable[[Test], Test], pytest.mark.fault(*names))
