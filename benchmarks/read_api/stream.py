"""Topics without Kafka, in which customers of the database go on changing: so many changes a second, as a worker publishes them."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NoReturn

from benchmarks.read_api.build import DAY_MS, PROOF
from stream_app.codec.times import format_time
from stream_app.domain.facts.state import DIMENSIONS
from stream_app.errors import BrokerUnavailableError
from stream_app.feed import Batch, Partition, PolicyRecord, Pulse, Record, Story

_EVERY_S: Final = 0.1
_CHANGES: Final = "status-changes", 0
_PROFILES: Final = "customer-profiles", 0
_TURNS: Final[tuple[tuple[str, str | None, str | None], ...]] = (
    ("lifecycle", "inactive", "active"),
    ("churn_risk", None, "low"),
    ("lifecycle", "active", "inactive"),
    ("churn_risk", "low", None),
)
"""What befalls everybody again and again: he comes back, and is lost; two changes in one unit of work, and a profile with them."""


class Stream:
    """`feed.Topics`: nothing until `rate` is set, then so many changes a second, of customers drawn from all."""

    def __init__(self, customers: int, sequence: int, latest_ms: int) -> None:
        """Nobody of `customers` has had more than `sequence` changes; time goes on from `latest_ms`."""
        self.rate = 0
        self.published = 0
        self._customers = customers
        self._sequence = sequence
        self._clock_ms = latest_ms
        self._turns: dict[int, int] = {}
        self._offsets = {_CHANGES: 0, _PROFILES: 0}
        self._chance = random.Random(2)

    async def topic_ids(self) -> Mapping[str, str]:
        """None: a database that is asked again begins at the first offset of topics that are new."""
        return {}

    async def follow(self, positions: Mapping[Partition, int]) -> AsyncIterator[Batch]:
        """A batch ten times a second; what could not be taken in time comes with the next."""
        self._offsets |= {at: max(offset, positions.get(at, 0)) for at, offset in self._offsets.items()}
        began, owed = time.monotonic(), 0.0
        while True:
            await asyncio.sleep(_EVERY_S)
            began, passed_s = time.monotonic(), time.monotonic() - began
            owed = owed + self.rate * passed_s if self.rate else 0.0
            records: list[Record] = []
            while owed >= 2:
                owed -= 2
                records += self._turn()
            yield Batch(records, dict(self._offsets), caught_up=not records)

    async def pulses(self) -> AsyncIterator[Pulse]:
        """Everybody is up to date."""
        while True:
            yield Pulse(self.published, 0, dict(self._offsets))

    async def find_customer(self, shop: str, customer: str) -> Story:
        """None: what is read from topics is not measured."""
        return _away()

    async def read_policies(self) -> Sequence[PolicyRecord]:
        """None."""
        return _away()

    def _turn(self) -> list[Record]:
        """Two changes of one customer, and his profile."""
        number = self._chance.randrange(self._customers)
        turn = self._turns[number] = self._turns.get(number, -1) + 1
        customer, sequence = f"customer-{number:07}", self._sequence + 2 * turn
        self._clock_ms += DAY_MS // 20_000
        half = 2 * (turn % 2)
        steps = list(enumerate(_TURNS[half : half + 2], sequence + 1))
        told = [
            self._record(_CHANGES, customer, "status.changed", f"{step:08}{number:024}", _change(step, what, self._clock_ms))
            for step, what in steps
        ]
        statuses = {**dict.fromkeys(DIMENSIONS), "class": "B", "contact": "ok", **{name: after for _, (name, _, after) in steps}}
        at = format_time(self._clock_ms)
        profile = {"clock_at": at, "next_deadline": None, "statuses": statuses, "measures": {"revenue": 1}, "sequence": sequence + 2}
        self.published += 2
        return [*told, self._record(_PROFILES, customer, "customer.profile", f"p{sequence:07}{number:024}", profile)]

    def _record(self, at: Partition, customer: str, kind: str, event_id: str, data: dict[str, Any]) -> Record:
        event = {"id": event_id, "source": "/shops/acme", "type": kind, "subject": customer, "origin": "live", "data": data}
        offset = self._offsets[at]
        self._offsets[at] = offset + 1
        return Record(at, offset, self._clock_ms, f"acme/{customer}".encode(), json.dumps(event, separators=(",", ":")).encode())


def _change(sequence: int, turn: tuple[str, str | None, str | None], at_ms: int) -> dict[str, Any]:
    dimension, before, after = turn
    proof: dict[str, Any] = json.loads(PROOF)
    return {"dimension": dimension, "from": before, "to": after, "sequence": sequence, "effective_at": format_time(at_ms), **proof}


def _away() -> NoReturn:
    raise BrokerUnavailableError("there is no broker here")
