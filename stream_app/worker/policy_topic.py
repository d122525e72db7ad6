"""Policies to and from their topic, for the commands `policy publish`, `show`, `list`, `rollback` and `delete`.

Every version ever published stays in the topic: compaction is told to leave it alone (worker/topics.py). So what is in force
is the latest usable record of a shop, and what was before are the records before it.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from aiokafka.errors import KafkaError
from msgspec import Struct

from stream_app.codec.policy import DEFAULT_KEY, encode_policy_document, policy_key, read_policy, show_policy
from stream_app.codec.times import format_time
from stream_app.errors import Failure, PolicyError, TopicError
from stream_app.settings import Settings
from stream_app.worker.cluster import partitions_of, producer, read_to_end, reader, what_broke

TOPIC = "policies"
DEFAULT_SHOP = DEFAULT_KEY.decode()
NEVER_LIVE = "9999-12-31T00:00:00.000Z"
"""The `live_since` of a version under which history is loaded."""

_HASH_LEAST = 6
"""So few characters of a hash may name it."""

Headers = Sequence[tuple[str, bytes | None]]


class PolicyRef(Struct):
    """Which policy it is: the shop (`*` is the default for every shop without its own), the version, the hash of the document."""

    shop: str
    version: int
    hash: str


class Published(Struct):
    """One record of the topic.

    Attributes:
        shop: its key; `*` is the default policy.
        status: `in_force`; `earlier`; `withdrawal`, which ends what was before; `unusable`, which changes nothing.
        since: when it was published, RFC 3339.
        version: the document's, None for a withdrawal and for what cannot be used.
        hash: likewise.
        document: the value as JSON, None for a withdrawal and for what is no JSON.
        recorded_ms: the time of the record.
        headers: the headers of the record.
    """

    shop: str
    status: Literal["in_force", "earlier", "withdrawal", "unusable"]
    since: str
    version: int | None = None
    hash: str | None = None
    document: Any = None
    recorded_ms: int = 0
    headers: Headers = ()

    def is_passing(self) -> bool:
        """Whether it was only meant to hold while history was loaded (`backfill/clock.py`)."""
        return self.document is not None and self.document.get("live_since") == NEVER_LIVE


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
    return _refer(content, file.name)


async def publish_policy(settings: Settings, file: Path) -> PolicyRef:
    """Check a policy file and publish it; running workers follow.

    Raises:
        PolicyError: it cannot be used.
        Failure: it could not be published.
    """
    ref, value = check_policy(file)
    async with reader(settings) as client:
        await partitions_of(client, settings, TOPIC)
    await _send(settings, ref.shop, value)
    return ref


async def rollback_policy(settings: Settings, shop: str, to: str | None = None) -> tuple[PolicyRef, PolicyRef]:
    """Publish an earlier version's content as a new version; returns the new one, and the one that it repeats.

    Args:
        settings: names the broker.
        shop: whose; `*` for the default policy.
        to: a version number, or the beginning of a hash; without it the one before that in force, or, after a withdrawal, the last.

    Raises:
        Failure: there is no such version, or it could not be published.
        PolicyError: this program cannot use it any more.
    """
    found = _of_shop(await read_versions(settings, shop), shop)
    source = _target(found, shop, to)
    newest = max(one.version for one in found if one.version is not None)
    document = {**source.document, "version": newest + 1}
    ref, value = _refer(msgspec.json.encode(document), f"{shop}, version {source.version}")
    await _send(settings, shop, value)
    assert source.version is not None and source.hash is not None  # noqa: PT018 - `_target` takes usable ones only
    return ref, PolicyRef(shop, source.version, source.hash)


async def delete_policy(settings: Settings, shop: str) -> bool:
    """Withdraw a shop's policy; returns whether a default policy takes its place.

    Raises:
        Failure: none is in force, or it could not be published.
    """
    found = await read_versions(settings)
    if in_force(found, shop) is None:
        raise Failure(_none(shop))
    await _send(settings, shop, None)
    return shop != DEFAULT_SHOP and in_force(found, DEFAULT_SHOP) is not None


async def read_policies(settings: Settings) -> dict[str, Any]:
    """The document in force of each shop, as JSON values; `*` is the default."""
    found = await read_versions(settings)
    return {one.shop: one.document for one in sorted(found, key=lambda one: one.shop) if one.status == "in_force"}


async def read_versions(settings: Settings, shop: str | None = None) -> list[Published]:
    """Everything that was published, or one shop's, in the order of the topic."""
    found: list[Published] = []
    latest: dict[str, Published] = {}
    async for record in read_to_end(settings, TOPIC):
        key = (record.key or b"").decode(errors="replace")
        if shop is not None and key != shop:
            continue
        one = _read(key, record.timestamp, record.value)
        one.recorded_ms, one.headers = record.timestamp, record.headers
        found.append(one)
        before = latest.get(key)
        if one.status == "unusable":
            continue
        if before is not None:
            if before.hash is not None and before.hash == one.hash:
                one.since = before.since  # the same text again changes nothing, not even since when it holds
            if before.status == "in_force":
                before.status = "earlier"
        latest[key] = one
    return found


