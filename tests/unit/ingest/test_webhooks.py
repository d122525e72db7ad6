"""Webhooks of Shopify and WooCommerce: signatures with vectors, the platforms' own ids, what is answered and ignored."""

import hmac
import json
from base64 import b64encode
from typing import Any

import pytest

from stream_app.web.api.guard import Rates
from stream_app.web.ingest.keys import Access, Shop
from tests.unit.ingest.door import SHOPIFY_SECRET, WOO_SECRET, Door, door
from tests.unit.intake.test_ready import SHOPIFY_ORDERS, WOOCOMMERCE


def signed(secret: str, body: bytes) -> str:
    return b64encode(hmac.new(secret.encode(), body, "sha256").digest()).decode()


async def shopify(knock: Door, order: Any, topic: str = "orders/create", **headers: str) -> Any:
    body = order if isinstance(order, bytes) else json.dumps(order).encode()
    given = {"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": signed(SHOPIFY_SECRET, body), **headers}
    return await knock.post("/v1/webhooks/shopify/acme", body, key=None, **given)


async def woocommerce(knock: Door, order: Any, topic: str = "order.updated", **headers: str) -> Any:
    body = json.dumps(order).encode()
    given = {"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": signed(WOO_SECRET, body), **headers}
    return await knock.post("/v1/webhooks/woocommerce/acme", body, key=None, **given)


# RFC 4231, test cases 1, 3 and 7.
@pytest.mark.parametrize(
    ("secret", "body", "digest"),
    [
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (
            b"\xaa" * 131,
            (
                b"This is a test using a larger than block-size key and a larger than block-size data. "
                b"The key needs to be hashed before being used by the HMAC algorithm."
            ),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ],
)
def test_the_signature_is_hmac_sha256_in_base64(secret: bytes, body: bytes, digest: str) -> None:
    shop = Shop("acme", Rates(1))
    access = Access({"acme": shop}, {}, {("shopify", "acme"): secret})
    right = b64encode(bytes.fromhex(digest)).decode()
    assert access.of_signature("shopify", "acme", body, right) is shop
    assert access.of_signature("shopify", "acme", body, f" {right}\n") is shop
    for form, name, text, given in (
        ("shopify", "acme", body + b" ", right),
        ("shopify", "acme", body, digest),
        ("shopify", "acme", body, ""),
        ("shopify", "acme", body, "grün"),
        ("woocommerce", "acme", body, right),
        ("shopify", "nobody", body, right),
    ):
        assert access.of_signature(form, name, text, given) is None


async def test_an_order_of_shopify_counts_once_however_many_deliveries_tell_of_it() -> None:
    order = SHOPIFY_ORDERS[0]
    async with door() as knock:
        for topic in ("orders/create", "orders/paid", "orders/updated", "orders/create"):
            assert (await shopify(knock, order, topic, **{"X-Shopify-Webhook-Id": f"w-{topic}"}))[0] == 200
        placed = [one for one in knock.log.events() if one["type"] == "order.placed"]
        assert {(one["id"], one["source"], one["subject"]) for one in placed} == {("order-#1001", "/shops/acme", "ann@example.com")}
        assert {one["id"] for one in knock.log.events()} == {"order-#1001", "refund-901", "refund-902"}
        assert ("delivery", b"w-orders/create") in knock.log.entries[0].headers


async def test_woocommerce_in_the_recorded_shape() -> None:
    async with door() as knock:
        for order, accepted in zip(WOOCOMMERCE, (2, 2, 0), strict=True):
            status, told = await woocommerce(knock, order, **{"X-WC-Webhook-Delivery-ID": "d1"})
            assert (status, told) == (200, {"accepted": accepted, "ignored": int(not accepted)})
        assert [one["id"] for one in knock.log.events()] == ["order-727", "refund-900", "order-728", "cancel-728"]


@pytest.mark.parametrize("topic", ["products/update", "orders/delete", "customers/create", ""])
async def test_what_is_no_order_is_answered_and_ignored(topic: str) -> None:
    async with door() as knock:
        assert await shopify(knock, {"id": 1}, topic) == (200, {"accepted": 0, "ignored": 1})
        assert await woocommerce(knock, {"id": 1}, "order.deleted") == (200, {"accepted": 0, "ignored": 1})
        assert knock.log.entries == []


async def test_the_ping_of_a_new_webhook_is_answered_though_it_is_not_signed() -> None:
    form = "application/x-www-form-urlencoded"
    async with door() as knock:
        assert (await knock.post("/v1/webhooks/woocommerce/acme", b"webhook_id=12", form, None))[0] == 200
        assert (await knock.post("/v1/webhooks/woocommerce/acme", b"webhook_id=12&x=1", form, None))[0] == 401
        assert (await knock.post("/v1/webhooks/shopify/acme", b"webhook_id=12", form, None))[0] == 401


async def test_a_wrong_signature_another_shop_and_another_platform_are_refused_alike() -> None:
    body = json.dumps(SHOPIFY_ORDERS[0]).encode()
    right = signed(SHOPIFY_SECRET, body)
    async with door() as knock:
        told = []
        for shop, signature in (("acme", signed("another secret of theirs", body)), ("acme", ""), ("nobody", right), ("other", right)):
            headers = {"X-Shopify-Topic": "orders/create", "X-Shopify-Hmac-Sha256": signature}
            told.append(await knock.post(f"/v1/webhooks/shopify/{shop}", body, key=None, **headers))
        assert all(one == told[0] for one in told)
        assert (told[0][0], told[0][1]["field"]) == (401, "X-Shopify-Hmac-Sha256")
        assert (await knock.post("/v1/webhooks/magento/acme", body, key=None))[0] == 404
        assert knock.log.entries == []


async def test_an_order_that_cannot_be_used_is_400_and_quotes_nobody() -> None:
    async with door() as knock:
        status, told = await shopify(knock, {**SHOPIFY_ORDERS[0], "total_price": "ann@example.com"})
        assert (status, told["field"], told["code"]) == (400, "data.total_minor", "invalid_data")
        assert "ann" not in json.dumps(told)
        assert (await shopify(knock, b"{"))[0] == 400
        assert knock.log.entries == []
