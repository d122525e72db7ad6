"""The webhooks of Shopify and WooCommerce, through the mappings `shopify-orders` and `woocommerce`.

The id of an event is the platform's own: of the order, the refund, the cancellation. An order comes in several deliveries (created,
paid, fulfilled), each of them at least once, and counts once. The delivery's id goes along as the record's header `delivery`.

Shopify's `customers/redact` erases a customer: Shopify sends it when a customer has asked the shop to forget him.
"""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import msgspec
from multidict import CIMultiDictProxy

from stream_app.codec.changes import HEADERS
from stream_app.codec.events import TIME_MIN_MS
from stream_app.codec.times import format_time, parse_time_ms
from stream_app.domain.events import Code, Rejected
from stream_app.web.ingest.found import Flaw, Found, check
from stream_app.web.ingest.segment import read_document, read_mapped

_ID: Final = re.compile(r"[!-~]{1,128}")
_REDACT: Final = "customers/redact"
_TRIGGERED: Final = "X-Shopify-Triggered-At"
_PING: Final = re.compile(rb"webhook_id=[0-9]{1,20}")


@dataclass(frozen=True)
class Platform:
    """How a platform speaks.

    Attributes:
        name: in the path, and in the secret document.
        mapping: what makes events of its orders.
        signature: the header with HMAC-SHA256 of the body, in base64.
        topic: the header that says what happened.
        orders: the topics whose body is an order; all others are answered and ignored.
        deliveries: headers with the delivery's own id; the first is the same for all deliveries of one event.
        erasures: the topics that ask to forget a customer.
        by_hand: the topics that ask for what people must do: they are answered, and said in the log.
    """

    name: str
    mapping: str
    signature: str
    topic: str
    orders: frozenset[str]
    deliveries: tuple[str, ...]
    erasures: frozenset[str] = frozenset()
    by_hand: frozenset[str] = frozenset()


SHOPIFY: Final = Platform(
    "shopify",
    "shopify-orders",
    "X-Shopify-Hmac-Sha256",
    "X-Shopify-Topic",
    frozenset(f"orders/{what}" for what in ("create", "updated", "paid", "cancelled", "fulfilled", "partially_fulfilled")),
    ("X-Shopify-Event-Id", "X-Shopify-Webhook-Id"),
    frozenset({_REDACT}),
    frozenset({"customers/data_request", "shop/redact"}),
)
WOOCOMMERCE: Final = Platform(
    "woocommerce",
    "woocommerce",
    "X-WC-Webhook-Signature",
    "X-WC-Webhook-Topic",
    frozenset(f"order.{what}" for what in ("created", "updated", "restored")),
    ("X-WC-Webhook-Delivery-ID",),
)
PLATFORMS: Final = {platform.name: platform for platform in (SHOPIFY, WOOCOMMERCE)}


def is_ping(platform: Platform, headers: CIMultiDictProxy[str], body: bytes) -> bool:
    """Whether it is what WooCommerce sends, unsigned, when a webhook is made: it is switched off if nobody answers."""
    return platform is WOOCOMMERCE and platform.signature not in headers and _PING.fullmatch(body) is not None


def read_webhook(platform: Platform, headers: CIMultiDictProxy[str], body: bytes, shop: str, now_ms: int) -> Found:
    """The events of a delivery.

    Raises:
        Problem: the body is no JSON object.
    """
    topic = headers.get(platform.topic, "")
    if topic not in platform.orders | platform.erasures:
        return Found(ignored=1)
    delivery = next((headers[name] for name in platform.deliveries if _ID.fullmatch(headers.get(name, ""))), None)
    kept = [*HEADERS, *([("delivery", delivery.encode())] if delivery else [])]
    if topic in platform.erasures:
        return _erasure(read_document(body), headers, body, shop, now_ms, kept)
    found = read_mapped(platform.mapping, [(0, read_document(body))], shop, now_ms, kept)
    found.flaws = [flaw._replace(place=None) for flaw in found.flaws]
    return found


def _erasure(
    document: dict[str, Any], headers: CIMultiDictProxy[str], body: bytes, shop: str, now_ms: int, kept: list[tuple[str, bytes]]
) -> Found:
    """Who is to be forgotten, named as the orders name him; one whom no order could name is unknown here.

    The id comes of Shopify's id of the request, so that it counts once however often it is delivered, and again if he came back and asks
    again. The time is when he asked, so that what he did before is forgotten, and what he does later is not.
    """
    customer = document.get("customer")
    email = customer.get("email") if isinstance(customer, dict) else None
    if not isinstance(email, str) or not email.strip():
        return Found(ignored=1)
    event_id = headers.get(SHOPIFY.deliveries[0], "")
    named = event_id.encode() if _ID.fullmatch(event_id) else body
    asked_ms = parse_time_ms(headers.get(_TRIGGERED, ""))
    if asked_ms is not None and asked_ms < TIME_MIN_MS:  # `format_time` has no words for the year 0
        return Found(flaws=[Flaw(None, Code.TIME_OUT_OF_RANGE.value, f"{_TRIGGERED}: before 1990; send the time of the request")])
    event = {
        "specversion": "1.0",
        "id": f"redact-{blake2b(named, digest_size=16).hexdigest()}",
        "source": f"/shops/{shop}",
        "type": "customer.erased",
        "subject": email.strip().lower(),
        "time": format_time(now_ms if asked_ms is None else min(asked_ms, now_ms)),
        "data": {},
    }
    checked = check(msgspec.json.encode(event), (), kept, shop, now_ms)
    if isinstance(checked, Rejected):
        return Found(flaws=[Flaw(None, checked.code.value, checked.detail)])
    return Found(entries=[checked])
