"""On the whole product: ten kills, a second worker that comes and goes, and workers that are replaced one by one."""

import asyncio

import pytest

from tests.faults.names import fault
from tests.faults.story import PARTITIONS, Story, owns, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
KILLS = 10


@fault("worker killed ten times")
async def test_ten_kills_lose_and_double_nothing(story: Story) -> None:
    await story.tell(300_000, 10_000)
    done = 0
    for _ in range(KILLS):
        worker = story.start(UNIT_RECORDS_MAX="1000", SESSION_TIMEOUT_MS="10000", TRANSACTION_TIMEOUT_MS="15000")
        # A restarted static member commits again within ten seconds of its start, and is killed only after that.
        done = await story.until_applied(done + 1, worker, limit_s=10.0)
        assert done < story.records, "the history was over before the last kill"
        worker.kill()
        done = await story.applied()
    await story.finish(story.start(UNIT_RECORDS_MAX="4000"), limit_s=180.0)


@fault("second worker comes and goes")
async def test_a_second_worker_comes_and_goes_under_load(story: Story) -> None:
    await story.tell(150_000, 10_000)
    first = story.start("w1", UNIT_RECORDS_MAX="500")
    done = await story.until_applied(1, first, limit_s=30.0)
    second = story.start("w2", UNIT_RECORDS_MAX="500")
    await until(
        lambda: any("ready" in line and "partitions=[" in line and "partitions=[]" not in line for line in second.lines()), "a share"
    )
    done = await story.until_applied(done + 1, first, second, limit_s=30.0)
    assert done < story.records, "the history was over before the second worker had a share"
    assert await asyncio.to_thread(second.stop) == 0
    await story.finish(first, limit_s=180.0)


@fault("workers replaced one by one")
async def test_workers_are_added_and_removed_one_by_one(story: Story) -> None:
    await story.tell(150_000, 10_000)
    slow = {"UNIT_RECORDS_MAX": "200"}
    crew = [story.start("w1", **slow)]
    await until(lambda: owns(crew[0], PARTITIONS), "the first owns everything")
    done = await story.until_applied(1, *crew)
    half = PARTITIONS // 2
    for number in (2, 3, 4):
        crew.append(story.start(f"w{number}", **slow))
        await until(lambda: owns(crew[0], half) and owns(crew[1], half), "both own a half")
        assert done < story.records, "it must strike in the middle of the work"
        leaving = crew.pop(0)
        assert await asyncio.to_thread(leaving.stop) == 0, "a clean stop"
        await until(lambda: owns(crew[0], PARTITIONS), "the one that stays owns everything")
        done = await story.until_applied(await story.applied() + 1, *crew)
        if number < 4:
            assert done < story.records, "it must strike in the middle of the work"
    await story.finish(*crew, limit_s=180.0)
