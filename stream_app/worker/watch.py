"""Committed changes as they come: a subscriber's first minute."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiokafka.errors import KafkaError
from msgspec import Struct

from stream_app.settings import Settings
from stream_app.worker.cluster import partitions_of, reader, what_broke

TOPICS = ("status-changes", "win-back", "service-level", "contact-advice")


class Filter(Struct, frozen=True):
    """What to show; None shows all. `to` is the new value of a status, `null` for one that is lost."""

    type: str | None = None
    dimension: str | None = None
    to: str | None = None
    shop: str | None = None

    def shows(self, event: dict[str, Any]) -> bool:
        """Whether an outgoing event is wanted."""
        data = event.get("data") or {}
        if self.type is not None and event.get("type") != self.type:
            return False
        if self.shop is not None and event.get("source") != f"/shops/{self.shop}":
            return False
        if self.dimension is not None and data.get("dimension") != self.dimension:
            return False
        return self.to is None or ("to" in data and (data["to"] or "null") == self.to)


async def watch(settings: Settings, wanted: Filter, *, from_start: bool = False) -> AsyncIterator[tuple[bytes, dict[str, Any]]]:
    """The wanted outgoing events, each as the record's value and as JSON values; never ends by itself.

    Args:
        settings: names the broker and the prefix.
        wanted: which events.
        from_start: begin with the oldest that is kept instead of with the next one.

    Raises:
        TopicError: the topics do not exist.
        BrokerUnavailableError: the broker is lost.
    """
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    async with reader(settings) as client:
        assigned = await partitions_of(client, settings, *TOPICS)
        client.assign(assigned)
        if from_start:
            await client.seek_to_beginning(*assigned)
        else:
            await client.seek_to_end(*assigned)
        try:
            async for record in client:
                if record.value is None:
                    continue
                event = decode(record.value)
                if wanted.shows(event):
                    yield record.value, event
        except (KafkaError, OSError) as error:
            raise what_broke(settings, error) from error


def describe(event: dict[str, Any]) -> str:
    """One line for a person."""
    data = event.get("data") or {}
    who = f"{str(event.get('source', '')).removeprefix('/shops/')}/{event.get('subject', '')}"
    head = f"{event.get('time', '')}  {who}  "
    if event.get("type") == "status.changed":
        cause = (data.get("cause") or {}).get("kind", "")
        reason = (data.get("reason") or {}).get("code", "")
        return f"{head}{data.get('dimension')}: {data.get('from') or '-'} -> {data.get('to') or '-'}  ({cause}: {reason})"
    facts = ", ".join(f"{name}={value}" for name, value in data.items() if isinstance(value, str | int | bool))
    return f"{head}{event.get('type')}  {facts}"
