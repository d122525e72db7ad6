"""The AsyncAPI 3.0 document: every topic that outside programs write or read, and what lies in it."""

from typing import Any

from stream_app import __version__
from stream_app.codec.dead_letters import CODE, DETAIL, ORIGIN_OFFSET, ORIGIN_PARTITION, ORIGIN_TOPIC
from stream_app.codec.schemas.outputs import OUTPUT_TYPES
from stream_app.codec.schemas.shop import SHOP_TYPES
from stream_app.codec.wire import DERIVED_WIRE_TYPES, WIRE_TYPES
from stream_app.domain.events import ORDER_TYPES, Code

FILE = "asyncapi.json"
_BINDING = "0.5.0"
_FORMAT = "application/schema+json;version=draft-2020-12"
_SHOP = "[A-Za-z0-9._-]{1,128}"
_CUSTOMER_KEY = {"type": "string", "pattern": f"^{_SHOP}/.{{1,128}}$", "description": "{shop_id}/{customer_id} in UTF-8"}
_PERIOD_KEY = {"type": "string", "pattern": f"^{_SHOP}/(?:[0-9]{{4}}-[0-9]{{2}}|now)$", "description": "{shop_id}/{period} in UTF-8"}

# Topic -> (what it is for, its key, the types in it).
_IN: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "orders": ("What customers bought, and watermarks.", _CUSTOMER_KEY, [name for name in WIRE_TYPES if name in ORDER_TYPES]),
    "contacts": ("All other events of customers.", _CUSTOMER_KEY, [name for name in WIRE_TYPES if name not in ORDER_TYPES]),
    "policies": (
        "The thresholds of each shop; compacted.",
        {"type": "string", "pattern": f"^(?:{_SHOP}|\\*)$", "description": "The shop, or * for every shop without a policy of its own."},
        ["policy"],
    ),
}
_BETWEEN: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "customer-events-rekeyed": (
        "Between workers: what a customer's events mean for another customer. Events that were read in a wrong partition travel here too.",
        _CUSTOMER_KEY,
        list(DERIVED_WIRE_TYPES),
    ),
}
_OUT: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "status-changes": (
        "Every change of status, notices, and receipts of erasures.",
        _CUSTOMER_KEY,
        [name for name in OUTPUT_TYPES if name.startswith(("status.", "erasure."))],
    ),
    "win-back": (
        "Customers to win back, won back, or not lost after all.",
        _CUSTOMER_KEY,
        [name for name in OUTPUT_TYPES if name.startswith("winback.")],
    ),
    "service-level": ("The level at which a customer is to be served.", _CUSTOMER_KEY, ["service_level.changed"]),
    "contact-advice": ("How and when to contact a customer next.", _CUSTOMER_KEY, ["contact.advised"]),
    "customer-profiles": ("The latest full picture per customer; compacted.", _CUSTOMER_KEY, ["customer.profile"]),
    "insights": ("What a shop learns from all its customers, by month and now; compacted.", _PERIOD_KEY, list(SHOP_TYPES)),
}
_DEAD_LETTERS = "dead-letters"


def make_asyncapi(suffix: str) -> dict[str, Any]:
    """The document; payloads refer to the schema files beside it, whose names end in `suffix`."""
    topics = _IN | _BETWEEN | _OUT
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "stream-app",
            "version": __version__,
            "description": "Customer status as a stream. Records are CloudEvents 1.0 in JSON; topic names take the prefix setting.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {name: _channel(name, *topic) for name, topic in topics.items()} | {_DEAD_LETTERS: _dead_letters()},
        "operations": {name: _operation(name, "receive") for name in _IN}
        | {name: _operation(name, "send") for name in (*_BETWEEN, *_OUT, _DEAD_LETTERS)},
        "components": {"messages": {kind: _message(kind, key, suffix) for _, key, kinds in topics.values() for kind in kinds}},
    }


def read_and_published() -> dict[str, list[str]]:
    """The types of event in each topic that outside programs read or write."""
    return {name: kinds for name, (_, _, kinds) in (_IN | _OUT).items()}


def _channel(name: str, purpose: str, _key: dict[str, Any], kinds: list[str]) -> dict[str, Any]:
    return {
        "address": name,
        "description": purpose,
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in kinds},
        "bindings": {"kafka": {"topic": name, "bindingVersion": _BINDING}},
    }


def _operation(name: str, action: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{name}"}}


def _message(kind: str, key: dict[str, Any], suffix: str) -> dict[str, Any]:
    return {
        "name": kind,
        "contentType": "application/json" if kind == "policy" else "application/cloudevents+json",
        "payload": {"schemaFormat": _FORMAT, "schema": {"$ref": f"./{kind}{suffix}"}},
        "bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}},
    }


def _dead_letters() -> dict[str, Any]:
    headers = {
        CODE: {"enum": [code.value for code in Code]},
        DETAIL: {"type": "string", "description": "The field and the fix, without personal data."},
        ORIGIN_TOPIC: {"type": "string"},
        ORIGIN_PARTITION: {"type": "string", "pattern": "^[0-9]+$"},
        ORIGIN_OFFSET: {"type": "string", "pattern": "^[0-9]+$"},
    }
    letter = {
        "name": "rejected",
        "summary": "A rejected record: key, value and headers as they came, and why.",
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "required": list(headers), "properties": headers},
        "bindings": {"kafka": {"bindingVersion": _BINDING}},
    }
    return {
        "address": _DEAD_LETTERS,
        "description": "Records that could not be used.",
        "messages": {"rejected": letter},
        "bindings": {"kafka": {"topic": _DEAD_LETTERS, "bindingVersion": _BINDING}},
    }
