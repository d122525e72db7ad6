"""What must be true before Faust starts, checked in seconds, each failure one line with its fix.

Without it Faust logs a missing topic ten times a second, for ever, and a wrong partition count ends in an assertion.
"""

import errno
import fcntl
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream_app.errors import BrokerUnavailableError, Failure, RightsError
from stream_app.settings import Settings
from stream_app.worker.cluster import FIX, admin_client
from stream_app.worker.doctor.rights import find_lacking
from stream_app.worker.topics import check_topics

_LOCK_NAME = "worker.lock"
_LOCK_ATTEMPTS = 3
_LOCK_RETRY_S = 0.05
_locks: list[int] = []

FindLacking = Callable[[AIOKafkaAdminClient, Settings], Awaitable[list[str]]]


class Facts(msgspec.Struct, frozen=True):
    """What the preflight has learnt: the inputs' partition count, and which cluster this is."""

    partitions: int
    cluster_id: str


async def preflight(settings: Settings) -> Facts:
    """Check the broker and the topics.

    Raises:
        BrokerUnavailableError: nobody answers, or we are not let in.
        TopicError: a topic is missing or wrongly set up.
    """
    partitions = await check_topics(settings)
    async with admin_client(settings) as admin:
        return Facts(partitions, await cluster_id_of(admin, settings))


async def check_rights(settings: Settings, find: FindLacking = find_lacking) -> None:
    """Check what the broker lets us do, before we do anything: a right that lacks would show in the first unit of work.

    Args:
        settings: who we are.
        find: what lacks; by default of what a worker needs.

    Raises:
        BrokerUnavailableError: nobody answers, or we are not let in.
        RightsError: something is not allowed; the text names the right and the resource.
    """
    try:
        async with admin_client(settings) as admin:
            lacking = await find(admin, settings)
    except (KafkaError, NotImplementedError):  # the broker does not tell; what lacks shows when it is needed
        return
    if lacking:
        more = f" (and {len(lacking) - 1} more, see `stream-app doctor`)" if len(lacking) > 1 else ""
        raise RightsError(f"{lacking[0]}{more}: {FIX}")


async def cluster_id_of(admin: AIOKafkaAdminClient, settings: Settings) -> str:
    """Which cluster answers.

    Raises:
        BrokerUnavailableError: it does not say.
    """
    cluster_id = (await admin.describe_cluster()).get("cluster_id")
    if not cluster_id:
        raise BrokerUnavailableError(f"the broker at {settings.broker} does not name its cluster: use Apache Kafka 3 or newer")
    return str(cluster_id)


def lock_data_dir(path: Path) -> None:
    """Keep `path` for this process until it ends, however it ends.

    Raises:
        Failure: another process has it, or it cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise Failure(_unusable(path, error.strerror or "cannot be written")) from None
    if not _lock(descriptor, fcntl.LOCK_EX):
        os.close(descriptor)
        raise Failure(locked(path))
    _locks.append(descriptor)


def nearest_dir(path: Path) -> Path:
    """`path`, or what is there of it."""
    return next(found for found in (path, *path.parents) if found.exists())


def unusable(path: Path) -> str | None:
    """Why `lock_data_dir` could not write `path`, None when it could; makes nothing."""
    nearest = nearest_dir(path)
    if not nearest.is_dir():
        return _unusable(path, os.strerror(errno.ENOTDIR))
    return None if os.access(nearest, os.W_OK | os.X_OK) else _unusable(path, os.strerror(errno.EACCES))


def is_locked(path: Path) -> bool:
    """Whether another process holds the data directory."""
    try:
        descriptor = os.open(path / _LOCK_NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def locked(path: Path) -> str:
    """The line about a data directory that another process holds."""
    return f"data directory {path} is used by another worker: stop it, or set STREAM_APP_DATA_DIR to another directory"


def _lock(descriptor: int, kind: int) -> bool:
    """Lock a file; somebody who only looks holds it for a moment, and is waited for."""
    for attempts_left in reversed(range(_LOCK_ATTEMPTS)):
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError:
            time.sleep(_LOCK_RETRY_S if attempts_left else 0)
        else:
            return True
    return False


def _unusable(path: Path, why: str) -> str:
    return f"data directory {path}: {why}: set STREAM_APP_DATA_DIR to a directory that can be written"
