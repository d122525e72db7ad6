"""Every leaf of every recorded shape, replaced by what nobody expects: it is answered, and never with a mistake of ours."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.ingest.door import Door, door
from tests.unit.ingest.test_events import BATCH, SINGLE, event
from tests.unit.ingest.test_webhooks import shopify, woocommerce
from tests.unit.intake.test_ready import SEGMENT, SHOPIFY_ORDERS, WOOCOMMERCE

HOSTILE: list[Any] = [
    None, "", " ", "x", "\x00", "ü" * 200, "9" * 400, "1e400", "-0.001", 0, -1, 1.5, 1e308, 10**30, True, [], {}, [[]], [{}], [None],
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-13-45T99:99:99Z", "2026-03-01 25:00", "XXX",
]  # fmt: skip


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything inside a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inside:
        yield (*before, name)
        yield from places(one, (*before, name))


def mutants(document: Any) -> Iterator[Any]:
    """The document with one thing in it replaced."""
    for place in places(document):
        for hostile in HOSTILE:
            changed = copy.deepcopy(document)
            at = changed
            for name in place[:-1]:
                at = at[name]
            at[place[-1]] = hostile
            yield changed


async def ask(knock: Door, form: str, document: Any) -> int:
    if form == "shopify":
        return int((await shopify(knock, document, "orders/updated"))[0])
    if form == "woocommerce":
        return int((await woocommerce(knock, document))[0])
    return int(
        (await knock.post("/v1/events" if form == "events" else "/v1/track", document, SINGLE if form == "events" else "application/json"))[
            0
        ]
    )


@pytest.mark.parametrize(
    ("form", "document"),
    [("events", event()), ("track", SEGMENT[0]), ("track", SEGMENT[2]), ("shopify", SHOPIFY_ORDERS[0]), ("woocommerce", WOOCOMMERCE[0])],
    ids=["events", "order", "refund", "shopify", "woocommerce"],
)
async def test_whatever_stands_in_a_field_it_is_stored_or_refused(form: str, document: Any) -> None:
    async with door() as knock:
        seen = dict.fromkeys((200, 202, 400), 0)
        for mutant in mutants(document):
            status = await ask(knock, form, mutant)
            assert status in (200, 202, 400, 403), mutant
            seen[status] = seen.get(status, 0) + 1
        assert seen[400] > 20
        assert seen[200] + seen[202] > 20
        assert all(len(entry.key) < 700 for entry in knock.log.entries)


@pytest.mark.parametrize(
    "text", [b'{"a":' * 100_000, b"[" * 100_000, b'{"event":"\\ud800","userId":"\\udfff"}', b'{"total":1e999}', b'"x"', b"NaN"]
)
async def test_text_that_is_hardly_json_is_400(text: bytes) -> None:
    async with door() as knock:
        for path, kind in (
            ("/v1/track", "application/json"),
            ("/v1/batch", "application/json"),
            ("/v1/events", SINGLE),
            ("/v1/events", BATCH),
        ):
            status, told = await knock.post(path, text, kind)
            assert status == 400, path
            assert told["fix"]
        assert (await shopify(knock, text))[0] == 400


async def test_a_text_just_too_deep_to_be_looked_through_is_400() -> None:
    call = {"event": "Order Completed", "userId": "u", "properties": {"order_id": "o", "total": "1.00"}}
    async with door() as knock:
        for depth in range(600, 1_010, 2):
            text = json.dumps(call).encode().replace(b'"o"', b"[" * depth + b"]" * depth)
            status, told = await knock.post("/v1/track", text)
            assert (status, told["field"]) in {(400, "id"), (400, "value"), (400, "body")}, depth
        assert told["detail"] == "body: nested too deeply"
