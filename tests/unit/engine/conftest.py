"""An engine without a broker."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stream_app.engine.pace import Pace, Slices
from stream_app.engine.partition import PartitionRuntime
from stream_app.engine.stores.store import MemoryStore
from stream_app.engine.stream import Engine
from stream_app.engine.topology import Topology
from stream_app.settings import load_settings
from stream_app.telemetry.metrics import Metrics
from tests.toy import ToyProcessor
from tests.unit.engine.test_partition import LogProducer


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine that owns one partition, as after a takeover."""
    settings = load_settings(data_dir=tmp_path, store="memory")
    topology = Topology(app_id="app", table="toy", inputs=("orders",), outputs=(), prefix="", partitions=1)
    made = Engine(settings, topology, ToyProcessor, Metrics(), cluster_id="c", on_fatal=lambda _: None)
    runtime = PartitionRuntime(
        0, topology, settings, ToyProcessor(0, 1), MemoryStore(), LogProducer(), Metrics(), made.fail, asyncio.Lock(), Pace(0), Slices(), {}
    )
    runtime.seek({"orders": 0})
    made.runtimes[0] = runtime
    made.ready = True
    made.beat = time.monotonic()
    yield made
    await made.quiesce(1)
    await runtime.stop()