def in_force(found: Sequence[Published], shop: str) -> Published | None:
    """The version of a shop that holds."""
    return next((one for one in found if one.shop == shop and one.status == "in_force"), None)


def _read(key: str, time_ms: int, value: bytes | None) -> Published:
    since = format_time(time_ms)
    if value is None:
        return Published(key, "withdrawal", since)
    try:
        document, compiled = read_policy(value, key)
    except (PolicyError, RecursionError):
        return Published(key, "unusable", since, document=_as_it_is(value))
    if policy_key(document).decode() != key:
        return Published(key, "unusable", since, document=_as_it_is(value))
    return Published(key, "in_force", since, compiled.version, compiled.hash, show_policy(value, document))


def _as_it_is(value: bytes) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _refer(content: bytes, name: str) -> tuple[PolicyRef, bytes]:
    document, compiled = read_policy(content, name)
    return PolicyRef(policy_key(document).decode(), compiled.version, compiled.hash), encode_policy_document(document)


def _of_shop(found: Sequence[Published], shop: str) -> list[Published]:
    usable = [one for one in found if one.version is not None]
    if not usable:
        raise Failure(_none(shop))
    return usable


def _target(usable: Sequence[Published], shop: str, to: str | None) -> Published:
    """The version to go back to; the later of two with the same number."""
    now = in_force(usable, shop)
    if to is None:
        if now is None:
            return usable[-1]
        for one in reversed(usable):
            if _content(one) != _content(now) and not one.is_passing():
                return one
        raise Failure(f"the policy of {_who(shop)} has no earlier version: publish another with `stream-app policy publish FILE`")
    for one in reversed(usable):
        assert one.hash is not None
        if to == str(one.version) or (len(to) >= _HASH_LEAST and one.hash.startswith(to)):
            return one
    raise Failure(f"the policy of {_who(shop)} has no version {to}: see `stream-app policy list`")


def _content(one: Published) -> dict[str, Any]:
    return {name: value for name, value in one.document.items() if name != "version"}


def _who(shop: str) -> str:
    """A key of the topic in words."""
    return "every shop without its own" if shop == DEFAULT_SHOP else f"shop {shop}"


def _none(shop: str) -> str:
    return f"no policy of {_who(shop)} is published: publish it with `stream-app policy publish FILE`"


async def send_policy(settings: Settings, shop: str, document: dict[str, Any], at_ms: int, headers: Headers) -> None:
    """Publish a document as one that the program has made, at a time of its own, with headers.

    Raises:
        PolicyError: it cannot be used.
        Failure: it could not be published.
    """
    _, value = _refer(msgspec.json.encode(document), f"the policy of {_who(shop)}")
    await _send(settings, shop, value, at_ms, headers)


async def _send(settings: Settings, shop: str, value: bytes | None, at_ms: int | None = None, headers: Headers = ()) -> None:
    recorded_ms = int(time.time() * 1000) if at_ms is None else at_ms
    async with producer(settings) as client:
        try:
            await client.send_and_wait(settings.topic(TOPIC), value, key=shop.encode(), timestamp_ms=recorded_ms, headers=[*headers])
        except (KafkaError, OSError) as error:
            text = f"the policy could not be published ({type(error).__name__}): see that the broker lives, then try again"
            raise what_broke(settings, error, TopicError(text)) from error
