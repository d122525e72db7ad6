"""What customers send each other on a real Kafka: across partitions, each once, whatever is killed on the way."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_app.domain.facts.state import DIMENSIONS, is_customer
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.processor.hop import REKEYED
from stream_app.settings import Settings
from stream_app.worker.cluster import read_to_end
from tests.integration import product
from tests.integration.test_rekeying import PARTITIONS, PRODUCT, Sent, finish, home_of, hop_count, hopped_beyond, key_of, send, topic_of
from tests.integration.workers import workers

pytestmark = pytest.mark.timeout(300)
PAIRS = 900
KILLS = 3
MERGES = 300
MERGE_KILLS = 2
POLICY: dict[str, Any] = {
    "currency": "EUR",
    "clock": "events",
    "criteria": [{"measure": "referrals", "weight": 1, "bands": {1: 60, 2: 100}}],
    "classes": {"by": "score", "A": 70, "B": 40},
    "downgrade_dwell_days": 0,
}
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def event(minutes: int, kind: str, subject: str, **data: Any) -> dict[str, Any]:
    time = (BEGIN + timedelta(minutes=minutes)).isoformat()
    event_id = f"{kind}-{subject}-{minutes}"
    return {"specversion": "1.0", "id": event_id, "source": "/shops/s0", "type": kind, "subject": subject, "time": time, "data": data}


def history() -> list[dict[str, Any]]:
    """Everybody buys and refers two others, of whom one never comes; every fifth takes his first order back."""
    events = []
    for n in range(PAIRS):
        order = {"order_id": f"o-{n}", "currency": "EUR", "total_minor": 1_000}
        events.append(event(5 * n, "order.placed", f"c-{n}", **order))
        events.append(event(5 * n + 1, "referral.made", f"c-{n}", referred_customer_id=f"c-{n + 7}"))
        events.append(event(5 * n + 2, "referral.made", f"c-{n}", referred_customer_id=f"nobody-{n}"))
        if n % 5 == 0:
            events.append(event(5 * n + 3, "order.cancelled", f"c-{n}", order_id=f"o-{n}"))
    return events


async def test_referrals_cross_partitions_once_whatever_is_killed(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(yaml.safe_dump(POLICY))
    product.run(environment, "topics", "create", "--partitions", str(PARTITIONS))
    product.run(environment, "policy", "publish", str(policy))
    events = history()
    await send(
        settings,
        [
            Sent("contacts" if topic_of(one) == "contacts" or one["type"] == "referral.made" else "orders", home_of(one), key_of(one), one)
            for one in events
        ],
    )
    with workers(tmp_path, *PRODUCT) as start:
        hops = 0
        for life in range(KILLS):
            worker = start({**environment, "UNIT_RECORDS_MAX": "50"})
            await hopped_beyond(settings, worker, hops)
            worker.kill()
            hops = await hop_count(settings)
            assert hops < 2 * PAIRS, f"life {life}: everything was told before the kill"
        last = start(environment)
        await finish(settings, last, len(events), events[-1]["time"], 1)
        assert last.stop() == 0
    await each_was_told_once(settings)
    states = await product.states(settings)
    expected, final, rejected = product.replayed(tmp_path, [product.write_lines(tmp_path / "history.jsonl", events)], policy)
    assert rejected == []
    assert await product.dead_letters(settings) == []
    customers = {key: state for key, state in states.items() if is_customer(state)}
    assert set(customers) == set(final)
    assert {key.rpartition("/")[2].partition("-")[0] for key in set(states) - set(final)} == {"nobody", "c"}, "named, and nothing else"
    for key, state in customers.items():
        profile = final[key]["data"]
        assert len(state.conversions) == profile["measures"]["referrals"]
        statuses = {name: value for name, value in zip(DIMENSIONS, state.values, strict=True) if value is not None}
        assert statuses == {name: value for name, value in profile["statuses"].items() if value is not None}
    assert sum(len(state.conversions) for state in customers.values()) == len([n for n in range(7, PAIRS) if n % 5])
    assert product.holes(await product.committed(settings)) == []
    assert expected


async def each_was_told_once(settings: Settings) -> None:
    """No derived event twice, all of them where their receiver lives, and many from another partition than that."""
    ids, crossed = [], 0
    async for record in read_to_end(settings, REKEYED):
        told = json.loads(record.value)
        ids.append(told["id"])
        assert record.partition == partition_of(record.key, PARTITIONS)
        sender = told["data"]["referrer_id" if told["type"] == "referral.known" else "referred_customer_id"]
        crossed += partition_of(f"s0/{sender}".encode(), PARTITIONS) != record.partition
    assert len(ids) == len(set(ids))
    assert len([name for name in ids if name]) >= 2 * PAIRS
    assert crossed > len(ids) // 2


async def test_merges_cross_partitions_once_whatever_is_killed(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    """Everybody has bought under two names, and goes on under both after they were merged: one customer has it all."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(yaml.safe_dump(POLICY))
    product.run(environment, "topics", "create", "--partitions", str(PARTITIONS))
    product.run(environment, "policy", "publish", str(policy))
    events = []
    for n in range(MERGES):
        for place, name in enumerate((f"x-{n}", f"y-{n}", f"x-{n}", f"y-{n}")):
            if place == 2:
                events.append(event(9 * n + 3, "customer.merged", f"x-{n}", into=f"y-{n}"))
            order = {"order_id": f"o-{n}-{place}", "currency": "EUR", "total_minor": 1_000}
            events.append(event(9 * n + 2 * place + (place > 1), "order.placed", name, **order))
    topics = {"customer.merged": "contacts", "order.placed": "orders"}
    await send(settings, [Sent(topics[one["type"]], home_of(one), key_of(one), one) for one in events])
    with workers(tmp_path, *PRODUCT) as start:
        hops = 0
        for life in range(MERGE_KILLS):
            worker = start({**environment, "UNIT_RECORDS_MAX": "50"})
            await hopped_beyond(settings, worker, hops)
            worker.kill()
            hops = await hop_count(settings)
            assert hops < 2 * MERGES, f"life {life}: everything was sent before the kill"
        last = start(environment)
        await finish(settings, last, len(events), events[-1]["time"], 1)
        assert last.stop() == 0
    states = await product.states(settings)
    assert {states[f"s0/x-{n}"].merged_into for n in range(MERGES)} == {f"y-{n}" for n in range(MERGES)}
    assert {(states[f"s0/y-{n}"].counting, len(states[f"s0/y-{n}"].order_ms)) for n in range(MERGES)} == {(4, 4)}
    _, final, rejected = product.replayed(tmp_path, [product.write_lines(tmp_path / "history.jsonl", events)], policy)
    assert (rejected, await product.dead_letters(settings)) == ([], [])
    assert set(final) == {f"s0/y-{n}" for n in range(MERGES)}
    for key, profile in final.items():
        statuses = {name: value for name, value in zip(DIMENSIONS, states[key].values, strict=True) if value is not None}
        assert statuses == {name: value for name, value in profile["data"]["statuses"].items() if value is not None}
    committed = await product.committed(settings)
    assert product.holes(committed) == []
    said = [one for published in committed.values() for one in published]
    left = Counter(one["subject"] for one in said if one["type"] == "status.changed" and one["data"]["reason"]["code"] == "merged")
    assert left == {f"x-{n}": left["x-0"] for n in range(MERGES)}, "each subject's statuses ended once"
    crossed = []
    async for record in read_to_end(settings, REKEYED):
        assert record.partition == partition_of(record.key, PARTITIONS)
        if partition_of(f"s0/{json.loads(record.value)['subject']}".encode(), PARTITIONS) != record.partition:
            crossed.append(record.partition)
    assert len(crossed) > MERGES // 2, "what was forwarded went to other partitions"
