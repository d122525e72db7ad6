"""A look at every process each second: memory, descriptors, threads, processor time, and what `/metrics` says; every page is searched.

In a thread of its own, so that a strike that takes the event loop's attention leaves no hole in the series.
"""

import http.client
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.product.process import usage
from benchmarks.soak.crew import Crew
from benchmarks.soak.traffic import CANARY
from stream_app.demo.broker import EmbeddedBroker

EVERY_S = 1.0
_PAGE_WITHIN_S = 0.7
_LAG = re.compile(r'^customer_status_lag_records\{partition="(\d+)",topic="([^"]+)"\} (\S+)$', re.MULTILINE)
_BUFFERED = re.compile(r"^customer_status_buffered_bytes\{[^}]*\} (\S+)$", re.MULTILINE)
_TOTAL = re.compile(r"^customer_status_(records|swept|changes|erasures|duplicates)_total(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


class Watch:
    """Samples, from `begin` to `end`.

    Attributes:
        samples: one row a second: `t` (seconds since the beginning) and, by process, what it uses and says.
        pages: how many pages were searched for canaries; `shown` counts those that had one.
    """

    def __init__(self, crew: Crew, broker: EmbeddedBroker, published: Callable[[], int]) -> None:
        """Watch all workers of `crew` and their broker; `published` counts what was published."""
        self.samples: list[dict[str, Any]] = []
        self.pages = self.shown = 0
        self.began = time.monotonic()
        self._crew, self._broker, self._published = crew, broker, published
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def begin(self) -> None:
        """Look from now on, each second."""
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    def owned(self, name: str) -> set[int]:
        """The partitions that a worker said to have when it was looked at last."""
        found: set[int] = self.samples[-1].get(name, {}).get("partitions", set()) if self.samples else set()
        return found

    def total(self, what: str) -> float:
        """A counter over all status workers, when they were looked at last."""
        return float(sum(self.samples[-1].get(name, {}).get(what, 0) for name in ("w1", "w2"))) if self.samples else 0.0

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due = max(due + EVERY_S, time.monotonic())
            self.samples.append(self._look())

    def _look(self) -> dict[str, Any]:
        row: dict[str, Any] = {"t": round(self.now(), 2), "published": self._published()}
        if self._broker.alive():
            row["broker"] = _usage(self._broker.pid)
        for name, (port, beside_port) in tuple(self._crew.ports.items()):
            life = self._crew.living(name)
            if life is None:
                continue
            row[name] = _usage(life.process.pid) | {"life": self._crew.lives.index(life)} | self._page(port)
            beside = life.beside()
            if beside is not None:
                row[f"{name} insights"] = _usage(beside) | {"life": beside} | self._page(beside_port)
        row["lag"] = self._lag_of(row, "")
        row["insights lag"] = self._lag_of(row, " insights")
        return row

    def _page(self, port: int) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PAGE_WITHIN_S)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            return {}
        finally:
            connection.close()
        self.pages += 1
        self.shown += CANARY in text
        found: dict[str, Any] = {"is_ready": "\ncustomer_status_ready 1.0" in text}
        lags = [(int(partition), float(records)) for partition, _, records in _LAG.findall(text)]
        found |= {"partitions": {partition for partition, _ in lags}, "lag": sum(records for _, records in lags)}
        found["buffers_mib"] = round(sum(map(float, _BUFFERED.findall(text))) / (1 << 20), 1)
        for what, count in _TOTAL.findall(text):
            found[what] = found.get(what, 0.0) + float(count)
        return found

    def _lag_of(self, row: dict[str, Any], suffix: str) -> float | None:
        pages = [row[name + suffix] for name in ("w1", "w2") if row.get(name + suffix, {}).get("is_ready")]
        known = set().union(*(page["partitions"] for page in pages)) if pages else set()
        return sum(page["lag"] for page in pages) if len(known) == self._crew.partitions else None


def _usage(pid: int) -> dict[str, Any]:
    try:
        cpu_s, _ = usage(pid)
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        descriptors = sum(1 for one in Path(f"/proc/{pid}/fd").iterdir() if not _is_table(one))
    except (OSError, IndexError):
        return {}
    if "VmRSS" not in fields:  # it has ended, and nobody has asked for its status yet
        return {}
    return {
        "rss_mib": round(int(fields["VmRSS"].split()[0]) / 1024, 1),
        "descriptors": descriptors,
        "threads": int(fields["Threads"]),
        "cpu_s": round(cpu_s, 2),
    }


def _is_table(descriptor: Path) -> bool:
    """Whether it is one of RocksDB's files, of which a partition has some twenty when it is about to merge them, and one afterwards."""
    try:
        return descriptor.readlink().suffix == ".sst"
    except OSError:  # closed meanwhile
        return True
