"""`make soak MINUTES=30 [SEED=n]`: a day of four shops in so many minutes, with faults and policy changes, and a verdict on each promise.

Time is compressed like this. The day lies between 24 hours before the run and its begin, and its events are published at the pace of the
run, so that 30 minutes play it 48 times as fast. Shops with `clock: events` live in that day: the deadlines of their whole history fall
in it. Shops with `clock: wall` live now, and get events of yesterday: whoever bought just less than two days before the run loses
patience (two days) while it lasts, at a moment that only the wall clock tells. Everything else is real: Kafka, workers, the insights
beside them, SIGKILL. Progress goes to standard error; the report to results/soak.json and results/soak.html; the exit status is 1 when
a verdict failed.
"""

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import machine, versions
from benchmarks.place import PARTITIONS, say
from benchmarks.run import RESULTS
from benchmarks.soak import compare, judge, truth
from benchmarks.soak.crew import Crew
from benchmarks.soak.picture import draw
from benchmarks.soak.publisher import Publisher
from benchmarks.soak.shops import EVENTS_SHOPS, SHOPS, WALL_SHOPS, write_policy
from benchmarks.soak.strikes import Stage, Strike, plan, strike_all
from benchmarks.soak.traffic import CANARY, DAY_MS, Day
from benchmarks.soak.verdicts import Verdict
from benchmarks.soak.watch import Watch
from stream_app.demo.broker import EmbeddedBroker, free_port
from stream_app.settings import load_settings

_LEAD_S = 10.0
_END_WITHIN_S = 90.0
_TOLD_EVERY_S = 30.0
_AROUND_MS = (-1_000, 4_000, 10_000)
"""The wall clock went on until the worker had stopped: a replay is taken at each of these distances from when it was told to."""


class Run:
    """Everything of one soak."""

    def __init__(self, minutes: float, seed: int, rate: float, folder: Path, broker: EmbeddedBroker, hands: Executor) -> None:
        self.minutes, self.seed, self.folder, self.seconds = minutes, seed, folder, minutes * 60
        self.settings = load_settings(broker=broker.address, id="soak", data_dir=folder / "commands")
        self.crew = Crew(self.settings, folder, PARTITIONS)
        customers = max(1_500, min(20_000, int(700 * minutes)))
        self.begins = time.time() + _LEAD_S + customers / 1_000
        begin_ms = int(self.begins * 1000) - DAY_MS
        self.day = Day(seed, begin_ms=begin_ms, seconds=self.seconds, customers=customers, rate=rate, partitions=PARTITIONS)
        self.publisher = Publisher(self.settings, self.day)
        self.watch = Watch(self.crew, broker, lambda: self.publisher.stored)
        self.strikes: list[Strike] = plan(seed, self.seconds)
        self.stage = Stage(self.crew, self.watch, broker, hands, folder, random.Random(seed))
        self.end_lag: float | None = None
        self.stopped_ms = 0

    async def play(self) -> None:
        """The day itself, until everything of it is applied and the worker has stopped."""
        self.crew.command("topics", "create", "--partitions", str(PARTITIONS))
        for shop in SHOPS:
            self.crew.command("policy", "publish", str(write_policy(self.folder, shop)))
        say(f"the past of {self.day.customers:,} customers")
        await self.publisher.past()
        self.crew.start("w1")
        supervising = asyncio.create_task(self.crew.supervise())
        await asyncio.sleep(max(0.0, self.begins - time.time()))
        say(f"{self.publisher.stored:,} records; the day begins, {self.minutes:g} minutes long, with {len(self.strikes)} strikes")
        self.watch.began = time.monotonic()
        self.watch.begin()
        telling = asyncio.create_task(self._tell())
        striking = asyncio.create_task(strike_all(self.stage, self.strikes))
        try:
            playing = asyncio.create_task(self.publisher.play(self.watch.began))
            await asyncio.gather(playing, striking)
            await self._end()
        finally:
            for task in (supervising, telling, striking):
                task.cancel()
            self.watch.end()
            self.crew.close()

    async def _end(self) -> None:
        """Wait for the rest, and stop."""
        ends, quiet = time.monotonic() + _END_WITHIN_S, 0
        while time.monotonic() < ends and quiet < 4:
            await asyncio.sleep(1)
            row = self.watch.samples[-1]
            quiet = quiet + 1 if row["lag"] == 0 and row["insights lag"] == 0 else 0
        row = self.watch.samples[-1]
        self.end_lag = None if None in (row["lag"], row["insights lag"]) else row["lag"] + row["insights lag"]
        self.stopped_ms = int(time.time() * 1000)
        status = await self.crew.stop("w1")
        say(f"the worker stopped with {status}; lag {self.end_lag}")

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_TOLD_EVERY_S)
            row = self.watch.samples[-1]
            used = row.get("w1", {})
            memory = f"{used.get('rss_mib', 0):.0f} MiB, {used.get('descriptors', 0)} descriptors, {used.get('threads', 0)} threads"
            behind = f", {self.publisher.late_s:.0f} s behind" if self.publisher.late_s > 1 else ""
            say(f"  {self.watch.now():5.0f} s  {self.publisher.stored:,} published{behind}, lag {row['lag']}, {memory}")

    async def judge(self) -> tuple[list[Verdict], dict[str, Any]]:
        """All verdicts, and what else the report says."""
        say("reading what was published and what was committed")
        published = await truth.read_input(self.settings, self.folder, self.day.garbage, CANARY.encode())
        worker = await truth.read_committed(self.settings)
        away, _ = compare.refused(worker, published, self.day.garbage)
        booth = published.files["booth"]
        booth.write_bytes(b"".join(line for line in booth.read_bytes().splitlines(keepends=True) if line.rstrip(b"\n") not in away))
        say("replaying it")
        moments = {shop: [self.day.begin_ms + DAY_MS] for shop in EVENTS_SHOPS}
        moments |= {shop: [self.stopped_ms + around for around in _AROUND_MS] for shop in WALL_SHOPS}
        replays = {}
        for shop in SHOPS:
            policy = write_policy(self.folder, shop, self.stage.versions.get(shop, 1))
            replays[shop] = [truth.replay(self.crew, published.files[shop], policy, moment) for moment in moments[shop]]
        verdicts = [
            *judge.of_flatness(self.watch, self.seconds),
            *judge.of_strikes(self.strikes, self.crew, self.watch, self.end_lag),
            *judge.of_content(self.day, published, self.publisher.stored, worker, replays),
            *judge.of_withdrawals(self.strikes, away),
            *judge.of_canaries(self.folder, self.watch, published),
        ]
        told = {
            "events": published.records,
            "changes": sum(map(len, worker.said.values())),
            "customers": len(worker.final),
            "dead_letters": worker.letters.total(),
            "sent_again": self.publisher.again,
            "kinds": dict(sorted(self.day.counts.items())),
        }
        return verdicts, told


