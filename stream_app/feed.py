"""What the web needs of Kafka, said as protocols: `worker/history.py` and `worker/outbox.py` have it, a command puts both together."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from stream_app.domain.events import Event

Partition = tuple[str, int]
"""A topic, named without prefix, and the number of a partition."""

HISTORY = ("status-changes", "customer-profiles", "insights")
"""What the history is filled from; within a batch in this order."""


class Record(Struct, frozen=True):
    """A committed record; `recorded_ms` is its timestamp: when it was written."""

    partition: Partition
    offset: int
    recorded_ms: int
    key: bytes | None
    value: bytes | None


class Batch(Struct):
    """What was read in one go: records in the order of each partition, and where reading goes on after them.

    `caught_up`: nothing came, and nothing that is committed is left.
    """

    records: list[Record]
    positions: dict[Partition, int]
    caught_up: bool = False


class Entry(Struct, frozen=True, gc=False):
    """An event to be stored.

    Attributes:
        topic: named without prefix.
        key: whose it is; decides the partition.
        value: the event.
        headers: of the record.
        time_ms: the record's timestamp.
        is_everywhere: it belongs in every partition, as a watermark does.
        forgets_key: nobody may remember the key after it, since its customer is erased.
    """

    topic: str
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    time_ms: int
    is_everywhere: bool = False
    forgets_key: bool = False


class Log(Protocol):
    """Where events go that have come in."""

    @property
    def waiting_bytes(self) -> int:
        """How much is not yet stored, about; counted from the moment that `append` is called."""

    def waits_for(self) -> str | None:
        """Why nothing can be stored now; None when it can."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """Store entries, those of one partition in their order; comes back when all of them are stored for good.

        Raises:
            BrokerUnavailableError: it was not heard in time that they are. They may be, or will be.
        """


class Pulse(Struct):
    """How far everybody is.

    Attributes:
        applied: input records that the workers have committed, in all.
        lag_records: input records that they have not.
        ends: where each partition of the outputs ends.
    """

    applied: int
    lag_records: int
    ends: dict[Partition, int]


class Story(Protocol):
    """What the topics have of one customer."""

    @property
    def events(self) -> Sequence[Event]:
        """His events, those that were derived for him included."""

    @property
    def published(self) -> Sequence[dict[str, Any]]:
        """What was published about him."""

    @property
    def profile(self) -> dict[str, Any] | None:
        """His latest profile."""


class PolicyRecord(Struct, frozen=True):
    """One record of the topic `policies`; the key is the shop, `*` for the default policy, and no value withdraws it."""

    key: str
    recorded_ms: int
    value: bytes | None


class Topics(Protocol):
    """The topics. Every method raises BrokerUnavailableError when the broker is lost, and TopicError when a topic is missing."""

    async def topic_ids(self) -> Mapping[str, str]:
        """Kafka's own id of each topic of the history: one that is made anew has another."""

    def follow(self, positions: Mapping[Partition, int]) -> AsyncIterator[Batch]:
        """Committed records from `positions` on (from the beginning where there is none), for ever."""

    def pulses(self) -> AsyncIterator[Pulse]:
        """How far everybody is, each time it is asked."""

    async def find_customer(self, shop: str, customer: str) -> Story:
        """Everything that the topics have of a customer."""

    async def read_policies(self) -> Sequence[PolicyRecord]:
        """Every record of the topic `policies`, in its order."""
