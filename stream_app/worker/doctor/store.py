"""The data directory: ours, free, with room, and with stores that are of this worker on this cluster."""

import shutil
from pathlib import Path

from stream_app.engine.stores.owner import Identity, owner_of
from stream_app.engine.topology import changelog_name
from stream_app.settings import Settings
from stream_app.worker.doctor.findings import Finding, Status
from stream_app.worker.preflight import is_locked, locked, nearest_dir, unusable
from stream_app.worker.topics import TABLE

FAIL_BYTES = 256 << 20
WARN_BYTES = 2 << 30


def check_store(settings: Settings, cluster_id: str | None, members: set[str] | None) -> list[Finding]:
    """Look at the data directory; one that a running worker of ours holds is left alone.

    Args:
        settings: name the directory and the worker.
        cluster_id: the cluster that answers; None when nobody does.
        members: the static names of the group's members; None when they are not known.
    """
    path = settings.data_dir
    if (wrong := unusable(path)) is not None:
        return [Finding("store", "failed", wrong)]
    found = judge_space(path, shutil.disk_usage(nearest_dir(path)).free)
    if not is_locked(path):
        return [*found, *_owners(settings, cluster_id)]
    if members is None:
        return [*found, Finding("store", "ok", f"{path} is in use by a running worker")]
    if settings.instance in members:
        return [*found, Finding("store", "ok", f"{path} is in use by the running worker {settings.instance}")]
    return [*found, Finding("store", "failed", locked(path))]


def judge_space(path: Path, free_bytes: int) -> list[Finding]:
    """What so much free space means; nothing when there is enough."""
    if free_bytes >= WARN_BYTES:
        return []
    status: Status = "failed" if free_bytes < FAIL_BYTES else "warning"
    text = f"data directory {path} has {free_bytes >> 20} MiB of free space: make room, or set STREAM_APP_DATA_DIR to another disk"
    return [Finding("store", status, text)]


def _owners(settings: Settings, cluster_id: str | None) -> list[Finding]:
    """Who owns each partition's store."""
    found = [folder for place in ("store", "process-*/store") for folder in settings.data_dir.glob(f"{place}/[0-9]*")]
    folders = sorted(found, key=lambda folder: (len(folder.parts), folder.name.zfill(9), folder))
    if not folders:
        return [Finding("store", "ok", f"{settings.data_dir} is empty: a worker fills it from the changelog")]
    wrong = [finding for folder in folders if (finding := _owner(folder, settings, cluster_id)) is not None]
    return wrong or [Finding("store", "ok", f"{settings.data_dir} holds {len(folders)} partitions of this worker")]


def _owner(folder: Path, settings: Settings, cluster_id: str | None) -> Finding | None:
    try:
        owner = owner_of(folder)
    except ValueError as error:
        return Finding(
            "store", "warning", f"{folder} cannot be read ({error}): the next worker that owns it builds it anew from the changelog"
        )
    if owner is None or _is_ours(owner, settings, cluster_id):
        return None
    whose = f"{folder} is of another owner (changelog {owner.app_id}, cluster {owner.cluster_id})"
    fix = "set STREAM_APP_DATA_DIR to another directory, or delete this one; a worker would build it anew"
    return Finding("store", "failed", f"{whose}: {fix}")


def _is_ours(owner: Identity, settings: Settings, cluster_id: str | None) -> bool:
    changelog = settings.topic(changelog_name(settings.id, TABLE))
    return owner.app_id == changelog and cluster_id in {None, owner.cluster_id}
