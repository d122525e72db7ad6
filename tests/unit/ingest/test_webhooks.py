"""Webhooks of Shopify and WooCommerce: signatures with vectors, the platforms' own ids, what is answered and ignored."""

import hmac
import json
from base64 import b64encode
from typing import Any

import pytest

from stream_app.telemetry.logs import configure_logging
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
        assert [one["id"] for one in knock.log.events()] == ["order-727", "refund-900", "cancel-728", "order-728"]


PAID = "2026-03-23T09:00:00"


@pytest.mark.parametrize(
    ("life", "left"),
    [
        ([("on-hold", None), ("failed", None), ("trash", None)], set()),
        ([("on-hold", None), ("cancelled", None)], {"order-728", "cancel-728"}),
        ([("pending", None), ("failed", None), ("processing", PAID)], {"order-728"}),  # the card was refused at first
        ([("processing", None), ("cancelled", None)], {"order-728", "cancel-728"}),  # to be paid at the door
        ([("on-hold", None), ("processing", PAID)], {"order-728"}),
        ([("processing", PAID), ("on-hold", PAID), ("failed", PAID)], {"order-728", "cancel-728"}),  # charged back
        ([("trash", PAID)], {"order-728", "cancel-728"}),  # the cancellation finds its order, even if it is the first that we hear
    ],
)
async def test_an_order_of_woocommerce_counts_from_its_payment_until_the_money_is_gone(
    life: list[tuple[str, str | None]], left: set[str]
) -> None:
    async with door() as knock:
        for status, paid in life:
            order = WOOCOMMERCE[1] | {"status": status, "date_paid_gmt": paid}
            assert (await woocommerce(knock, order))[0] == 200
        assert {one["id"] for one in knock.log.events()} == left


@pytest.mark.parametrize("email", ["", "  ", None, "deleted@site.invalid"])
@pytest.mark.parametrize("place", [0, 1])
async def test_an_order_of_nobody_whom_we_could_name_is_answered_and_ignored(email: str | None, place: int) -> None:
    async with door() as knock:
        for order in (WOOCOMMERCE[place] | {"billing": {"email": email}}, WOOCOMMERCE[place] | {"billing": None}):
            assert await woocommerce(knock, order) == (200, {"accepted": 0, "ignored": 1})
        if email != "deleted@site.invalid":
            assert await shopify(knock, SHOPIFY_ORDERS[place] | {"email": email}) == (200, {"accepted": 0, "ignored": 1})
        assert knock.log.entries == []


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


REDACT = {
    "shop_id": 954889,
    "shop_domain": "acme.myshopify.com",
    "customer": {"id": 191167, "email": " Ann@Example.com", "phone": "555-625-1199"},
    "orders_to_redact": [299938, 280263, 220458],
}


async def redact(knock: Door, event_id: str, at: str = "2026-03-01T10:15:00.5Z", **changes: Any) -> Any:
    headers = {"X-Shopify-Event-Id": event_id, "X-Shopify-Triggered-At": at}
    return await shopify(knock, {**REDACT, **changes}, "customers/redact", **headers)


async def test_a_redaction_of_shopify_erases_the_customer_whom_orders_name_and_once_for_each_request() -> None:
    async with door() as knock:
        await shopify(knock, SHOPIFY_ORDERS[0])
        for event_id in ("e-1", "e-1", "e-2"):
            assert await redact(knock, event_id) == (200, {"accepted": 1, "ignored": 0})
        first, again, later = (one for one in knock.log.events() if one["type"] == "customer.erased")
        assert first == again
        assert first["id"] != later["id"]
        assert (first["subject"], first["time"]) == ("ann@example.com", "2026-03-01T10:15:00.500Z")
        assert first["subject"] == knock.log.events()[0]["subject"]
        entry = knock.log.entries[-1]
        assert (entry.topic, entry.key, entry.forgets_key) == ("contacts", b"acme/ann@example.com", True)
        assert "555" not in entry.value.decode()
        assert ("delivery", b"e-2") in entry.headers


async def test_a_redaction_without_its_headers_has_the_same_id_again_and_a_time() -> None:
    async with door() as knock:
        for _ in range(2):
            assert (await shopify(knock, REDACT, "customers/redact"))[0] == 200
        for at in ("yesterday", "2999-01-01T00:00:00Z"):
            assert (await redact(knock, "e", at))[1]["accepted"] == 1
        ids = [one["id"] for one in knock.log.events()]
        assert ids[0] == ids[1] != ids[2] == ids[3]
        assert all(one["time"] < "2999" for one in knock.log.events())


@pytest.mark.parametrize("at", ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1989-12-31T23:59:59Z"])
async def test_a_redaction_from_before_all_times_is_400_and_names_the_header(at: str) -> None:
    async with door() as knock:
        status, told = await redact(knock, "e", at)
        assert (status, told["field"], told["code"]) == (400, "X-Shopify-Triggered-At", "time_out_of_range")
        assert (await redact(knock, "e", "9999-12-31T23:59:59-14:00"))[0] == 200
        assert len(knock.log.entries) == 1


@pytest.mark.parametrize("customer", [None, {}, "ann", {"email": None}, {"email": " "}, {"email": 5}])
async def test_a_redaction_of_nobody_whom_we_could_know_is_ignored(customer: Any) -> None:
    async with door() as knock:
        assert await redact(knock, "e", customer=customer) == (200, {"accepted": 0, "ignored": 1})
        assert knock.log.entries == []


async def test_a_redaction_is_signed_and_its_customer_must_be_one() -> None:
    async with door() as knock:
        body = json.dumps(REDACT).encode()
        wrong = {"X-Shopify-Topic": "customers/redact", "X-Shopify-Hmac-Sha256": signed("not the secret at all", body)}
        assert (await knock.post("/v1/webhooks/shopify/acme", body, key=None, **wrong))[0] == 401
        status, told = await redact(knock, "e", customer={"email": "x" * 129})
        assert (status, told["field"]) == (400, "subject")
        assert (await shopify(knock, b"[]", "customers/redact"))[0] == 400
        assert knock.log.entries == []


@pytest.mark.parametrize("topic", ["customers/data_request", "shop/redact"])
async def test_what_people_must_do_is_said_in_the_log_without_a_name(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "INFO")
    async with door() as knock:
        assert await shopify(knock, REDACT, topic) == (200, {"accepted": 0, "ignored": 1})
        assert knock.log.entries == []
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "people must do" in line]
    assert topic in said
    assert "ann" not in said.lower()
