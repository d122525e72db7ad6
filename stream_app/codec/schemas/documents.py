"""JSON Schemas (2020-12) of every event in and out and of the policy, made from the types that decode and describe them.

Beside them lies the AsyncAPI document that says in which topics they are. Events that we read have open
schemas (unknown fields are ignored), events that we publish closed ones.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
from pydantic.json_schema import GenerateJsonSchema

from stream_app.codec.policy import PolicyDocument
from stream_app.codec.schemas.asyncapi import FILE as ASYNCAPI_FILE
from stream_app.codec.schemas.asyncapi import make_asyncapi
from stream_app.codec.schemas.outputs import OUTPUT_TYPES, UNCAUSED
from stream_app.codec.schemas.shop import SHOP_TYPES
from stream_app.codec.wire import DERIVED_WIRE_TYPES, WIRE_TYPES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SUFFIX = ".schema.json"

_SOURCE = {"type": "string", "pattern": "^/shops/[A-Za-z0-9._-]{1,128}$", "description": "/shops/{shop_id}"}
_CUSTOMER = {
    "type": "string",
    "minLength": 1,
    "maxLength": 128,
    "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
    "description": "The customer id; it may contain slashes.",
}
_PERIOD = {"type": "string", "pattern": "^(?:[0-9]{4}-[0-9]{2}|now)$", "description": "The period: a month, or now."}
_DATE_TIME = (
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\.[0-9]+)?"
    "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""Most validators take `format` for a remark; the pattern lets through what is no date only where months differ in length."""

_TIME = {
    "type": "string",
    "format": "date-time",
    "pattern": _DATE_TIME,
    "description": "RFC 3339 with an offset; finer than a millisecond is floored.",
}
_OUT_TIME = {
    "type": "string",
    "format": "date-time",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$",
    "description": "RFC 3339 in UTC with milliseconds: when it takes effect.",
}
_OUT_ID = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_CUSTOMER_FIELDS = ("referred_customer_id", "referrer_id", "into")
_TIME_FIELDS = ("due_at", "at")

Schema = dict[str, Any]


class _Untitled(GenerateJsonSchema):
    """Without a title for each field, which only repeats its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def make_schemas() -> dict[str, Schema]:
    """Every schema by its file name."""
    made = {"envelope" + SUFFIX: _finish("envelope", _envelope()), "policy" + SUFFIX: _finish("policy", _policy())}
    made |= {name + SUFFIX: _finish(name, _input(name, wire)) for name, wire in (WIRE_TYPES | DERIVED_WIRE_TYPES).items()}
    made |= {name + SUFFIX: _finish(name, _output(name, OUTPUT_TYPES[name], _CUSTOMER)) for name in OUTPUT_TYPES}
    made |= {name + SUFFIX: _finish(name, _output(name, SHOP_TYPES[name], _PERIOD)) for name in SHOP_TYPES}
    return made


def write_schemas(directory: Path) -> list[str]:
    """Write all schemas; returns the names of the files that changed."""
    stale = check_schemas(directory)
    directory.mkdir(parents=True, exist_ok=True)
    made = _make_files()
    for name in stale:
        if name in made:
            (directory / name).write_text(_spell(made[name]), encoding="utf-8")
        else:
            (directory / name).unlink()
    return stale


def check_schemas(directory: Path) -> list[str]:
    """The names of the files that are missing, not as they would be written, or of no use any more."""
    made = _make_files()
    found = {path.name: path.read_text(encoding="utf-8") for path in directory.glob("*.json")}
    return sorted({name for name, schema in made.items() if found.get(name) != _spell(schema)} | (found.keys() - made.keys()))


def _make_files() -> dict[str, Schema]:
    return make_schemas() | {ASYNCAPI_FILE: make_asyncapi(SUFFIX)}


def _spell(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _finish(name: str, schema: Schema) -> Schema:
    return {"$schema": DIALECT, "$id": f"urn:customer-status:{name}", **schema}


def _policy() -> Schema:
    schema = PolicyDocument.model_json_schema(by_alias=True, schema_generator=_Untitled)
    schema["title"] = "A shop's policy"
    return schema


def _envelope() -> Schema:
    """Any event that we read: the attributes of CloudEvents 1.0 that matter to us."""
    return {
        "title": "An event that is read",
        "description": "CloudEvents 1.0 in structured mode. Unknown attributes are ignored.",
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "minLength": 1, "maxLength": 128, "description": "Names the event together with source."},
            "source": _SOURCE,
            "type": {"enum": list(WIRE_TYPES)},
            "subject": _or_null(_CUSTOMER),
            "time": _TIME,
            "datacontenttype": {"type": ["string", "null"], "description": "application/json, the default."},
            "data": {"type": ["object", "null"]},
            "data_base64": {"type": ["string", "null"], "contentEncoding": "base64"},
        },
    }


def _input(name: str, wire: type) -> Schema:
    data, definitions = _define(wire)
    for definition in (data, *definitions.values()):
        _open(definition)
    schema = _envelope()
    schema["title"] = name
    schema["description"] = data.pop("description")
    needs_data = bool(data.get("required"))
    needs_customer = name != "watermark"
    schema["required"] = [*schema["required"], *(["subject"] if needs_customer else []), *(["data"] if needs_data else [])]
    properties = schema["properties"]
    del properties["data_base64"]
    properties["type"] = {"const": name}
    if needs_customer:
        properties["subject"] = _CUSTOMER
    else:
        properties["subject"] = {"type": ["string", "null"], "minLength": 1, "maxLength": 128, "description": "Not read."}
    properties["data"] = data if needs_data else _or_null(data)
    return schema | ({"$defs": definitions} if definitions else {})


def _output(name: str, shape: type, subject: Schema) -> Schema:
    data, definitions = _define(shape)
    properties: Schema = {
        "specversion": {"const": "1.0"},
        "id": _OUT_ID,
        "source": _SOURCE,
        "type": {"const": name},
        "subject": subject,
        "time": _OUT_TIME,
        "datacontenttype": {"const": "application/json"},
        "origin": {"enum": ["live", "backfill"], "description": "backfill: it took effect before the policy's live_since."},
    }
    if name in OUTPUT_TYPES and name not in UNCAUSED:
        properties["causationid"] = _OUT_ID | {"description": "The id of the change that this comes from."}
    description = data.pop("description")
    properties["data"] = data
    return {
        "title": name,
        "description": description,
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
        "$defs": definitions,
    }


def _define(shape: type) -> tuple[Schema, Schema]:
    """The schema of a type, inline, and the definitions it refers to."""
    _, components = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    data = components.pop(shape.__name__)
    del data["title"]
    for definition in components.values():
        definition.pop("title", None)
    return data, components


def _open(definition: Schema) -> None:
    """What the decoder does and the annotations cannot say: nulls in optional fields, customer ids, times."""
    required = definition.get("required", ())
    for name, schema in definition.get("properties", {}).items():
        if name in _CUSTOMER_FIELDS:
            definition["properties"][name] = _CUSTOMER
        elif name in _TIME_FIELDS:
            definition["properties"][name] = _or_null(_TIME) if {"type": "null"} in schema.get("anyOf", ()) else _TIME
        elif name not in required:
            definition["properties"][name] = _or_null(schema)


def _or_null(schema: Schema) -> Schema:
    if {"type": "null"} in schema.get("anyOf", ()) or None in schema.get("enum", ()):
        return schema
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    if "anyOf" in schema:
        return schema | {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    return schema | {"type": [schema["type"], "null"]}