def soak(minutes: float, seed: int, rate: float, kept: Path | None = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run, and judge; returns the report and the samples. In `kept`, an empty folder, everything is left that was written."""
    with (
        ThreadPoolExecutor(1) as hands,
        nullcontext(kept) if kept else TemporaryDirectory(prefix="stream-app-soak-") as name,
        EmbeddedBroker(Path(name) / "kafka", load_settings().cache_dir, free_port(), tell=say) as broker,
    ):
        run = Run(minutes, seed, rate, Path(name), broker, hands)
        asyncio.run(run.play())
        verdicts, told = asyncio.run(run.judge())
        result = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "minutes": minutes,
            "seed": seed,
            "rate": rate,
            "shops": len(SHOPS),
            **told,
            "how": " ".join((__doc__ or "").split("\n\n")[1].split()),
            "machine": machine(),
            "versions": versions(),
            "strikes": [strike.told() for strike in run.strikes],
            "verdicts": [verdict._asdict() for verdict in verdicts],
        }
        return result, run.watch.samples


def main() -> int:
    """Run, write the report, and print the verdicts; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long the day lasts")
    parser.add_argument("--seed", type=int, default=1, help="what happens, and what strikes when")
    parser.add_argument("--rate", type=float, default=150.0, help="events a second on average")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the folder of the report")
    parser.add_argument("--keep", type=Path, help="a folder that is left with all logs and what was compared")
    args = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # of a broker that is away it would speak a thousand times
    result, samples = soak(args.minutes, args.seed, args.rate, args.keep)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "soak.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (args.out / "soak.html").write_text(draw(result, samples), encoding="utf-8")
    for verdict in result["verdicts"]:
        word = "held  " if verdict["is_held"] else "FAILED"
        print(f"{word}  {verdict['what']}: {verdict['figure']} (at most {verdict['limit']}) {verdict['detail']}")
    return 0 if all(verdict["is_held"] for verdict in result["verdicts"]) else 1


if __name__ == "__main__":
    sys.exit(main())
