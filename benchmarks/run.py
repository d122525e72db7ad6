"""`make bench`: the worker through a real Kafka, exactly-once, and the replay from a file, on the full domain.

The worker's rate is read from what it committed: each unit of work writes a marker with its positions into the changelog, and
the rate is the events between the first and the last marker over the time between them. Start-up is not in it; all else is.
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
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.history import write_history
from stream_app.demo.broker import EmbeddedBroker
from stream_app.settings import child_environment, load_settings

HERE = Path(__file__).parent
POLICY = HERE / "policy.yaml"
PROGRAM = str(Path(sys.executable).parent / "stream-app")
PARTITIONS = 4
TARGETS = {"worker_events_per_s": 20_000, "replay_events_per_s": 50_000}


def main() -> None:
    """Run the benchmarks and print a table, or one JSON line with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--json", action="store_true", help="print one JSON line instead of the table")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stream-app-bench-") as folder:
        history = Path(folder) / "history.jsonl"
        say(f"writing {args.events} events of {args.customers} customers")
        write_history(history, args.events, args.customers)
        replay_s = bench_replay(history, Path(folder))
        worker = bench_worker(history, Path(folder), args.events)
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": len(os.sched_getaffinity(0)), "system": platform.platform(), "python": platform.python_version()},
        "versions": {name: version(name) for name in ("faust-streaming", "aiokafka", "msgspec", "rocksdict")},
        "input": {"events": args.events, "customers": args.customers, "partitions": PARTITIONS, "policy": "benchmarks/policy.yaml"},
        "replay_events_per_s": round(args.events / replay_s),
        **worker,
    }
    HERE.joinpath("results").mkdir(exist_ok=True)
    HERE.joinpath("results", "latest.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if args.json:
        print(json.dumps(result))
    else:
        print_table(result)


def say(text: str) -> None:
    """Tell on standard error what is going on."""
    print(text, file=sys.stderr, flush=True)


def bench_replay(history: Path, folder: Path) -> float:
    """Seconds of one whole `stream-app replay`, start-up and writing included."""
    say("replay")
    started = time.perf_counter()
    subprocess.run([PROGRAM, "replay", str(history), "--policy", str(POLICY), "--out", str(folder / "out.jsonl")], check=True)
    return time.perf_counter() - started


def bench_worker(history: Path, folder: Path, events: int) -> dict[str, Any]:
    """Publish everything, then let one worker process it."""
    with EmbeddedBroker(folder / "kafka", load_settings().cache_dir) as broker:
        environment = child_environment(BROKER=broker.address, ID="bench", DATA_DIR=str(folder / "data"))
        for command in (["topics", "create", "--partitions", str(PARTITIONS)], ["policy", "publish", str(POLICY)]):
            subprocess.run([PROGRAM, *command], env=environment, check=True, stdout=sys.stderr)
        say("publishing")
        started = time.perf_counter()
        subprocess.run([PROGRAM, "publish", str(history), "--history"], env=environment, check=True, stdout=sys.stderr)
        publish_s = time.perf_counter() - started
        say("worker")
        with subprocess.Popen([PROGRAM, "worker"], env=environment, stdout=sys.stderr) as worker:
            try:
                units = asyncio.run(_follow_markers(broker.address, events + PARTITIONS, worker))
                cpu_s, rss_mib = _usage(worker.pid)
            finally:
                worker.terminate()
                worker.wait(timeout=30)
    (first_ms, first_events), (last_ms, last_events) = units[0], units[-1]
    return {
        "worker_events_per_s": round((last_events - first_events) * 1000 / (last_ms - first_ms)),
        "worker_units": len(units),
        "worker_cpu_us_per_event": round(cpu_s * 1e6 / events, 1),
        "worker_rss_mib": rss_mib,
        "publish_events_per_s": round(events / publish_s),
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
    shape, machine = result["input"], result["machine"]
    print(f"{shape['events']} events, {shape['customers']} customers, {shape['partitions']} partitions, {machine['cores']} cores")
    print(f"full domain of {shape['policy']}; Python {machine['python']}, {result['date']}\n")
    rows = (
        ("worker, exactly-once through Kafka, RocksDB", "worker_events_per_s"),
        ("replay from a file, all outputs written", "replay_events_per_s"),
    )
    print(f"{'what':<46}{'events/s':>10}{'target':>10}{'ratio':>8}")
    for what, name in rows:
        print(f"{what:<46}{result[name]:>10,}{TARGETS[name]:>10,}{result[name] / TARGETS[name]:>8.2f}")
    print(f"\nworker: {result['worker_cpu_us_per_event']} us CPU an event, {result['worker_rss_mib']} MiB, {result['worker_units']} units")


if __name__ == "__main__":
    main()
