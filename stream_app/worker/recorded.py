"""What shops have published up to now, as files: for whoever asks what another policy would have made of it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError
from msgspec import Struct

from stream_app.codec.events import decode_record
from stream_app.domain.events import Rejected, Watermark
from stream_app.errors import BrokerUnavailableError
from stream_app.settings import Settings
from stream_app.worker.cluster import read_to_end

_INPUTS: Final = ("orders", "contacts")
_TOLD_EVERY: Final = 50_000

Tell = Callable[[int], None]
"""Told how many events have been read, now and then."""


class Recorded(Struct):
    """The files, one a topic, as JSONL of CloudEvents; of how many events, and how many records no worker could use either."""

    files: list[Path]
    events: int = 0
    passed_over: int = 0


async def save_events(settings: Settings, folder: Path, shop: str | None, tell: Tell = lambda _: None) -> Recorded:
    """Write every event that is in the input topics now to files in `folder`; orders first, as ties are broken.

    Args:
        settings: name the broker and the prefix.
        folder: where the files go.
        shop: whose events; None for all.
        tell: told how many have been read.

    Raises:
        TopicError: the topics do not exist.
        BrokerUnavailableError: the broker is lost.
    """
    done = Recorded([folder / f"{name}.jsonl" for name in _INPUTS])
    try:
        for name, file in zip(_INPUTS, done.files, strict=True):
            with file.open("wb") as target:
                async for record in read_to_end(settings, name):
                    event = decode_record(record.key, record.value, record.headers, record.timestamp)
                    if isinstance(event, Rejected):
                        done.passed_over += 1
                    elif type(event.data) is not Watermark and shop in {None, event.shop_id}:
                        target.write(_line(record.value, record.headers) + b"\n")
                        done.events += 1
                        if done.events % _TOLD_EVERY == 0:
                            tell(done.events)
    except (KafkaError, OSError) as error:
        raise BrokerUnavailableError(f"the broker at {settings.broker} is lost ({type(error).__name__}): start it again") from error
    return done


def _line(value: bytes, headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """A record that can be decoded as one line of JSON; in binary mode the attributes are its headers, and the value is its data."""
    attributes = {name.lower()[3:]: (content or b"").decode() for name, content in headers if name.lower().startswith("ce_")}
    if attributes and not _is_structured(headers):
        event: dict[str, Any] = {**attributes, "data": msgspec.Raw(value)} if value else attributes
        value = msgspec.json.encode(event)
    return value if b"\n" not in value and b"\r" not in value else msgspec.json.encode(msgspec.json.decode(value))


def _is_structured(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    return any(
        name.lower() == "content-type" and (content or b"").lower().startswith(b"application/cloudevents") for name, content in headers
    )
