"""Where a measurement runs: its broker, its folder, and how much time it may take."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from stream_app.demo.broker import EmbeddedBroker
from stream_app.settings import load_settings

PARTITIONS = 4
CORES = 2
"""Processes of a worker where throughput is measured, and threads of Kafka Streams."""


def say(text: str) -> None:
    """Tell on standard error what is going on."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Place:
    """A fresh Kafka and an empty folder, for one measurement alone.

    Attributes:
        broker: its address.
        folder: deleted afterwards.
        quick: eight minutes for all measurements together instead of an hour.
        rounds: how often what scatters is measured.
    """

    broker: str
    folder: Path
    quick: bool
    rounds: int

    def size(self, full: int, quick: int) -> int:
        """How large an input to take."""
        return quick if self.quick else full


@contextmanager
def fresh_place(*, quick: bool, rounds: int) -> Iterator[Place]:
    """A place with a broker of its own."""
    cache = load_settings().cache_dir
    with TemporaryDirectory(prefix="stream-app-bench-") as name, EmbeddedBroker(Path(name) / "kafka", cache, tell=say) as broker:
        yield Place(broker.address, Path(name), quick, rounds)
