"""The webhooks of Shopify and WooCommerce, through the mappings `shopify-orders` and `woocommerce`.

The id of an event is the platform's own: of the order, the refund, the cancellation. An order comes in several deliveries (created,
paid, fulfilled), each of them at least once, and counts once. The delivery's id goes along as the record's header `delivery`.
"""

import re
from dataclasses import dataclass
from typing import Final

from multidict import CIMultiDictProxy

from stream_app.codec.changes import HEADERS
from stream_app.web.ingest.found import Found
from stream_app.web.ingest.segment import read_document, read_mapped

_ID: Final = re.compile(r"[!-~]{1,128}")
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
        deliveries: headers with the delivery's own id.
    """

    name: str
    mapping: str
    signature: str
    topic: str
    orders: frozenset[str]
    deliveries: tuple[str, ...]


SHOPIFY: Final = Platform(
    "shopify",
    "shopify-orders",
    "X-Shopify-Hmac-Sha256",
    "X-Shopify-Topic",
    frozenset(f"orders/{what}" for what in ("create", "updated", "paid", "cancelled", "fulfilled", "partially_fulfilled")),
    ("X-Shopify-Event-Id", "X-Shopify-Webhook-Id"),
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
    if headers.get(platform.topic, "") not in platform.orders:
        return Found(ignored=1)
    delivery = next((headers[name] for name in platform.deliveries if _ID.fullmatch(headers.get(name, ""))), None)
    kept = [*HEADERS, *([("delivery", delivery.encode())] if delivery else [])]
    found = read_mapped(platform.mapping, [(0, read_document(body))], shop, now_ms, kept)
    found.flaws = [flaw._replace(place=None) for flaw in found.flaws]
    return found
