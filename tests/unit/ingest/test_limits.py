"""Limits: how much a shop may send, how much may wait, and what is answered when Kafka is not heard."""

import asyncio
import io
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from stream_app.telemetry.ingest import FORMS, IngestMetrics
from stream_app.web.api.guard import Rates
from stream_app.web.api.problems import Problem
from stream_app.web.ingest.body import BODY_BYTES_MAX
from stream_app.web.ingest.openapi import DOCUMENT
from tests.unit.ingest.door import KEY, OTHER_KEY, door
from tests.unit.ingest.test_events import BATCH, SINGLE, event

DOCS = Path(__file__).parents[3] / "docs" / "ingest.md"


def theirs(number: int) -> dict[str, Any]:
    return event(number, source="/shops/other")


async def test_a_shop_has_so_many_events_a_second_and_others_are_not_kept_by_it() -> None:
    async with door() as knock:
        assert (await knock.post("/v1/events", [theirs(number) for number in range(10)], BATCH, OTHER_KEY))[0] == 202
        status, told = await knock.post("/v1/events", theirs(11), SINGLE, OTHER_KEY)
        assert status == 429
        assert int(knock.retry_after or 0) >= 1
        assert told["fix"].startswith("wait ")
        status, _ = await knock.post("/v1/events", [theirs(number) for number in range(7)], BATCH, OTHER_KEY)
        assert (status, knock.retry_after) == (429, "2"), "there is room for them after 1.4 s"
        assert (await knock.post("/v1/events", event(), SINGLE, KEY))[0] == 202
        assert knock.counted("throttled_total", why="rate") == 2
        assert len(knock.log.entries) == 11


async def test_what_holds_no_event_is_answered_while_a_shop_owes() -> None:
    page = {"type": "page", "messageId": "m-1", "userId": "c-1", "timestamp": "2026-03-01T10:00:00Z"}
    async with door() as knock:
        assert (await knock.post("/v1/events", [theirs(number) for number in range(100)], BATCH, OTHER_KEY))[0] == 202
        assert (await knock.post("/v1/events", theirs(101), SINGLE, OTHER_KEY))[0] == 429
        status, told = await knock.post("/v1/batch", {"batch": [page]}, key=OTHER_KEY)
        assert (status, told["accepted"], told["ignored"]) == (200, 0, 1)


def test_what_is_more_than_a_full_bucket_is_owed() -> None:
    rates = Rates(5)
    assert rates.take("", 0.0, 100) == 0
    assert rates.take("", 0.0) == pytest.approx((100 - 10 + 1) / 5)
    assert rates.take("", 18.2) == 0


@given(st.integers(1, 50), st.lists(st.tuples(st.floats(0, 3), st.integers(1, 200)), max_size=6))
def test_who_waits_as_long_as_he_is_told_gets_in(per_second: int, asked: list[tuple[float, int]]) -> None:
    rates, now_s = Rates(per_second), 0.0
    for later_s, count in asked:
        now_s += later_s
        wait_s = rates.take("", now_s, count)
        if wait_s:
            told_s = int(Problem(429, "", retry_after_s=wait_s).response().headers["Retry-After"])
            assert 0 < wait_s <= told_s < wait_s + 1
            now_s += told_s
            assert rates.take("", now_s, count) == pytest.approx(0, abs=1e-9)


async def test_an_answer_waits_until_the_event_is_stored() -> None:
    async with door() as knock:
        knock.log.held.clear()
        waiting = asyncio.create_task(knock.post("/v1/events", event(), SINGLE))
        await asyncio.wait_for(knock.log.asked.wait(), 5)
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done, "answered before it was stored"
        knock.log.held.set()
        assert (await waiting)[0] == 202


