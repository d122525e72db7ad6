"""The workers of this application: who runs, and how much waits for them."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream_app.engine.takeover import outside
from stream_app.errors import Failure
from stream_app.settings import Settings
from stream_app.worker.cluster import partitions_of, reader
from stream_app.worker.doctor.findings import Finding
from stream_app.worker.doctor.wire import GroupRequest, ask, coordinator
from stream_app.worker.topics import INPUTS

_UUID_CHARS = 37  # what the broker adds to a static member's name: a dash and a UUID


async def members_of(admin: AIOKafkaAdminClient, settings: Settings) -> set[str] | None:
    """The static names of the group's members; None when the broker does not tell them."""
    try:
        node = await coordinator(admin, settings.id)
        group = (await ask(admin, GroupRequest(settings.id), node)).groups[0]
    except (KafkaError, NotImplementedError):
        return None
    return {member[0][:-_UUID_CHARS] for member in group[5]}


async def check_group(admin: AIOKafkaAdminClient, settings: Settings, members: set[str] | None) -> list[Finding]:
    """Members and lag, by the group's offsets, which are written in the same transactions as the markers."""
    try:
        committed = await admin.list_consumer_group_offsets(settings.id, await coordinator(admin, settings.id))
        async with reader(settings) as client:
            found = await partitions_of(client, settings, *INPUTS)
            begins, ends = await _bounds(client, found)
    except Failure as error:
        return [Finding("group", "skipped", str(error))]
    except KafkaError as error:
        return [Finding("group", "skipped", f"the group's offsets cannot be read ({type(error).__name__})")]
    wrong, lag = [], 0
    for tp in found:
        position = committed[tp].offset if tp in committed else -1
        if position >= 0 and not begins[tp] <= position <= ends[tp]:
            wrong.append(Finding("group", "failed", outside(tp, position, begins[tp], ends[tp])))
        lag += max(0, ends[tp] - max(position, begins[tp]))
    return [*wrong, _summary(settings, members, lag)]


async def _bounds(client: AIOKafkaConsumer, found: list[TopicPartition]) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    client.assign(found)  # so that the client knows their leaders
    client.pause(*found)
    return await client.beginning_offsets(found), await client.end_offsets(found)


def _summary(settings: Settings, members: set[str] | None, lag: int) -> Finding:
    waits = f"{lag} records wait" if lag else "nothing waits"
    if members:
        return Finding("group", "ok", f"{len(members)} workers of {settings.id} run ({', '.join(sorted(members))}), and {waits}")
    if not lag:
        return Finding("group", "ok", f"no worker of {settings.id} runs, and {waits}")
    return Finding("group", "warning", f"no worker of {settings.id} runs, and {waits}: start one with `stream-app worker`")
