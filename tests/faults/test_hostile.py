"""Ten thousand hostile records among good ones: each ends as a dead letter with its code and coordinates, nothing stops."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.history import make_history
from stream_app.domain.facts.state import describe
from stream_app.engine.transactions.partitioner import partition_of
from stream_app.settings import Settings
from stream_app.worker.cluster import producer, read_to_end
from tests.faults.names import fault
from tests.integration import product
from tests.integration.workers import Worker, workers

POLICY = Path(__file__).parents[2] / "benchmarks" / "policy.yaml"
PARTITIONS = 4
HOSTILE = 10_000
Bytes = tuple[bytes | None, bytes | None]
Bad = Callable[[random.Random, dict[str, Any]], bytes | None]


def _dump(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


def _with(event: dict[str, Any], **data: Any) -> bytes:
    return _dump({**event, "data": {**event["data"], **data}})


def _without(event: dict[str, Any], attribute: str) -> bytes:
    return _dump({name: value for name, value in event.items() if name != attribute})


KINDS: dict[str, list[Bad]] = {
    "invalid_json": [
        lambda chance, event: _dump(event)[: chance.randrange(1, 80)],
        lambda chance, _event: chance.randbytes(chance.randrange(1, 200)),
        lambda _chance, event: _dump(event).replace(b"victim-", b"\xff\xfe"),
        lambda _chance, event: _dump(event).replace(b'"specversion": "1.0"', b'"specversion": "1.0", "x": NaN'),
        lambda _chance, _event: None,
        lambda _chance, _event: b"",
    ],
    "invalid_envelope": [
        lambda chance, event: _without(event, chance.choice(("id", "source", "time", "subject"))),
        lambda _chance, event: _dump({**event, "specversion": "0.3"}),
        lambda _chance, event: _dump({**event, "source": "/stores/bench"}),
        lambda _chance, event: _dump({**event, "time": "yesterday"}),
        lambda _chance, event: _dump({**event, "subject": "a\u0000b"}),
        lambda chance, _event: chance.choice((b"[]", b"null", b"17", b'"text"', b"{}")),
    ],
    "invalid_data": [
        lambda chance, event: _with(event, total_minor=chance.choice(("12", 1.5, None, True, -1, 2**53, [], {}))),
        lambda chance, event: _with(event, order_id=chance.choice((None, "", 7, "x" * 129))),
        lambda _chance, event: _with(event, lines=[{"sku": "s", "quantity": 0, "total_minor": 1}]),
        lambda chance, event: _dump({**event, "data": chance.choice((None, [], "text", 3))}),
    ],
    "unknown_type": [lambda chance, event: _dump({**event, "type": chance.choice(("order.shipped", "Order Completed", ""))})],
    "unknown_shop": [lambda _chance, event: _dump({**event, "source": "/shops/nobody"})],
    "currency_mismatch": [lambda _chance, event: _with(event, currency="USD")],
    "time_out_of_range": [lambda chance, event: _dump({**event, "time": chance.choice(("1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z"))})],
}


def hostile(seed: int) -> list[tuple[str, Bytes]]:
    """(expected code, (key, value)) of each hostile record; a few are as large as the limit allows."""
    chance = random.Random(seed)
    order = next(event for event in make_history(50, 5, seed) if event["type"] == "order.placed")
    found: list[tuple[str, Bytes]] = []
    for number in range(HOSTILE):
        code = chance.choice(list(KINDS))
        value = chance.choice(KINDS[code])(chance, {**order, "id": f"bad-{number}", "subject": f"victim-{number % 50}"})
        key = chance.choice((None, b"", b"bench/victim", chance.randbytes(8)))
        if value is None and key is None:
            key = b"\xff"  # the client under this test refuses to send a record of nothing at all
        found.append((code, (key, value)))
    limit = (1 << 20) - 2_000
    found += [
        ("invalid_json", (None, b"x" * limit)),
        ("unknown_shop", (b"k", _dump({**order, "source": "/shops/nobody", "pad": "x" * (limit - 900)}))),
    ]
    return found


@fault("hostile records")
async def test_ten_thousand_hostile_records(settings: Settings, environment: dict[str, str], tmp_path: Path) -> None:
    good = list(make_history(20_000, 2_000, seed=3))
    keyless = [
        {**event, "id": f"k-{n}", "subject": f"keyless-{n}"} for n, event in enumerate(good[:500]) if event["type"] == "order.placed"
    ]
    bad = hostile(5)
    product.run(environment, "topics", "create", "--partitions", str(PARTITIONS))
    product.run(environment, "policy", "publish", str(POLICY))
    with workers(tmp_path, "stream_app", "worker") as start:
        worker = start(environment)
        sent = await _publish(settings, good, keyless, bad)
        await _everything_is_committed(settings, worker, len(bad), len(good) + len(keyless) + len(bad) + PARTITIONS)
        assert worker.stop() == 0
    letters = [record async for record in read_to_end(settings, "dead-letters")]
    found = {}
    for letter in letters:
        headers = dict(letter.headers)
        place = (headers["error.topic"].decode(), int(headers["error.partition"]), int(headers["error.offset"]))
        found[place] = (headers["error.code"].decode(), (letter.key, letter.value))
        assert "victim" not in headers["error.detail"].decode()
    assert len(letters) == len(bad) == len(found)
    assert found == sent
    assert Counter(code for code, _ in found.values()) == Counter(code for code, _ in bad)
    said = await product.committed(settings)
    files = [product.write_lines(tmp_path / "good.jsonl", good), product.write_lines(tmp_path / "keyless.jsonl", keyless)]
    _, expected, rejected = product.replayed(tmp_path, files, POLICY)
    assert rejected == []
    assert product.holes(said) == []
    states = await product.states(settings)
    assert {key: _facts(describe(state)) for key, state in states.items()} == {
        key: _facts(profile["data"]["facts"]) for key, profile in expected.items()
    }
    # Orders and contacts were published side by side, so some came late: what holds then is the final statuses without dwell.
    final = await product.profiles(settings)
    assert {key: _statuses(profile) for key, profile in final.items()} == {key: _statuses(profile) for key, profile in expected.items()}


def _facts(facts: dict[str, Any]) -> tuple[Any, ...]:
    return facts["orders_counting"], facts["orders_open"], {name: group["occasions"] for name, group in facts["product_groups"].items()}


def _statuses(profile: dict[str, Any]) -> tuple[Any, ...]:
    statuses = profile["data"]["statuses"]
    return statuses["lifecycle"], statuses["churn_risk"], statuses["winback"]


async def _publish(
    settings: Settings, good: list[dict[str, Any]], keyless: list[dict[str, Any]], bad: list[tuple[str, Bytes]]
) -> dict[Any, Any]:
    """Write everything to `orders` and `contacts`, hostile records spread among the good; returns where each hostile one lies."""
    chance = random.Random(1)
    sent: list[tuple[Any, Any]] = []
    records: list[tuple[Any, str, int, bytes | None, bytes | None]] = []
    for event in good:
        key = f"bench/{event['subject']}".encode()
        topic = "contacts" if event["type"].startswith("contact.") else "orders"
        records.append((None, topic, partition_of(key, PARTITIONS), key, _dump(event)))
    hidden: list[tuple[Any, str, int, bytes | None, bytes | None]] = [
        (None, "orders", chance.randrange(PARTITIONS), None, _dump(event)) for event in keyless
    ]
    hidden += [((code, pair), chance.choice(("orders", "contacts")), chance.randrange(PARTITIONS), *pair) for code, pair in bad]
    for record in hidden:
        records.insert(chance.randrange(len(records)), record)
    async with producer(settings, linger_ms=20, max_request_size=2 << 20) as client:
        end = {"specversion": "1.0", "id": "end", "source": "/shops/bench", "type": "watermark", "time": good[-1]["time"]}
        records += [(None, "orders", partition, b"bench", _dump(end)) for partition in range(PARTITIONS)]
        for mark, topic, partition, name, value in records:
            future = await client.send(settings.topic(topic), value, key=name, partition=partition)
            if mark is not None:
                sent.append((mark, future))
        await client.flush()
    places = {}
    for mark, future in sent:
        metadata = await future
        places[metadata.topic, metadata.partition, metadata.offset] = mark
    return places


async def _everything_is_committed(settings: Settings, worker: Worker, letters: int, records: int) -> None:
    began = time.monotonic()
    while await product.applied(settings) < records or len(await product.dead_letters(settings)) < letters:
        assert worker.process.poll() is None, "the worker ended by itself"
        assert time.monotonic() - began < 120, (
            f"{await product.applied(settings)} of {records}, {len(await product.dead_letters(settings))} letters"
        )
        await asyncio.sleep(0.5)
