"""The metrics of several processes as those of one: each tells its own over a channel when it is asked.

Counters, histograms and bytes of memory add up. A gauge of a partition is told by whoever has it; of a gauge that all tell the
largest counts, and of readiness the smallest.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Final

import msgspec
from msgspec import Struct
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from stream_app.telemetry.server import Shown

READY: Final = "customer_status_ready"
BUFFERED: Final = "customer_status_buffered_bytes"
_CREATED: Final = "_created"
_ANSWER_S: Final = 2.0


class _Answer(Struct):
    """What a process tells: whether it lives, what it waits for, and its metrics as Prometheus reads them."""

    alive: bool
    waits_for: str | None
    metrics: str


def tell(channel: Connection, metrics: Shown, *, waits_for: Callable[[], str | None], alive: Callable[[], bool]) -> None:
    """Answer whoever asks at the other end of the channel, from a thread, until that end is closed."""

    def answer() -> None:
        with suppress(EOFError, OSError):
            while True:
                channel.recv_bytes()
                told = _Answer(alive(), waits_for(), generate_latest(metrics.registry).decode())
                channel.send_bytes(msgspec.json.encode(told))

    threading.Thread(target=answer, name="metrics", daemon=True).start()


class Gathered(Collector):
    """The metrics, health and readiness of several processes, asked for when somebody wants to know."""

    def __init__(self, channels: Sequence[Connection]) -> None:
        self.registry = CollectorRegistry()
        self._channels = channels
        self._asking = threading.Lock()
        self.registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Nothing: what there is, the processes know; without this the registry would ask them at once."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The families of all processes, each family once."""
        told = [answer.metrics for answer in self._ask() if answer is not None]
        return merge(told)

    def waits_for(self) -> str | None:
        """Why not all processes work on their partitions yet, None when they do."""
        for answer in self._ask():
            if answer is None:
                return "a process that does not answer"
            if answer.waits_for is not None:
                return answer.waits_for
        return None

    def alive(self) -> bool:
        """Whether every process answers, and its event loop runs."""
        return all(answer is not None and answer.alive for answer in self._ask())

    def _ask(self) -> list[_Answer | None]:
        """What each process says; None for one that does not in time."""
        with self._asking:
            for channel in self._channels:
                with suppress(OSError):
                    while channel.poll():  # what came too late the last time
                        channel.recv_bytes()
                    channel.send_bytes(b"?")
            return [self._hear(channel) for channel in self._channels]

    def _hear(self, channel: Connection) -> _Answer | None:
        try:
            return msgspec.json.decode(channel.recv_bytes(), type=_Answer) if channel.poll(_ANSWER_S) else None
        except (OSError, EOFError, msgspec.MsgspecError):
            return None


def merge(texts: Iterable[str]) -> list[Metric]:
    """One set of families from several processes' metrics, in the text form of Prometheus."""
    families: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            families.setdefault(family.name, family)
            known = values.setdefault(family.name, {})
            for sample in family.samples:
                key = sample.name, tuple(sample.labels.items())
                known[key] = _both(family, known[key], sample.value) if key in known else sample.value
    for name, family in families.items():
        family.samples = []
        for (sample_name, labels), value in values[name].items():
            family.add_sample(sample_name, dict(labels), value)
    return [families[name] for name in sorted(families)]


def _both(family: Metric, one: float, other: float) -> float:
    if family.name == READY or family.name.endswith(_CREATED):
        return min(one, other)
    return one + other if family.type in ("counter", "histogram") or family.name == BUFFERED else max(one, other)
