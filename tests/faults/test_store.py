"""The local store is lost, spoilt, or too old: it is thrown away and rebuilt from the changelog, and nobody has to help."""

import asyncio
import random
import shutil
from pathlib import Path

from tests.faults.names import fault
from tests.faults.story import PARTITIONS, Story
from tests.integration.workers import Worker

HOURS_21 = str(-21 * 3_600)


async def half_done(story: Story, **extra: str) -> Path:
    """Let a worker do a part of the work and stop it, so that its store is on disk; returns where."""
    await story.tell()
    worker = story.start(STRIKE="kill:stored:30", **extra)
    await asyncio.to_thread(worker.process.wait, 60)
    assert worker.lines()[-1] == "struck stored"
    again = story.start(UNIT_RECORDS_MAX="20", STRIKE="term:stored:5", **extra)
    assert await asyncio.to_thread(again.process.wait, 60) == 0
    assert any("struck stored" in line for line in again.lines())
    assert await story.applied() < story.records
    return story.tmp_path / "w1" / "store"


def flip(path: Path, *, count: int = 64, within: tuple[float, float] = (0, 1)) -> None:
    """Spoil `count` bytes of a file, all over it or in a part of it."""
    content = bytearray(path.read_bytes())
    assert content, path
    chance = random.Random(count)
    for _ in range(count):
        content[chance.randrange(int(within[0] * len(content)), int(within[1] * len(content)))] ^= 0xFF
    path.write_bytes(content)


def wiped(worker: Worker, reason: str) -> int:
    """How many partitions the worker says it has thrown away for `reason`."""
    return sum("store wiped" in line and reason in line for line in worker.lines())


@fault("store deleted")
async def test_a_deleted_store_is_rebuilt(story: Story) -> None:
    store = await half_done(story)
    shutil.rmtree(store)
    worker = story.start()
    await story.finish(worker)
    assert any("restored" in line and "offsets=0" not in line for line in worker.lines()[-20:]), "the changelog was read"


@fault("store corrupted: MANIFEST")
async def test_a_store_with_a_spoilt_manifest_is_rebuilt(story: Story) -> None:
    store = await half_done(story)
    spoilt = list(store.glob("*/MANIFEST-*"))
    assert len(spoilt) == PARTITIONS
    for path in spoilt:
        flip(path)
    worker = story.start()
    await story.finish(worker)
    assert wiped(worker, "unreadable") == PARTITIONS


@fault("store corrupted: log")
async def test_a_store_with_a_spoilt_log_is_used_or_rebuilt(story: Story) -> None:
    store = await half_done(story)
    for folder in store.iterdir():
        for path in folder.glob("*.log"):
            path.write_bytes(random.Random(1).randbytes(4_096))  # the engine writes no log; one that is there is not its own
    assert list(store.glob("*/*.log"))
    await story.finish(story.start())


@fault("store corrupted: .sst")
async def test_a_store_with_spoilt_tables_is_rebuilt(story: Story) -> None:
    store = await half_done(story)
    spoilt = list(store.glob("*/*.sst"))
    assert len(spoilt) >= PARTITIONS
    for path in spoilt:
        flip(path)
    worker, lines = await story.supervise(story.start())
    await story.finish(worker)
    assert wiped(worker, "unreadable") == PARTITIONS, lines


@fault("store corrupted: a state")
async def test_a_store_with_a_spoilt_state_is_rebuilt(story: Story) -> None:
    """The store opens, and the flaw shows only when that state is needed."""
    store = await half_done(story)
    for path in store.glob("*/*.sst"):
        flip(path, count=8, within=(0.4, 0.6))
    worker, lines = await story.supervise(story.start())
    await story.finish(worker)
    assert lines, "the fault must strike while the worker works"
    assert wiped(worker, "unreadable") > 0


@fault("store corrupted: cut off")
async def test_a_store_whose_tables_are_cut_off_is_rebuilt(story: Story) -> None:
    store = await half_done(story)
    for path in store.glob("*/*.sst"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    worker, _ = await story.supervise(story.start())
    await story.finish(worker)
    assert wiped(worker, "unreadable") == PARTITIONS


@fault("store older than tombstones are kept")
async def test_a_store_older_than_tombstones_are_kept_is_rebuilt(story: Story) -> None:
    store = await half_done(story, CLOCK=HOURS_21)
    old = story.tmp_path / "old"
    shutil.copytree(store, old)
    assert await story.applied() < story.records, "the old store must lack something"
    worker = story.start()
    await story.until_applied(story.records, worker)
    worker.kill()
    assert wiped(worker, "tombstones") == 0, "an old store that lacks nothing is good"
    shutil.rmtree(store)
    shutil.move(old, store)
    again = story.start()
    await story.finish(again)
    assert wiped(again, "older than the changelog keeps tombstones") == PARTITIONS


@fault("store of another worker's partitions")
async def test_a_store_of_another_partition_is_rebuilt(story: Story) -> None:
    store = await half_done(story)
    (store / "0").rename(store / "x")
    (store / "1").rename(store / "0")
    (store / "x").rename(store / "1")
    worker = story.start()
    await story.finish(worker)
    assert wiped(worker, "of another owner") == 2


@fault("store ahead of its changelog")
async def test_a_store_ahead_of_its_changelog_is_rebuilt(story: Story) -> None:
    """The changelog's topic was made anew together with everything else, and the store is the one thing that is left."""
    store = await half_done(story)
    kept = story.tmp_path / "kept"
    shutil.copytree(store, kept)
    await story.start_over()
    shutil.rmtree(store)
    shutil.move(kept, store)
    worker = story.start()
    await story.finish(worker)
    assert wiped(worker, "ahead of the changelog") + wiped(worker, "of another owner") == PARTITIONS
