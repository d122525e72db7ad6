"""All checks in their order; none of them changes anything, and all of them may run beside workers."""

import time
from collections.abc import Callable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream_app.errors import BrokerUnavailableError, TopicError
from stream_app.settings import Settings
from stream_app.worker.cluster import admin_client
from stream_app.worker.doctor.clock import check_clock
from stream_app.worker.doctor.erasure import check_erasure
from stream_app.worker.doctor.findings import Finding
from stream_app.worker.doctor.group import check_group, members_of
from stream_app.worker.doctor.policies import check_policies
from stream_app.worker.doctor.rights import check_rights
from stream_app.worker.doctor.store import check_store
from stream_app.worker.preflight import cluster_id_of
from stream_app.worker.topics import topic_faults

_NEEDS_BROKER = ("topics", "acls", "clock", "policies", "group")


async def examine(settings: Settings, clock: Callable[[], float] = time.time) -> list[Finding]:
    """Look at everything; `clock` is ours, in seconds since the epoch."""
    try:
        async with admin_client(settings) as admin:
            return await _with_broker(admin, settings, clock)
    except (BrokerUnavailableError, KafkaError) as error:
        lost = f"the connection to {settings.broker} was lost ({type(error).__name__}): see that the broker lives, then ask again"
        text = str(error) if isinstance(error, BrokerUnavailableError) else lost
        skipped = [Finding(check, "skipped", "this needs a broker") for check in _NEEDS_BROKER]
        return [Finding("broker", "failed", text), *skipped, *check_store(settings, None, None), check_erasure(settings)]


async def _with_broker(admin: AIOKafkaAdminClient, settings: Settings, clock: Callable[[], float]) -> list[Finding]:
    cluster_id = await cluster_id_of(admin, settings)
    members = await members_of(admin, settings)
    return [
        Finding("broker", "ok", f"{settings.broker} answers, cluster {cluster_id}"),
        *await _topics(admin, settings),
        *await check_rights(admin, settings),
        await check_clock(admin, settings, clock),
        *check_store(settings, cluster_id, members),
        check_erasure(settings),
        *await check_policies(settings),
        *await check_group(admin, settings, members),
    ]


async def _topics(admin: AIOKafkaAdminClient, settings: Settings) -> list[Finding]:
    try:
        partitions, faults = await topic_faults(admin, settings)
    except TopicError as error:
        return [Finding("topics", "failed", str(error))]
    if faults:
        return [Finding("topics", "failed", fault) for fault in faults]
    return [Finding("topics", "ok", f"all are there and set up as they must be, inputs with {partitions} partitions")]
