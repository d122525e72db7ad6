"""Policies to and from their topic, for the commands `policy publish` and `policy show`."""

import time
from pathlib import Path
from typing import Any

import msgspec
from aiokafka.errors import KafkaError
from msgspec import Struct

from stream_app.codec.policy import encode_policy_document, policy_key, read_policy
from stream_app.errors import Failure, TopicError
from stream_app.settings import Settings
from stream_app.worker.cluster import partitions_of, producer, read_to_end, reader

TOPIC = "policies"


class PolicyRef(Struct):
    """Which policy it is: the shop (`*` is the default for every shop without its own), the version, the hash of the document."""

    shop: str
    version: int
    hash: str


def check_policy(file: Path) -> tuple[PolicyRef, bytes]:
    """Read and check a policy file; returns which it is, and the record value.

    Raises:
        Failure: it cannot be read.
        PolicyError: it cannot be used; one line for each thing that is wrong.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Failure(f"{file}: {error.strerror or 'cannot be read'}; name a policy file") from None
    document, compiled = read_policy(content, file.name)
    return PolicyRef(policy_key(document).decode(), compiled.version, compiled.hash), encode_policy_document(document)


async def publish_policy(settings: Settings, file: Path) -> PolicyRef:
    """Check a policy file and publish it; running workers follow.

    Raises:
        PolicyError: it cannot be used.
        Failure: it could not be published.
    """
    ref, value = check_policy(file)
    async with reader(settings) as client:
        await partitions_of(client, settings, TOPIC)
    async with producer(settings) as client:
        try:
            await client.send_and_wait(settings.topic(TOPIC), value, key=ref.shop.encode(), timestamp_ms=int(time.time() * 1000))
        except (KafkaError, OSError) as error:
            raise TopicError(
                f"the policy could not be published ({type(error).__name__}): see that the broker lives, then try again"
            ) from error
    return ref


async def read_policies(settings: Settings) -> dict[str, Any]:
    """The latest published document of each shop, as JSON values; `*` is the default."""
    found: dict[str, Any] = {}
    async for record in read_to_end(settings, TOPIC):
        if record.key is None:
            continue
        shop = record.key.decode(errors="replace")
        if record.value is None:
            found.pop(shop, None)
            continue
        try:
            found[shop] = msgspec.json.decode(record.value)
        except msgspec.DecodeError:
            found[shop] = None  # somebody else wrote it; workers refuse it too
    return dict(sorted(found.items()))
