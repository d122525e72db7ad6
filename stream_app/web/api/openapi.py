"""The OpenAPI document, made from the routes and their models."""

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from stream_app import __version__
from stream_app.web.api import answers, parameters
from stream_app.web.api.routes import BASE, PREVIEW, ROUTES, STREAM
from stream_app.web.api.tried import Trial

_REF: Final = "#/components/schemas/{model}"
_PROBLEMS: Final = {
    400: "A parameter is wrong.",
    401: "The token is missing or wrong.",
    403: "The host header names another machine.",
    404: "Nothing is known of what is asked for.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not announced as JSON.",
    422: "The event cannot be used.",
    429: "Too many requests.",
    500: "Something went wrong on our side.",
    503: "The database or Kafka is away.",
}
_ALWAYS: Final = (400, 401, 403, 429, 500, 503)
Document = dict[str, Any]


def openapi_document() -> Document:
    """The whole document."""
    models: list[type[BaseModel]] = [route.answered for route in ROUTES] + [Trial, answers.ProblemDocument]
    _, schemas = models_json_schema([(model, "validation") for model in models], by_alias=True, ref_template=_REF)
    paths: Document = {
        BASE + route.path: {"get": _operation(route.summary, route.asked, route.answered, route.problems)} for route in ROUTES
    }
    paths[STREAM] = {"get": _stream()}
    paths[PREVIEW] = {"post": _preview()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "stream-app read API",
            "version": __version__,
            "description": "Where every customer stands, how he came there and what comes next. Answers come from the history database, "
            "which follows the topics; errors are problem+json and name the field and the fix.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Asked for when the API is served beyond this machine."}
            },
        },
    }


def _operation(summary: str, asked: type[parameters.Asked], answered: type[BaseModel], problems: tuple[int, ...]) -> Document:
    content = {"application/json": {"schema": {"$ref": _REF.format(model=answered.__name__)}}}
    return {
        "summary": summary,
        "parameters": _parameters(asked),
        "responses": {"200": {"description": (answered.__doc__ or summary).strip(), "content": content}, **_problems(problems)},
    }


def _parameters(asked: type[parameters.Asked]) -> list[Document]:
    schema = asked.model_json_schema(by_alias=True, mode="validation")
    found = []
    for name, declared in schema.get("properties", {}).items():
        shape = {key: value for key, value in _not_null(declared).items() if key != "default" or value is not None}
        one: Document = {"name": name, "in": "query", "required": name in schema.get("required", ())}
        if "description" in shape:
            one["description"] = shape.pop("description")
        shape.pop("title", None)
        if shape.get("type") == "array":
            one |= {"style": "form", "explode": True}
            shape.pop("default", None)
        found.append({**one, "schema": shape})
    return found


def _not_null(shape: Document) -> Document:
    """A parameter that may be left out cannot be null: there is no way to write that in a query."""
    options = shape.get("anyOf")
    if options is None:
        return dict(shape)
    (option,) = [one for one in options if one.get("type") != "null"]
    return {**{key: value for key, value in shape.items() if key != "anyOf"}, **option}


def _problems(statuses: tuple[int, ...]) -> Document:
    content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="ProblemDocument")}}}
    return {str(status): {"description": _PROBLEMS[status], "content": content} for status in sorted({*_ALWAYS, *statuses})}


def _stream() -> Document:
    text = (
        "Events `changes` ({changes, left_out}, with the number to resume from as id) and, every second, `pulse`. "
        "The first id comes at once, before any event, so that whoever is cut off misses nothing."
    )
    resume = {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string", "pattern": "^[0-9]{1,15}$"}}
    return {
        "summary": "Changes as they come.",
        "parameters": [*_parameters(parameters.OfStream), resume],
        "responses": {
            "200": {"description": text, "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            **_problems((404,)),
        },
    }


def _preview() -> Document:
    event: Document = {
        "type": "object",
        "required": ["type", "subject"],
        "properties": {
            "specversion": {"type": "string", "const": "1.0"},
            "id": {"type": "string", "minLength": 1, "maxLength": 128},
            "source": {"type": "string", "pattern": "^/shops/[A-Za-z0-9._-]{1,128}$"},
            "type": {"type": "string"},
            "subject": {"type": "string", "minLength": 1, "maxLength": 128},
            "time": {"type": "string", "format": "date-time"},
            "data": {"type": "object"},
        },
    }
    return {
        "summary": "Try an event: what it would do to its customer. Nothing is stored.",
        "parameters": _parameters(parameters.InWords),
        "requestBody": {"required": True, "content": {"application/json": {"schema": event}}},
        "responses": {
            "200": {
                "description": "What it would do.",
                "content": {"application/json": {"schema": {"$ref": _REF.format(model="Trial")}}},
            },
            **_problems((404, 413, 415, 422)),
        },
    }
