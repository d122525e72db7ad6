"""The replay of a file, all outputs written, per core: the same fold without Kafka."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.place import Place, say
from benchmarks.product.inputs import Input, complete_journey, synthetic

ON_CORES = "import os, runpy, sys; cores = sys.argv.pop(1); os.sched_setaffinity(0, map(int, cores.split(',')));"
ON_CORES += "sys.argv[0] = 'stream-app'; runpy.run_module('stream_app', run_name='__main__')"
"""The program, with the cores that it may use before its arguments."""


def measure(place: Place) -> dict[str, Any]:
    """`replay_events_per_s_core` is The Complete Journey's, on one core alone; start-up is taken off."""
    inputs = [complete_journey()] if place.quick else [complete_journey(), synthetic(place.folder, 400_000)]
    figures = {source.name: _measure(source, place.folder) for source in inputs}
    return {"replay_events_per_s_core": figures["complete_journey"]["events_per_s_core"], "replay_inputs": figures}


def _measure(source: Input, folder: Path) -> dict[str, Any]:
    nothing = folder / "nothing.jsonl"
    nothing.touch()
    idle_s = _replay_s(nothing, source.policy, folder, None)
    everywhere = os.sched_getaffinity(0)
    rates = {
        name: source.events / (_replay_s(source.history, source.policy, folder, cores) - idle_s)
        for name, cores in (("events_per_s_core", {min(everywhere)}), ("events_per_s", everywhere))
    }
    say(f"replay, {source.name}: {rates['events_per_s_core']:,.0f} events/s on one core, {rates['events_per_s']:,.0f} on all")
    return {"what": source.what, "events": source.events, **{name: round(figure) for name, figure in rates.items()}}


def _replay_s(history: Path, policy: Path, folder: Path, cores: set[int] | None) -> float:
    """Seconds of one replay that may use `cores` only."""
    allowed = ",".join(map(str, cores or os.sched_getaffinity(0)))
    command = [sys.executable, "-c", ON_CORES, allowed, "replay", str(history), "--policy", str(policy), "--out", str(folder / "out.jsonl")]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started
