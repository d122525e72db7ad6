"""The topics: what each must be, creating them, and checking them before a worker starts (contract.md, Topics)."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from stream_app.domain.calendar import DAY_MS
from stream_app.engine.topology import changelog_name
from stream_app.errors import TopicError
from stream_app.settings import Settings
from stream_app.worker.cluster import admin_client

DEFAULT_PARTITIONS = 4
INPUTS = ("orders", "contacts", "customer-events-rekeyed")
"""What a worker's status fold reads, in the order in which ties are broken."""

TABLE = "status"
INSIGHTS_TABLE = "insights"
_LONG_MAX = str(2**63 - 1)
_LARGEST = "max.message.bytes"
_KNOWN_POLLS = 200
_KNOWN_POLL_S = 0.05
_MIB = 1 << 20
_COMPACTED_SEGMENT_BYTES = 64 * _MIB
_DYNAMIC_TOPIC_CONFIG = 1
_SUMS_DAYS = 7  # they are read at once, by whoever has sent them

Configs = dict[str, str]


@dataclass(frozen=True)
class Topic:
    """One topic: `configs` must hold, `initial` is only given at creation.

    `together` topics have the same number of partitions; `fixed` is a count that is not asked for. `nameless`: nobody's id is in it.
    `aside`: a command keeps it, and no worker touches it.
    """

    name: str
    configs: Configs
    initial: Configs
    together: bool = False
    fixed: int | None = None
    nameless: bool = False
    aside: bool = False


