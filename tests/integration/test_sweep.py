"""A new policy reaches twenty thousand silent customers while others buy, and the worker is killed on the way: each once."""

import asyncio
import json
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stream_app.settings import Settings
from tests.integration import product
from tests.integration.workers import markers, wait_exit, workers

CUSTOMERS = 20_000
PARTITIONS = 2
DAY_S = 86_400
LIMIT_S = 90.0


def order(customer: str, at_s: float) -> dict[str, Any]:
    moment = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
    data = {"order_id": f"o-{customer}", "currency": "EUR", "total_minor": 1_000}
    envelope = {"specversion": "1.0", "id": f"e-{customer}", "source": "/shops/acme", "type": "order.placed"}
    return {**envelope, "subject": customer, "time": moment, "data": data}


def policy(folder: Path, version: int, days: int) -> str:
    file = folder / f"{version}.yaml"
    file.write_text(f"shop: acme\nversion: {version}\ncurrency: EUR\nrhythm: {{default: {{method: fixed, days: {days}}}}}\n")
    return str(file)


async def test_every_silent_customer_is_reached_once(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    now = time.time()
    silent = product.write_lines(tmp_path / "silent.jsonl", (order(f"s-{n}", now - 30 * DAY_S) for n in range(CUSTOMERS)))
    product.run(environment, "topics", "create", "--partitions", str(PARTITIONS))
    product.run(environment, "policy", "publish", policy(tmp_path, 1, 400))
    product.run(environment, "publish", str(silent))
    with workers(tmp_path, "tests.faults.struck", "product") as start:
        struck = start(environment, SWEEP_RATE="4000", STRIKE="kill:sweeping:6000")
        await until(settings, CUSTOMERS)
        product.run(environment, "policy", "publish", policy(tmp_path, 2, 45))
        buying = product.write_lines(tmp_path / "live.jsonl", (order(f"b-{n}", time.time() - 1) for n in range(2_000)))
        publishing = asyncio.create_task(asyncio.to_thread(product.run, environment, "publish", str(buying), "--rate", "400"))
        assert await asyncio.to_thread(wait_exit, struck, LIMIT_S) == -9
        assert struck.lines()[-1] == "struck sweeping", "it must strike in the middle of the sweep"
        reached = sum(cause == "policy" for cause, _ in await changes(settings))
        assert 0 < reached < CUSTOMERS
        worker = start(environment, SWEEP_RATE="20000")
        await publishing
        await until(settings, CUSTOMERS + 2_000)
        assert worker.process.poll() is None
        assert any("swept " in line for line in worker.lines())
        assert await asyncio.to_thread(worker.stop) == 0
    said = await product.committed(settings)
    assert product.holes(said) == []
    since = next(one["since"] for one in listed(environment) if one["status"] == "in_force")
    counts = Counter(
        (key, event["data"]["dimension"], event["data"]["to"], event["data"]["effective_at"])
        for (topic, key), events in said.items()
        for event in events
        if topic == "status-changes" and event["data"].get("cause", {}).get("kind") == "policy"
    )
    assert counts == Counter({(f"acme/s-{n}", "churn_risk", "medium", since): 1 for n in range(CUSTOMERS)})
    assert {state.policy_version for state in (await product.states(settings)).values()} == {2}
    assert sum(key.startswith("acme/b-") for topic, key in said if topic == "status-changes") == 2_000


def listed(environment: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(product.run(environment, "policy", "list", "--json"))
    return found


async def changes(settings: Settings) -> list[tuple[str, str]]:
    """Kind of cause and effect of every committed change."""
    said = await product.committed(settings)
    found = [event["data"] for (topic, _), events in said.items() if topic == "status-changes" for event in events]
    return [(data["cause"]["kind"], data["effective_at"]) for data in found if "cause" in data]


async def until(settings: Settings, applied: int) -> None:
    """Wait until so many events are applied and no sweep is left."""
    ends = time.monotonic() + LIMIT_S
    while True:
        found = await markers(settings)
        done = sum(sum(marker.offsets.values()) for marker in found.values())
        if done == applied and not any("sweep" in marker.memo for marker in found.values()):
            return
        assert time.monotonic() < ends, f"not in time: {done} of {applied} applied"
        await asyncio.sleep(0.2)
