"""The OpenAPI document of the paths that take events in."""

from typing import Any, Final

from stream_app import __version__

DOCUMENT: Final = "/v1/openapi.json"
Document = dict[str, Any]
_PROBLEMS: Final = {
    400: "An event cannot be stored; field, fix and code say why.",
    401: "The key or the signature is missing or wrong.",
    403: "The event is another shop's, or the host header names another machine.",
    404: "There is nothing at this path.",
    408: "The body did not come in time.",
    413: "The body is too large: 1 MiB an event, 4 MiB a request.",
    415: "The body is not announced as a CloudEvent, or packed in another way than with gzip.",
    417: "The header Expect asks for something unknown.",
    429: "The shop sends too many events a second, or there is no room for more of its events; Retry-After says when to come back.",
    500: "Something went wrong on our side.",
    503: "Kafka has not said in time that it is stored; send the same again, with the same ids.",
}
_KEYED: Final[list[Document]] = [{"key": []}, {"basic": []}]
_ERROR: Final[Document] = {
    "type": "object",
    "required": ["index", "code", "field", "detail", "fix"],
    "properties": {
        "index": {"type": ["integer", "null"]},
        "code": {"type": "string"},
        "field": {"type": "string"},
        "detail": {"type": "string"},
        "fix": {"type": "string"},
    },
}
_COUNT: Final[Document] = {"type": "integer", "minimum": 0}
_EVENT: Final[Document] = {
    "type": "object",
    "description": "See schemas/ for the data of each type.",
    "required": ["specversion", "id", "source", "type", "time"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 128},
        "source": {"type": "string", "pattern": "^/shops/[A-Za-z0-9._-]{1,128}$"},
        "type": {"type": "string"},
        "subject": {"type": "string", "minLength": 1, "maxLength": 128},
        "time": {"type": "string", "format": "date-time"},
        "data": {},
    },
}
_CALL: Final[Document] = {"type": "object", "description": "A call as Segment's libraries make it; `track` calls of orders are stored."}


def openapi_document() -> Document:
    """The whole document."""
    events = {
        "application/cloudevents+json": {"schema": {"$ref": "#/components/schemas/Event"}},
        "application/cloudevents-batch+json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}}},
        "application/json": {"schema": {"description": "The data, with the attributes as ce- headers; or an event, or a list of them."}},
    }
    batch = {"type": "object", "required": ["batch"], "properties": {"batch": {"type": "array", "items": _CALL}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "stream-app ingest",
            "version": __version__,
            "description": "Events in. A 2xx says that they are stored, in Kafka, by all replicas in sync; errors are problem+json.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/v1/events": {"post": _post("One CloudEvent, or a batch of them: all are stored, or none.", events, (202, "Accepted"), ())},
            "/v1/track": {"post": _post("One call of Segment's.", _json(_CALL), (200, "Counted"), ())},
            "/v1/batch": {"post": _post("A batch of Segment's calls: what can be stored is.", _json(batch), (200, "Counted"), ())},
            "/v1/webhooks/{platform}/{shop}": {
                "parameters": [_in_path("platform", {"enum": ["shopify", "woocommerce"]}), _in_path("shop", {"type": "string"})],
                "post": {
                    **_post("A delivery of Shopify or WooCommerce, signed.", _json({"type": "object"}), (200, "Counted"), (404,)),
                    "security": [{"shopify": []}, {"woocommerce": []}],
                },
            },
        },
        "components": {"schemas": _schemas(), "securitySchemes": _security()},
    }


def _post(summary: str, content: Document, answered: tuple[int, str], more: tuple[int, ...]) -> Document:
    status, shape = answered
    good = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}}}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    statuses = sorted({400, 401, 403, 408, 413, 415, 417, 429, 500, 503, *more})
    return {
        "summary": summary,
        "security": _KEYED,
        "requestBody": {"required": True, "content": content},
        "responses": {
            str(status): {"description": "Stored.", "content": good},
            **{str(one): {"description": _PROBLEMS[one], "content": problem} for one in statuses},
        },
    }


def _json(schema: Document) -> Document:
    return {"application/json": {"schema": schema}}


def _in_path(name: str, schema: Document) -> Document:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _schemas() -> Document:
    counted = {
        "success": {"const": True},
        "accepted": _COUNT,
        "ignored": _COUNT,
        "rejected": _COUNT,
        "errors": {"type": "array", "items": _ERROR},
    }
    problem = {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string"},
        "fix": {"type": "string"},
        "code": {"type": "string"},
        "errors": {"type": "array", "items": _ERROR},
    }
    return {
        "Event": _EVENT,
        "Accepted": {"type": "object", "required": ["accepted"], "properties": {"accepted": _COUNT}},
        "Counted": {"type": "object", "required": ["accepted", "ignored"], "properties": counted},
        "Problem": {"type": "object", "required": ["type", "title", "status", "detail"], "properties": problem},
    }


def _security() -> Document:
    signed = "HMAC-SHA256 of the body, in base64."
    return {
        "key": {"type": "http", "scheme": "bearer", "description": "A key of the shop's."},
        "basic": {"type": "http", "scheme": "basic", "description": "The key as the user's name, as Segment's libraries send it."},
        "shopify": {"type": "apiKey", "in": "header", "name": "X-Shopify-Hmac-Sha256", "description": signed},
        "woocommerce": {"type": "apiKey", "in": "header", "name": "X-WC-Webhook-Signature", "description": signed},
    }
