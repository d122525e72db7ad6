"""`make bench`: the worker through a real Kafka, exactly-once, and the replay from a file, on the full domain.

The worker's rate is read from what it committed: each unit of work writes a marker with its positions into the changelog, and
the rate is the events between the first and the last marker over the time between them. Start-up is in neither rate; all
else is.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.history import write_history
from stream_app.demo.broker import EmbeddedBroker
from stream_app.demo.dataset import events_file
from stream_app.demo.run import POLICY as DEMO_POLICY
from stream_app.settings import child_environment, load_settings

HERE = Path(__file__).parent
PROGRAM = str(Path(sys.executable).parent / "stream-app")
PARTITIONS = 4
TARGETS = {"worker_events_per_s": 20_000, "replay_events_per_s": 50_000}
SYNTHETIC_EVENTS, SYNTHETIC_CUSTOMERS = 400_000, 20_000


class Input(NamedTuple):
    """What is measured on."""

    name: str
    what: str
    history: Path
    policy: Path
    events: int


def main() -> None:
    """Run the benchmarks and print a table, or one JSON line with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=SYNTHETIC_EVENTS, help="events of the synthetic history")
    parser.add_argument("--input", choices=("real", "synthetic"), help="measure on this one only")
    parser.add_argument("--json", action="store_true", help="print one JSON line instead of the table")
    args = parser.parse_args()
    result: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": len(os.sched_getaffinity(0)), "system": platform.platform(), "python": platform.python_version()},
        "versions": {name: version(name) for name in ("faust-streaming", "aiokafka", "msgspec", "rocksdict")},
        "partitions": PARTITIONS,
        "inputs": {},
    }
    with tempfile.TemporaryDirectory(prefix="stream-app-bench-") as folder:
        for source in make_inputs(Path(folder), args.events):
            if args.input not in (None, source.name):
                continue
            say(f"{source.name}: {source.what}")
            place = Path(folder) / source.name
            place.mkdir()
            replay_s = bench_replay(source, place)
            figures = {"what": source.what, "events": source.events, "replay_events_per_s": round(source.events / replay_s)}
            result["inputs"][source.name] = {**figures, **bench_worker(source, place)}
    HERE.joinpath("results").mkdir(exist_ok=True)
    HERE.joinpath("results", "latest.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if args.json:
        print(json.dumps(result))
    else:
        print_table(result)


def make_inputs(folder: Path, events: int) -> list[Input]:
    """The demo's real year of purchases, and a synthetic shop whose customers buy so seldom that nearly every event is a change."""
    real = events_file("completejourney", load_settings().cache_dir, say)
    with real.open("rb") as lines:
        count = sum(1 for _ in lines)
    synthetic = folder / "history.jsonl"
    write_history(synthetic, events, max(1, events * SYNTHETIC_CUSTOMERS // SYNTHETIC_EVENTS))
    return [
        Input("real", "The Complete Journey: baskets of 9 lines, 67 events a customer", real, DEMO_POLICY, count),
        Input(
            "synthetic",
            "orders of 1 to 3 lines, 20 events a customer, about one publication an event",
            synthetic,
            HERE / "policy.yaml",
            events,
        ),
    ]


def say(text: str) -> None:
    """Tell on standard error what is going on."""
    print(text, file=sys.stderr, flush=True)


def bench_replay(source: Input, folder: Path) -> float:
    """Seconds of one `stream-app replay`, all outputs written, less those of one over an empty file: the start-up."""
    say("replay")
    nothing = folder / "nothing.jsonl"
    nothing.touch()
    return _replay_s(source.history, source.policy, folder) - _replay_s(nothing, source.policy, folder)


def _replay_s(history: Path, policy: Path, folder: Path) -> float:
    started = time.perf_counter()
    command = [PROGRAM, "replay", str(history), "--policy", str(policy), "--out", str(folder / "out.jsonl")]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return time.perf_counter() - started


def bench_worker(source: Input, folder: Path) -> dict[str, Any]:
    """Publish everything, then let one worker process it."""
    with EmbeddedBroker(folder / "kafka", load_settings().cache_dir) as broker:
        environment = child_environment(BROKER=broker.address, ID="bench", DATA_DIR=str(folder / "data"))
        for command in (["topics", "create", "--partitions", str(PARTITIONS)], ["policy", "publish", str(source.policy)]):
            subprocess.run([PROGRAM, *command], env=environment, check=True, stdout=sys.stderr)
        say("publishing")
        started = time.perf_counter()
        subprocess.run([PROGRAM, "publish", str(source.history), "--history"], env=environment, check=True, stdout=sys.stderr)
        publish_s = time.perf_counter() - started
        say("worker")
        with subprocess.Popen([PROGRAM, "worker"], env=environment, stdout=sys.stderr) as worker:
            try:
                units = asyncio.run(_follow_markers(broker.address, source.events + PARTITIONS, worker))
                cpu_s, rss_mib = _usage(worker.pid)
            finally:
                worker.terminate()
                worker.wait(timeout=30)
    (first_ms, first_events), (last_ms, last_events) = units[0], units[-1]
    return {
        "worker_events_per_s": round((last_events - first_events) * 1000 / (last_ms - first_ms)),
        "worker_units": len(units),
        "worker_cpu_us_per_event": round(cpu_s * 1e6 / source.events, 1),
        "worker_rss_mib": rss_mib,
        "publish_events_per_s": round(source.events / publish_s),
    }


async def _follow_markers(broker: str, records: int, worker: "subprocess.Popen[bytes]") -> list[tuple[int, int]]:
    """(time in ms, records applied so far) of each committed unit, until `records` are applied."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, isolation_level="read_committed", auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition("bench-status-changelog", p) for p in range(PARTITIONS)])
        applied: dict[int, int] = {}
        units: list[tuple[int, int]] = []
        while sum(applied.values()) < records:
            assert worker.poll() is None, "the worker ended"
            for partition, batch in (await consumer.getmany(timeout_ms=500)).items():
                for record in batch:
                    if record.key == b"!marker":
                        # Inputs hold no transaction markers (a plain producer wrote them), so offsets count records.
                        applied[partition.partition] = sum(json.loads(record.value)["offsets"].values())
                        units.append((record.timestamp, sum(applied.values())))
        return sorted(units)
    finally:
        await consumer.stop()


def _usage(pid: int) -> tuple[float, int]:
    """CPU seconds and resident MiB of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return (int(fields[11]) + int(fields[12])) / ticks, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") >> 20


def print_table(result: dict[str, Any]) -> None:
    """Each figure beside its target."""
    machine = result["machine"]
    print(f"full domain, {result['partitions']} partitions, {machine['cores']} cores, Python {machine['python']}, {result['date']}\n")
    rows = (
        ("worker, exactly-once through Kafka, RocksDB", "worker_events_per_s"),
        ("replay from a file, all outputs written", "replay_events_per_s"),
    )
    for name, figures in result["inputs"].items():
        print(f"{name}: {figures['what']} ({figures['events']:,} events)")
        print(f"  {'what':<46}{'events/s':>10}{'target':>10}{'ratio':>8}")
        for what, field in rows:
            print(f"  {what:<46}{figures[field]:>10,}{TARGETS[field]:>10,}{figures[field] / TARGETS[field]:>8.2f}")
        cpu, rss, units = figures["worker_cpu_us_per_event"], figures["worker_rss_mib"], figures["worker_units"]
        print(f"  worker: {cpu} us CPU an event, start-up included, {rss} MiB, {units} units of work\n")


if __name__ == "__main__":
    main()
