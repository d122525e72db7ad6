"""`publish`: every good line at its key's partition with its event time, refused lines named, watermarks everywhere."""

import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from aiokafka.partitioner import murmur2

from stream_app.errors import Failure, TopicError
from stream_app.settings import Settings
from stream_app.worker.cluster import read_to_end
from stream_app.worker.policy_topic import publish_policy, read_policies
from stream_app.worker.publish import publish
from stream_app.worker.topics import create_topics


def event(
    number: int, kind: str = "order.placed", customer: str | None = None, time: str = "2024-03-01T10:00:00Z", shop: str = "acme"
) -> dict[str, Any]:
    subject = customer or f"customer {number % 7}/ü"
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": f"/shops/{shop}",
        "type": kind,
        "subject": subject,
        "time": time,
        "data": {},
    }


def write(file: Path, lines: list[Any]) -> Path:
    file.write_bytes(b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines))
    return file


async def records(settings: Settings, name: str) -> list[Any]:
    return [record async for record in read_to_end(settings, name)]


@pytest.fixture
async def topics(settings: Settings) -> Settings:
    await create_topics(settings, partitions=3)
    return settings


async def test_key_partition_timestamp_headers_and_value(topics: Settings, tmp_path: Path) -> None:
    lines = [
        event(n, "contact.made" if n % 3 == 0 else "order.placed", time=f"2024-03-{1 + n % 28:02}T10:00:00.5+01:00") for n in range(500)
    ]
    done = await publish(topics, [write(tmp_path / "a.jsonl", lines)])
    assert done.events == {"contact.made": 167, "order.placed": 333}
    by_id = {line["id"]: line for line in lines}
    for name, kind in (("orders", "order.placed"), ("contacts", "contact.made")):
        found = await records(topics, name)
        assert len(found) == done.events[kind]
        for record in found:
            sent = by_id[json.loads(record.value)["id"]]
            assert json.loads(record.value) == sent
            assert record.key == f"acme/{sent['subject']}".encode()
            assert record.partition == (murmur2(record.key) & 0x7FFFFFFF) % 3
            assert time.strftime("%Y-%m-%dT%H", time.gmtime(record.timestamp / 1000)) == sent["time"][:11] + "09"
            assert record.headers == (("content-type", b"application/cloudevents+json"),)
        for partition in range(3):
            order = [int(json.loads(r.value)["id"][1:]) for r in found if r.partition == partition]
            assert order == sorted(order)


async def test_bad_lines_are_refused_with_their_number_and_flawed_events_travel(topics: Settings, tmp_path: Path) -> None:
    flawed: list[dict[str, Any]] = [
        {"type": "order.placed"},
        event(2, time="never"),
        event(3, time="2999-01-01T00:00:00Z"),
        {**event(4), "source": "nowhere"},
        {**event(5), "subject": None},
    ]
    lines: list[Any] = [event(0), b"{not json", b"", b"[]", {**event(1), "type": "order.lost"}, b'{"type":7}', b"\xff", *flawed, event(9)]
    before_ms = int(time.time() * 1000)
    done = await publish(topics, [write(tmp_path / "a.jsonl", lines)])
    assert done.refused == 5
    assert [complaint.rpartition("a.jsonl:")[2].split(":")[0] for complaint in done.complaints] == ["2", "4", "5", "6", "7"]
    found = {json.loads(r.value).get("id"): r for r in await records(topics, "orders")}
    assert len(found) == 7
    assert found["e3"].timestamp >= before_ms <= found["e2"].timestamp
    assert found["e0"].timestamp < before_ms
    assert (found["e4"].key, found["e5"].key, found[None].key) == (None, b"acme", None)


async def test_history_ends_with_a_watermark_of_each_shop_in_every_partition(topics: Settings, tmp_path: Path) -> None:
    lines = [
        event(0),
        event(1, shop="b", time="2024-01-01T00:00:00Z"),
        event(2, "contact.made", time="2024-05-05T00:00:00Z"),
        event(3, time="2999-01-01T00:00:00Z"),
    ]
    done = await publish(topics, [write(tmp_path / "a.jsonl", lines)], history=True)
    assert done.watermarks == 2
    last: dict[int, dict[bytes, Any]] = defaultdict(dict)
    for record in await records(topics, "orders"):
        if json.loads(record.value)["type"] == "watermark":
            last[record.partition][record.key] = json.loads(record.value)
        else:
            assert record.key not in last[record.partition], "an event follows its shop's watermark"
    assert set(last) == {0, 1, 2}
    for marks in last.values():
        assert {key: (mark["source"], mark["time"]) for key, mark in marks.items()} == {
            b"acme": ("/shops/acme", "2024-05-05T00:00:00.000Z"),
            b"b": ("/shops/b", "2024-01-01T00:00:00.000Z"),
        }
        assert all("subject" not in mark for mark in marks.values())


async def test_several_files_are_merged_by_event_time(topics: Settings, tmp_path: Path) -> None:
    one = [event(n, customer="c", time=f"2024-03-01T10:{n:02}:00Z") for n in range(0, 60, 2)]
    two = [event(n, customer="c", time=f"2024-03-01T10:{n:02}:00Z") for n in range(1, 60, 2)]
    await publish(topics, [write(tmp_path / "1.jsonl", one), write(tmp_path / "2.jsonl", two)])
    assert [json.loads(r.value)["id"] for r in await records(topics, "orders")] == [f"e{n}" for n in range(60)]


async def test_a_byte_order_mark_is_no_part_of_the_first_line(topics: Settings, tmp_path: Path) -> None:
    file = write(tmp_path / "windows.jsonl", [event(0), event(1)])
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert (await publish(topics, [file])).refused == 0
    assert sorted(json.loads(r.value)["id"] for r in await records(topics, "orders")) == ["e0", "e1"]


async def test_the_rate_is_kept(topics: Settings, tmp_path: Path) -> None:
    started = time.monotonic()
    await publish(topics, [write(tmp_path / "a.jsonl", [event(n) for n in range(300)])], rate=200)
    assert 1.2 < time.monotonic() - started < 20


async def test_a_missing_file_or_topic_is_one_line(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no such file"):
        await publish(settings, [tmp_path / "none.jsonl"])
    with pytest.raises(TopicError, match="does not exist: create it with"):
        await publish(settings, [write(tmp_path / "a.jsonl", [event(0)])])


async def test_policies_are_published_under_their_shop_and_shown(topics: Settings, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("shop: acme\nversion: 2\ncurrency: EUR\n")
    (tmp_path / "d.json").write_text('{"currency": "USD"}')
    ref = await publish_policy(topics, tmp_path / "p.yaml")
    assert (ref.shop, ref.version) == ("acme", 2)
    assert (await publish_policy(topics, tmp_path / "d.json")).shop == "*"
    found = await read_policies(topics)
    assert {shop: policy["currency"] for shop, policy in found.items()} == {"*": "USD", "acme": "EUR"}
