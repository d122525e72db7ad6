"""A worker that sleeps longer than its session and wakes up again writes nothing: its place and its producers are another's."""

import asyncio
import signal
import time
from pathlib import Path

from stream_app.telemetry.endings import Endings
from tests.faults.names import fault
from tests.faults.story import PARTITIONS, Story, ends_of, owns, until
from tests.integration.workers import START_LIMIT_S, Worker, wait_exit


async def sleep_and_wake(story: Story, stage: str) -> None:
    """Stop the first worker at `stage`, let a second one take over and finish the work, then wake the first."""
    await story.tell()
    first = story.start("w1", STRIKE=f"stop:{stage}:10")
    await until(lambda: first.lines()[-1:] == [f"struck {stage}"], "the fault must strike")
    assert await asyncio.to_thread(_is_stopped, first), "the process sleeps"
    assert await story.applied() < story.records, "it must strike in the middle of the work"
    second = story.start("w2")
    await until(lambda: owns(second, PARTITIONS), "the second worker owns everything")
    await story.until_applied(story.records, second)
    await asyncio.sleep(1)  # deadlines of the last watermark
    assert await story.check() == []
    before = await ends_of(story.settings)
    first.process.send_signal(signal.SIGCONT)
    assert await asyncio.to_thread(wait_exit, first, START_LIMIT_S) == 1, "a zombie ends as soon as it knows"
    assert first.lines()[-1].startswith("stream-app: "), "one line says why"
    assert sum(Endings(story.tmp_path / "w1").read().values()) == 1, "and its next life tells it in the metrics"
    assert await ends_of(story.settings) == before, "a zombie writes nothing, not even what would stay invisible"
    await story.finish(second)


def _is_stopped(worker: Worker) -> bool:
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        if Path(f"/proc/{worker.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T":
            return True
    return False


@fault("worker asleep longer than its session: sent")
async def test_a_zombie_with_an_open_transaction_writes_nothing(story: Story) -> None:
    await sleep_and_wake(story, "sent")


@fault("worker asleep longer than its session: folding")
async def test_a_zombie_in_the_middle_of_a_fold_writes_nothing(story: Story) -> None:
    await sleep_and_wake(story, "folding")
