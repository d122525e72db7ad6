"""The replay of more than fits into memory: on all cores beside one alone, and how much memory all its processes take together."""

import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.history import write_copies
from benchmarks.measurements.replay import ON_CORES
from benchmarks.place import Place, say
from benchmarks.product.inputs import EVENTS_PER_CUSTOMER, POLICY

FILES = 10
FILES_OF_ONE_CORE = 2
"""One core alone replays so many of the files: its figure does not depend on how many, and it takes its time."""

_LOOK_S = 1.0


def measure(place: Place) -> dict[str, Any]:
    """`replay_large`: events a second on all cores and on one, how many times as fast that is, and MiB of all processes together."""
    events = place.size(20_000_000, 500_000)
    files = [place.folder / f"large-{number}.jsonl" for number in range(FILES)]
    say(f"replay_large: writing {events:,} events")
    write_copies(files, events, events // EVENTS_PER_CUSTOMER)
    return {"replay_large": compare_cores(files, events, place.folder / "large.out")}


def compare_cores(files: list[Path], events: int, out: Path) -> dict[str, Any]:
    """Replay all files on all cores, and some on one."""
    everywhere = os.sched_getaffinity(0)
    some = files[:FILES_OF_ONE_CORE]
    together = _replay(files, out, everywhere)
    size = out.stat().st_size
    out.unlink()
    say(f"replay_large: {together}")
    alone = _replay(some, out, {min(everywhere)})
    out.unlink()
    rates = events / together["s"], events * len(some) / len(files) / alone["s"]
    found = {
        "what": f"orders of 1 to 3 lines of {events // EVENTS_PER_CUSTOMER:,} customers, {EVENTS_PER_CUSTOMER} events a customer",
        "events": events,
        "input_mib": sum(file.stat().st_size for file in files) >> 20,
        "output_mib": size >> 20,
        "cores": len(everywhere),
        "events_per_s": round(rates[0]),
        "events_per_s_core": round(rates[1]),
        "speedup": round(rates[0] / rates[1], 2),
        "cpu_us_per_event": round(together["cpu_s"] / events * 1e6, 1),
        "cpu_us_per_event_core": round(alone["cpu_s"] * len(files) / len(some) / events * 1e6, 1),
        "pss_mib": together["pss_mib"],
        "rss_mib": together["rss_mib"],
        "rss_how": "peak of the sum over all processes, looked at every second: pss counts shared pages once, rss in each process",
    }
    say(f"replay_large: {rates[0]:,.0f} events/s on {len(everywhere)} cores, {rates[1]:,.0f} on one; {found['rss_mib']} MiB")
    return found


def _replay(files: list[Path], out: Path, cores: set[int]) -> dict[str, Any]:
    """Seconds, CPU seconds and MiB of one replay that may use `cores` only."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    command = [sys.executable, "-c", ON_CORES, ",".join(map(str, cores))]
    command += ["replay", *map(str, files), "--policy", str(POLICY), "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        peaks = {"pss_mib": 0, "rss_mib": 0}
        watching = threading.Thread(target=_watch, args=(process, peaks))
        watching.start()
        said = process.communicate()[1]
        watching.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise RuntimeError(said.decode())
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"s": time.perf_counter() - started, "cpu_s": cpu_s, **peaks}


def _watch(process: "subprocess.Popen[bytes]", peaks: dict[str, int]) -> None:
    while process.poll() is None:
        seen = [_memory(pid) for pid in (process.pid, *_children(process.pid))]
        peaks["pss_mib"] = max(peaks["pss_mib"], sum(pss for pss, _ in seen) >> 10)
        peaks["rss_mib"] = max(peaks["rss_mib"], sum(rss for _, rss in seen) >> 10)
        time.sleep(_LOOK_S)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _memory(pid: int) -> tuple[int, int]:
    """KiB of a process: its share of pages, and all that are resident; nothing of one that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0, 0
    sizes = {line.split()[0]: int(line.split()[1]) for line in lines[1:]}
    return sizes.get("Pss:", 0), sizes.get("Rss:", 0)
