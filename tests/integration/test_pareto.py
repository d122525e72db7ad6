"""Classes by pareto on a real Kafka: the cut-offs of the whole shop, whatever is killed while they are taken."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_app.settings import Settings
from tests.integration import product
from tests.integration.test_rekeying import PARTITIONS, PRODUCT, Sent, finish, home_of, hop_count, hopped_beyond, key_of, send
from tests.integration.workers import workers

pytestmark = pytest.mark.timeout(200)
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
CUSTOMERS = 300
DAYS = 100
POLICY: dict[str, Any] = {
    "currency": "EUR",
    "clock": "events",
    "classes": {"by": "pareto", "evaluate_every_days": 20},
    "downgrade_dwell_days": 0,
}


def history() -> list[dict[str, Any]]:
    """Everybody buys for another amount at the beginning, and again later."""
    events = []
    for day in (1, 50, DAYS):
        for n in range(CUSTOMERS):
            time = (BEGIN + timedelta(days=day, seconds=n)).isoformat()
            data = {"order_id": f"o-{n}-{day}", "currency": "EUR", "total_minor": 1_000 + (n * n * day) % 90_001}
            head = {"specversion": "1.0", "id": f"e-{n}-{day}", "source": "/shops/s0", "type": "order.placed", "subject": f"c-{n}"}
            events.append({**head, "time": time, "data": data})
    return events


async def test_cut_offs_are_taken_once_whatever_is_killed(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(yaml.safe_dump(POLICY))
    product.run(environment, "topics", "create", "--partitions", str(PARTITIONS))
    product.run(environment, "policy", "publish", str(policy))
    events = history()
    await send(settings, [Sent("orders", home_of(one), key_of(one), one) for one in events])
    with workers(tmp_path, *PRODUCT) as start:
        worker = start({**environment, "UNIT_RECORDS_MAX": "50"})
        await hopped_beyond(settings, worker, 0)
        worker.kill()
        before = await hop_count(settings)
        last = start(environment)
        await finish(settings, last, len(events), events[-1]["time"], 1)
        assert await hop_count(settings) > before, "all was told before the kill"
        assert last.stop() == 0
    _, final, rejected = product.replayed(tmp_path, [product.write_lines(tmp_path / "history.jsonl", events)], policy)
    live = await product.profiles(settings)
    assert rejected == []
    assert {name: one["data"]["statuses"] for name, one in live.items()} == {name: one["data"]["statuses"] for name, one in final.items()}