async def test_kafka_not_heard_is_503_with_when_to_come_back_and_not_ready() -> None:
    async with door() as knock:
        async with knock.session.get(f"{knock.address}/readyz") as response:
            assert (response.status, await response.text()) == (200, "ready")
        knock.log.is_away = True
        status, told = await knock.post("/v1/events", event(), SINGLE)
        assert (status, knock.retry_after) == (503, "5")
        assert "same ids" in told["fix"]
        async with knock.session.get(f"{knock.address}/readyz") as response:
            assert (response.status, await response.text()) == (503, "not ready: Kafka")
        async with knock.session.get(f"{knock.address}/healthz") as response:
            assert response.status == 200


async def test_a_body_that_is_too_large_is_413() -> None:
    async with door() as knock:
        status, told = await knock.post("/v1/events", b"[" + b" " * BODY_BYTES_MAX, BATCH)
        assert (status, told["detail"]) == (413, "the body is larger than 4 MiB")


async def test_without_keys_only_names_of_this_machine_are_answered_and_only_cloudevents() -> None:
    async with door(access=None) as knock:
        assert (await knock.post("/v1/events", theirs(1), SINGLE, None))[0] == 202
        assert (await knock.post("/v1/events", event(), SINGLE, None))[0] == 202
        assert (await knock.post("/v1/events", event(), SINGLE, None, Host="evil.example"))[0] == 403
        assert (await knock.post("/v1/track", {}, key=KEY))[0] == 401
        assert (await knock.post("/v1/webhooks/shopify/acme", {}, key=None))[0] == 401


@pytest.mark.parametrize("key", [None, "", "wrong", KEY + "x"])
async def test_a_missing_or_wrong_key_is_401(key: str | None) -> None:
    async with door() as knock:
        status, told = await knock.post("/v1/events", event(), SINGLE, key)
        assert (status, told["field"]) == (401, "Authorization")
        assert knock.log.entries == []


async def test_paths_methods_and_the_document() -> None:
    async with door() as knock, ClientSession() as session:
        async with session.get(knock.address + DOCUMENT) as response:
            assert set((await response.json())["paths"]) == {"/v1/events", "/v1/track", "/v1/batch", "/v1/webhooks/{platform}/{shop}"}
            assert response.headers["X-Content-Type-Options"] == "nosniff"
        async with session.get(knock.address + "/v1/events") as response:
            assert (response.status, response.headers["Allow"]) == (405, "POST")
        async with session.post(knock.address + "/v1/nothing", data=io.BytesIO(b"")) as response:
            assert (response.status, (await response.json(content_type=None))["fix"]) == (404, f"see {DOCUMENT}")


async def test_labels_are_few_whatever_is_asked() -> None:
    async with door() as knock:
        for path in ("/v1/webhooks/magento/x", "/v1/webhooks/shopify/someone@example.org", "/v1/webhooks/", "/a/b", "/v1/events"):
            async with knock.session.post(knock.address + path, data=b"{}") as response:
                assert response.status in (401, 404)
        samples = [sample for family in knock.metrics.registry.collect() for sample in family.samples]
        assert {sample.labels["form"] for sample in samples if "form" in sample.labels} <= set(FORMS)
        assert {sample.name for sample in samples if not sample.name.startswith("customer_status_")} == set()


def test_the_catalogue_of_metrics() -> None:
    metrics = IngestMetrics()
    metrics.answered("events", 202, 0.01)
    metrics.stored("events", 2, 1)
    metrics.refused("batch", ["invalid_data"])
    metrics.throttled("rate")
    metrics.produced(3, 0.01)
    metrics.watch(lambda: 7, lambda: True)
    found: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            if not sample.name.endswith(("_created", "_bucket", "_sum")):
                found.setdefault(sample.name.removesuffix("_count"), set()).update(sample.labels)
    rows = re.findall(r"^\| `(customer_status_\w+)` \| \w+ \| [^|]+ \|([^|]*)\| [^|]+ \|$", DOCS.read_text(), re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == found
    assert metrics.registry.get_sample_value("customer_status_ingest_waiting_bytes") == 7
