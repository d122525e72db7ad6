"""kill -9 of a worker at every stage of the unit of work: nothing is lost, nothing is doubled."""

import asyncio
import signal

from tests.faults.names import fault
from tests.faults.story import Story
from tests.faults.struck import STAGES
from tests.integration.workers import START_LIMIT_S, wait_exit

ORDER = ("fetched", "folding", "offsets", "outputs", "sent", "committed", "stored", "firing", "restoring")


@fault(*(f"worker killed: {stage}" for stage in ORDER))
async def test_killed_at_every_stage_it_loses_and_doubles_nothing(story: Story) -> None:
    assert set(ORDER) == set(STAGES)
    await story.tell()
    before = 0
    for stage in ORDER:
        # The changelog is read from its start, so that there is something to restore.
        extra = {"STORE": "memory"} if stage == "restoring" else {}
        worker = story.start(STRIKE=f"kill:{stage}:{1 if stage == 'restoring' else 5}", **extra)
        assert await asyncio.to_thread(wait_exit, worker, START_LIMIT_S) == -signal.SIGKILL
        assert worker.lines()[-1] == f"struck {stage}", "the fault must strike"
        now = await story.applied()
        assert before <= now < story.records, "it must strike in the middle of the work"
        before = now
    assert before > 0
    await story.finish(story.start())
