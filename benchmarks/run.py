"""`make bench`: every figure from one run, as a table or as one JSON document.

`--quick` takes at most eight minutes on two cores, installing the peers excluded. `--only w1,latency` measures these alone.
Progress goes to standard error. The result is also written to results/: latest.json, quick.json, or only.json for a part.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, versions
from benchmarks.measurements import (
    deadline,
    full_domain,
    growth,
    ingest,
    latency,
    memory,
    pile_up,
    replay,
    replay_large,
    restore,
    scaling,
    sweep,
    w1,
)
from benchmarks.place import Place, fresh_place, say
from benchmarks.report import print_table, verdicts

RESULTS = Path(__file__).parent / "results"
MEASUREMENTS: dict[str, Callable[[Place], dict[str, Any]]] = {
    "w1": w1.measure,
    "full_domain": full_domain.measure,
    "latency": latency.measure,
    "ingest": ingest.measure,
    "deadline": deadline.measure,
    "pile_up": pile_up.measure,
    "policy_sweep": sweep.measure,
    "restore": restore.measure,
    "memory": memory.measure,
    "replay": replay.measure,
    "replay_large": replay_large.measure,
    "scaling": scaling.measure,
    "growth": growth.measure,
}
IN_FULL = ("growth",)
"""What a quick run leaves out unless it is asked for: it has too few events to tell what one costs."""


def main() -> None:
    """Measure, write the result, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller inputs, one round")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    parser.add_argument("--only", type=_names, help=f"some of {','.join(MEASUREMENTS)}")
    args = parser.parse_args()
    result = run(args.only or measured(quick=args.quick), quick=args.quick)
    name = "only" if args.only else "quick" if args.quick else "latest"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if args.json:
        print(json.dumps(result))
    else:
        print_table(result)


def measured(*, quick: bool) -> tuple[str, ...]:
    """What a run measures that is not told."""
    return tuple(name for name in MEASUREMENTS if not quick or name not in IN_FULL)


def run(only: tuple[str, ...], *, quick: bool) -> dict[str, Any]:
    """Every figure of the measurements `only`, with verdicts, machine, versions and date; a failed one is null, with its reason."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics a moment old have no leader yet, and it says so a hundred times
    if "w1" in only:
        w1.prepare()
    began = time.monotonic()
    result: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": machine(),
        "versions": versions(),
        "faults": {},
        "seconds": {},
    }
    for name in only:
        say(f"{name} ...")
        started = time.monotonic()
        try:
            with fresh_place(quick=quick, rounds=1 if quick else 3) as place:
                result |= MEASUREMENTS[name](place)
        except Exception as error:  # noqa: BLE001 - one figure that cannot be taken must not cost all the others
            result["faults"][name] = f"{type(error).__name__}: {error}"[:500]
            say(f"{name} failed: {result['faults'][name]}")
        result["seconds"][name] = round(time.monotonic() - started, 1)
    result["seconds"]["all"] = round(time.monotonic() - began, 1)
    return {**result, "targets": verdicts(result)}


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in MEASUREMENTS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(MEASUREMENTS)}")
    return names


if __name__ == "__main__":
    main()
    sys.exit(0)
