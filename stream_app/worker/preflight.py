"""What must be true before Faust starts, checked in seconds, each failure one line with its fix.

Without it Faust logs a missing topic ten times a second, for ever, and a wrong partition count ends in an assertion.
"""

import fcntl
import os
from pathlib import Path

import msgspec

from stream_app.errors import BrokerUnavailableError, Failure
from stream_app.settings import Settings
from stream_app.worker.cluster import admin_client
from stream_app.worker.topics import check_topics

_LOCK_NAME = "worker.lock"
_locks: list[int] = []


class Facts(msgspec.Struct, frozen=True):
    """What the preflight has learnt: the inputs' partition count, and which cluster this is."""

    partitions: int
    cluster_id: str


async def preflight(settings: Settings) -> Facts:
    """Check the broker and the topics.

    Raises:
        BrokerUnavailableError: nobody answers.
        TopicError: a topic is missing or wrongly set up.
    """
    partitions = await check_topics(settings)
    async with admin_client(settings) as admin:
        description = await admin.describe_cluster()
    cluster_id = description.get("cluster_id")
    if not cluster_id:
        raise BrokerUnavailableError(f"the broker at {settings.broker} does not name its cluster: use Apache Kafka 3 or newer")
    return Facts(partitions, str(cluster_id))


def lock_data_dir(path: Path) -> None:
    """Keep `path` for this process until it ends, however it ends.

    Raises:
        Failure: another process has it, or it cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise Failure(f"data directory {path}: {error.strerror}: set STREAM_APP_DATA_DIR to a directory that can be written") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Failure(
            f"data directory {path} is used by another worker: stop it, or set STREAM_APP_DATA_DIR to another directory"
        ) from None
    _locks.append(descriptor)
