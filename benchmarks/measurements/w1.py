"""W1 on every system, in rotated order; a figure counts only when the results are the reference's."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.peers.prepare import PeerUnavailableError
from benchmarks.place import PARTITIONS, Place, say
from benchmarks.w1.orders import Reference, publish_orders
from benchmarks.w1.systems import SYSTEMS, System, Task
from benchmarks.w1.trial import Trial, WrongResultError, create_topic, run_trial
from stream_app.settings import child_environment

FULL, QUICK, QUICK_FAUST = 1_000_000, 200_000, 40_000
HOW = (
    "orders/s of the second half of the orders, by the broker's append time of the published changes; start-up and warm-up excluded, "
    "median of the runs, results equal to the reference"
)
CAUTION = "the quick run is over before Java's compiler is quite warm: only the full one compares"
RATED = ("ours", "kafka_streams_eos", "quix")


def prepare(systems: Sequence[System] = SYSTEMS) -> dict[str, list[str] | str]:
    """Install the peers; each one's command, or why it is not to be had here."""
    prepared: dict[str, list[str] | str] = {}
    for system in systems:
        try:
            prepared[system.name] = system.prepare()
        except (PeerUnavailableError, subprocess.TimeoutExpired, OSError) as error:
            prepared[system.name] = f"not installed: {error}"
            say(f"{system.name}: {prepared[system.name]}")
    return prepared


def measure(place: Place, only: tuple[str, ...] = ()) -> dict[str, Any]:
    """Events a second by system, with every run in `w1_runs`; `only` names the systems, all when empty."""
    systems = [system for system in SYSTEMS if not only or system.name in only]
    prepared = prepare(systems)
    inputs = asyncio.run(_inputs(place))
    trials: dict[str, list[Trial]] = {system.name: [] for system in systems}
    faults: dict[str, str] = {name: command for name, command in prepared.items() if isinstance(command, str)}
    for number in range(max(2, place.rounds)):
        turn = number * 2 % len(systems)
        for system in systems[turn:] + systems[:turn]:
            command = prepared[system.name]
            if isinstance(command, str) or system.name in faults:
                continue
            if number >= place.rounds and system.name not in RATED:
                continue  # the quick run repeats only those that targets are set against
            source, reference = inputs["faust" if system.name == "faust" and place.quick else "all"]
            task = _task(place, system, number, source)
            try:
                trial = run_trial(system, command, task, reference)
            except WrongResultError as error:
                faults[system.name] = str(error)
                say(f"w1 {system.name}: does not count: {error}")
                continue
            trials[system.name].append(trial)
            say(f"w1 {system.name}: {trial.events_per_s:,.0f} events/s, {trial.cpu_us_per_event:.1f} us CPU an event, {trial.rss_mib} MiB")
    return {
        "w1": {
            system.name: None if system.name in faults else round(median(t.events_per_s for t in trials[system.name])) for system in systems
        },
        "w1_runs": {system.name: _runs(system, trials[system.name], faults.get(system.name), place) for system in systems},
        "w1_how": f"{HOW}; {CAUTION}" if place.quick else HOW,
    }


def _task(place: Place, system: System, number: int, source: str) -> Task:
    """A run's own group, folder and topics."""
    group = f"{system.name.replace('_', '-')}-{number}"
    task = Task(place.broker, source, f"changes-{group}", group, place.folder / group)
    asyncio.run(create_topic(place.broker, task.output, PARTITIONS, appended=True))
    if system.name == "ours":
        environment = child_environment(BROKER=task.broker, ID=task.group)
        command = [sys.executable, "-m", "stream_app", "topics", "create", "--partitions", str(PARTITIONS)]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return task


async def _inputs(place: Place) -> dict[str, tuple[str, Reference]]:
    """The topics with orders: `orders`, and in the quick run a smaller one for plain Faust."""
    sizes = {"all": ("orders", place.size(FULL, QUICK))}
    if place.quick:
        sizes["faust"] = ("orders-few", QUICK_FAUST)
    inputs = {}
    for name, (topic, orders) in sizes.items():
        await create_topic(place.broker, topic, PARTITIONS)
        inputs[name] = topic, await publish_orders(place.broker, topic, PARTITIONS, orders)
    return inputs


def _runs(system: System, trials: list[Trial], fault: str | None, place: Place) -> dict[str, Any]:
    if fault is not None:
        return {"what": system.what, "fault": fault}
    rates = [trial.events_per_s for trial in trials]
    orders = QUICK_FAUST if place.quick and system.name == "faust" else place.size(FULL, QUICK)
    return {
        "what": system.what,
        "orders": orders,
        "events_per_s": [round(rate) for rate in rates],
        "spread_pct": round(100 * (max(rates) - min(rates)) / median(rates)),
        "cpu_us_per_event": round(median(trial.cpu_us_per_event for trial in trials), 1),
        "rss_mib": max(trial.rss_mib for trial in trials),
    }