def topics_of(settings: Settings) -> list[Topic]:
    """Every topic of the contract, names without prefix, with the configuration it must have."""
    # Event times jump, and Kafka would roll a segment at every jump.
    everywhere = {"message.timestamp.type": "CreateTime", "segment.ms": _LONG_MAX}
    # Kafka deletes by record timestamp: with any retention, history would vanish seconds after it is published.
    retention = -1 if settings.retention_days is None else settings.retention_days * DAY_MS
    inputs = {
        **everywhere,
        "cleanup.policy": "delete",
        "retention.ms": str(retention),
        "message.timestamp.after.max.ms": _LONG_MAX,
    }
    compacted = {**everywhere, "cleanup.policy": "compact"}
    # Earlier versions stay: customers may still stand under them, and a shop may want to go back.
    policies = {**compacted, "min.compaction.lag.ms": _LONG_MAX}
    outputs = {**everywhere, "cleanup.policy": "delete"}
    # A value of 1 MiB and its key, but never more than a dead letter can hold.
    room = {_LARGEST: str(_MIB + _MIB // 16)}
    # Only what is not in the newest segment is compacted.
    small = {"segment.bytes": str(_COMPACTED_SEGMENT_BYTES)}
    return [
        Topic("orders", inputs, room, together=True),
        Topic("contacts", inputs, room, together=True),
        Topic("policies", policies, small, fixed=1),
        Topic("customer-events-rekeyed", inputs, {_LARGEST: str(2 * _MIB)}, together=True),
        Topic(changelog_name(settings.id, TABLE), compacted, small, together=True),
        Topic(changelog_name(settings.id, INSIGHTS_TABLE), compacted, small, together=True),
        Topic(sums_name(settings), {**outputs, "retention.ms": str(_SUMS_DAYS * DAY_MS)}, small, together=True, nameless=True),
        Topic("status-changes", outputs, {}, together=True),
        Topic("win-back", outputs, {}),
        Topic("service-level", outputs, {}),
        Topic("contact-advice", outputs, {}),
        Topic("customer-profiles", compacted, small),
        Topic("insights", compacted, small),
        Topic("dead-letters", {**outputs, _LARGEST: str(2 * _MIB)}, {}),
        Topic(webhook_retries_name(settings), compacted, {**small, **room}, fixed=1, aside=True),
        Topic(replayed_name(settings), compacted, small, fixed=1, nameless=True, aside=True),
    ]


def insights_group(settings: Settings) -> str:
    """The consumer group of the insights fold, and the prefix of its transactional ids."""
    return f"{settings.id}-insights"


def sums_name(settings: Settings) -> str:
    """The topic, without prefix, in which sums of a shop's insights travel between partitions."""
    return f"{insights_group(settings)}-sums"


def replayed_name(settings: Settings) -> str:
    """The topic, without prefix, that says which dead letters were sent again."""
    return f"{settings.id}-dead-letters-replayed"


def webhook_retries_name(settings: Settings) -> str:
    """The topic, without prefix, of the events that wait for another attempt to deliver them to a webhook's endpoint."""
    return f"{settings.id}-webhook-retries"


async def create_topics(settings: Settings, partitions: int | None = None, replication: int = 1) -> dict[str, str]:
    """Create what is missing, set what differs, and verify the rest.

    Args:
        settings: names the broker, the prefix, the application and the retention.
        partitions: of every topic that is created; None means as many as the input topics have, or 4.
        replication: copies of every partition that is created.

    Returns:
        What was done: topic (with prefix) -> `created`, `changed` or `ok`.

    Raises:
        TopicError: a topic cannot be made what it must be; one line with the fix.
        BrokerUnavailableError: nobody answers.
    """
    wanted = topics_of(settings)
    async with admin_client(settings) as admin:
        counts = await _partition_counts(admin, settings, wanted)
        _refuse_other_counts(counts, settings, wanted, partitions)
        width = partitions or next(
            (counts[settings.topic(t.name)] for t in wanted if t.together and settings.topic(t.name) in counts), None
        )
        missing = [topic for topic in wanted if settings.topic(topic.name) not in counts]
        done = await _create(admin, settings, missing, width or DEFAULT_PARTITIONS, replication)
        for wire, differing in (await _differences(admin, settings, [t for t in wanted if settings.topic(t.name) in counts])).items():
            done[wire] = "changed" if differing else "ok"
            if differing:
                await _alter(admin, wire, differing)
        await _until_known(admin, settings, wanted)
    return {settings.topic(topic.name): done[settings.topic(topic.name)] for topic in wanted}


async def check_topics(settings: Settings) -> int:
    """Check before a worker starts that every topic is what it must be; returns the number of partitions of the inputs.

    Raises:
        TopicError: the first that is not; one line with the fix.
        BrokerUnavailableError: nobody answers.
    """
    async with admin_client(settings) as admin:
        partitions, faults = await topic_faults(admin, settings)
    if faults:
        raise TopicError(faults[0])
    return partitions


async def retentions(settings: Settings) -> dict[str, int | None]:
    """The append-only topics with customers in them, by their names on the broker, and how long each keeps a record, in ms.

    None is for ever.
    """
    wanted = [topic for topic in topics_of(settings) if topic.configs["cleanup.policy"] == "delete" and not topic.nameless]
    wires = [settings.topic(topic.name) for topic in wanted]
    async with admin_client(settings) as admin:
        existing = set(await admin.list_topics())  # what is missing is the preflight's to tell
        found = await _describe(admin, [wire for wire in wires if wire in existing])
    keep_ms = {wire: int(configs["retention.ms"]) for wire, configs in found.items()}
    return {wire: None if keep_ms[wire] < 0 else keep_ms[wire] for wire in wires if wire in keep_ms}


async def topic_faults(admin: AIOKafkaAdminClient, settings: Settings) -> tuple[int, list[str]]:
    """The number of partitions of the inputs (0 when there are none), and everything that is wrong with the topics, a line each.

    Raises:
        TopicError: a configuration cannot be read.
    """
    wanted = topics_of(settings)
    counts = await _partition_counts(admin, settings, wanted)
    faults = []
    missing = [settings.topic(topic.name) for topic in wanted if settings.topic(topic.name) not in counts]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        faults.append(f"topic {missing[0]} does not exist{more}: create it with `stream-app topics create`")
    faults += _other_counts(counts, settings, wanted, None)
    there = [topic for topic in wanted if settings.topic(topic.name) in counts]
    for wire, differing in (await _differences(admin, settings, there)).items():
        for name, (value, actual) in sorted(differing.items()):
            faults.append(f"topic {wire} has {name}={actual} and needs {value}: set it with `stream-app topics create`")
    return counts.get(settings.topic(wanted[0].name), 0), faults


async def _partition_counts(admin: AIOKafkaAdminClient, settings: Settings, wanted: Iterable[Topic]) -> dict[str, int]:
    """The partitions of those that exist. Asked for one by one in a list of all: asking for a missing name might create it."""
    existing = set(await admin.list_topics())
    names = [wire for topic in wanted if (wire := settings.topic(topic.name)) in existing]
    described = await admin.describe_topics(names) if names else []
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


def _refuse_other_counts(counts: Mapping[str, int], settings: Settings, wanted: Iterable[Topic], partitions: int | None) -> None:
    for fault in _other_counts(counts, settings, wanted, partitions):
        raise TopicError(fault)


def _other_counts(counts: Mapping[str, int], settings: Settings, wanted: Iterable[Topic], partitions: int | None) -> Iterator[str]:
    """Topics that belong together and have another number of partitions than the first of them."""
    expected, because = partitions, "--partitions asks for"
    for topic in wanted:
        wire = settings.topic(topic.name)
        count = counts.get(wire)
        if count is None or not topic.together:
            continue
        if expected is None:
            expected, because = count, f"topic {wire} has"
        elif count != expected:
            fix = "delete the wrong topic and create it again, or ask for the other number"
            yield f"topic {wire} has {count} partitions, but {because} {expected}: {fix}"


async def _create(
    admin: AIOKafkaAdminClient, settings: Settings, missing: Iterable[Topic], partitions: int, replication: int
) -> dict[str, str]:
    new = [NewTopic(settings.topic(t.name), t.fixed or partitions, replication, topic_configs={**t.initial, **t.configs}) for t in missing]
    if not new:
        return {}
    done = {}
    answer = await admin.create_topics(new, timeout_ms=10_000)
    for name, code, *message in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:  # somebody else creates them, too
            raise TopicError(
                f"topic {name} could not be created ({_words(error, message)}): check --partitions, --replication and the rights"
            )
        done[name] = "ok" if code else "created"
    return done


async def _until_known(admin: AIOKafkaAdminClient, settings: Settings, wanted: list[Topic]) -> None:
    """Wait until the broker knows what the controller has decided: a worker may start right after us."""
    for _ in range(_KNOWN_POLLS):
        counts = await _partition_counts(admin, settings, wanted)
        if len(counts) == len(wanted) and not any((await _differences(admin, settings, wanted)).values()):
            return
        await asyncio.sleep(_KNOWN_POLL_S)
    raise TopicError("the topics are created, but the broker does not show them yet: run `stream-app topics create` again")


async def _differences(admin: AIOKafkaAdminClient, settings: Settings, topics: Iterable[Topic]) -> dict[str, dict[str, tuple[str, str]]]:
    """Per topic the configurations that differ: name -> (wanted, actual)."""
    by_wire = {settings.topic(topic.name): topic for topic in topics}
    if not by_wire:
        return {}
    actual = await _describe(admin, list(by_wire))
    return {
        wire: {name: (value, actual[wire].get(name, "")) for name, value in topic.configs.items() if _differs(name, value, actual[wire])}
        for wire, topic in by_wire.items()
    }


def _differs(name: str, value: str, actual: Configs) -> bool:
    if name == _LARGEST:
        return int(actual[name]) < int(value)
    return actual.get(name) != value


async def _describe(admin: AIOKafkaAdminClient, wires: list[str], *, set_here: bool = False) -> dict[str, Configs]:
    """The configuration of each topic; `set_here`: only what is set on the topic itself."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, wire) for wire in wires]
    found: dict[str, Configs] = {}
    for response in await admin.describe_configs(resources):
        for code, message, _, wire, entries in response.resources:
            if code:
                raise TopicError(
                    f"the configuration of topic {wire} cannot be read ({_words(for_code(code), [message])}): check the rights"
                )
            found[wire] = {name: value for name, value, _, source, *_ in entries if not set_here or source == _DYNAMIC_TOPIC_CONFIG}
    return found


async def _alter(admin: AIOKafkaAdminClient, wire: str, differing: Mapping[str, tuple[str, str]]) -> None:
    """Set what differs; the request replaces all that is set on a topic, so the rest is sent with it."""
    configs = (await _describe(admin, [wire], set_here=True))[wire]
    configs |= {name: value for name, (value, _) in differing.items()}
    for response in await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, wire, configs)]):
        for code, message, *_ in response.resources:
            if code:
                raise TopicError(f"topic {wire} could not be changed ({_words(for_code(code), [message])}): check the rights")


def _words(error: type[KafkaError], message: list[Any]) -> str:
    text = next((str(part) for part in message if part), "")
    return (text.splitlines() or [error.__name__])[0][:200]
