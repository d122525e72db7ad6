"""Silence is an event: a deadline passes with no record anywhere, and the change is there within a second."""

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path

from stream_app.settings import Settings
from stream_app.worker.cluster import partitions_of, reader
from tests.integration import product
from tests.integration.workers import workers

DAY_MS = 86_400_000
POLICY = """
shop: acme
currency: EUR
rhythm:
  default: {method: fixed, days: 1}
"""


async def test_a_customer_goes_quiet_with_no_event_anywhere(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    product.run(environment, "topics", "create", "--partitions", "2")
    product.run(environment, "policy", "publish", str(policy))
    with workers(tmp_path, "stream_app", "worker") as start:
        worker = start(environment)
        # The order is as old as patience allows, less the seconds that the worker needs to be ready.
        due_ms = int(time.time() * 1000) + 12_000
        placed = datetime.fromtimestamp((due_ms - DAY_MS) / 1000, UTC).isoformat(timespec="milliseconds")
        order = {"specversion": "1.0", "id": "e-1", "source": "/shops/acme", "type": "order.placed", "subject": "quiet", "time": placed}
        order["data"] = {"order_id": "o-1", "currency": "EUR", "total_minor": 100, "lines": []}  # type: ignore[assignment]
        product.run(environment, "publish", str(product.write_lines(tmp_path / "one.jsonl", [order])))
        async with reader(settings, auto_offset_reset="earliest") as client:
            client.assign(await partitions_of(client, settings, "status-changes"))
            seen_ms = await _turn(client, worker)
    assert due_ms <= seen_ms <= due_ms + 1_000 + settings.grace_ms


async def _turn(client, worker) -> int:  # type: ignore[no-untyped-def]
    """The wall clock at which the turn to inactive became visible, after the turn to active."""
    active = False
    began = time.monotonic()
    while time.monotonic() - began < 60:
        assert worker.process.poll() is None
        for records in (await client.getmany(timeout_ms=50)).values():
            for record in records:
                data = json.loads(record.value)["data"]
                if data["dimension"] == "lifecycle" and data.get("sequence"):
                    if data["to"] == "inactive":
                        assert active, "he was active first, so that it was time that turned him"
                        assert data["cause"] == {"kind": "time"}
                        return int(time.time() * 1000)
                    active = data["to"] == "active"
        await asyncio.sleep(0)
    raise AssertionError("no turn to inactive within a minute")
