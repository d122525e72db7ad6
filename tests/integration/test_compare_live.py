"""`compare --live`: what the topics hold, whatever its form, beside the policy in force, comes to the same as files and both policies."""

import json
from pathlib import Path
from typing import Any

from stream_app.settings import Settings
from stream_app.worker.cluster import producer
from stream_app.worker.policy_topic import publish_policy
from stream_app.worker.publish import publish
from stream_app.worker.topics import create_topics
from tests.integration import product

POLICY = "shop: {shop}\ncurrency: EUR\nversion: 4\n{more}rhythm: {{default: {{method: fixed, days: {days}}}}}\n"
UNTIL = "2025-12-31T00:00:00Z"


def bought(number: int, shop: str = "acme") -> dict[str, Any]:
    envelope = {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": f"/shops/{shop}",
        "type": "order.placed",
        "subject": f"c {number % 9}/ü",
    }
    data = {"order_id": f"o{number}", "currency": "EUR", "total_minor": 1_000 + number}
    return {**envelope, "time": f"2025-{1 + number % 9:02}-{1 + number % 27:02}T10:00:00Z", "data": data}


def policy(folder: Path, name: str, days: int, more: str = "", shop: str = "acme") -> str:
    (folder / name).write_text(POLICY.format(days=days, more=more, shop=shop))
    return str(folder / name)


async def test_the_topics_give_what_the_same_events_in_a_file_give(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    await create_topics(settings, 2)
    one, other = policy(tmp_path, "one.yaml", 60), policy(tmp_path, "other.yaml", 20)
    await publish_policy(settings, Path(policy(tmp_path, "force.yaml", 60, "live_since: 2026-01-01T00:00:00Z\nclock: events\n")))
    await publish_policy(settings, Path(policy(tmp_path, "b.yaml", 5, shop="b")))
    events = [bought(number) for number in range(60)]
    file = product.write_lines(tmp_path / "all.jsonl", events)
    await publish(
        settings, [product.write_lines(tmp_path / "some.jsonl", [*events[:50], *(bought(n, "b") for n in range(9))])], history=True
    )
    async with producer(settings) as client:
        for event in events[50:55]:
            await client.send_and_wait(settings.topic("orders"), json.dumps(event, indent=2).encode())
        for event in events[55:]:
            headers = [(f"ce_{name}", value.encode()) for name, value in event.items() if name != "data"]
            await client.send_and_wait(settings.topic("orders"), json.dumps(event["data"], indent=2).encode(), headers=headers)
        await client.send_and_wait(settings.topic("contacts"), b"nonsense")

    def compared(*arguments: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(product.run(environment, "compare", *arguments, "--until", UNTIL, "--json"))
        return told

    found = compared("--live", "--policy", other)
    assert found == compared(str(file), "--policy", one, "--policy", other)
    assert found["difference"]["customers_affected"] > 0
    assert found["a"]["customers"] == 9
    assert compared("--live", "--policy", one)["difference"]["is_same"], "what it mails, and by which clock, is no difference"
