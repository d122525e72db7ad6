"""The application: every path, behind the guard."""

from typing import Any

import msgspec
from aiohttp import web

from stream_app.web.api.context import Context
from stream_app.web.api.files import Files
from stream_app.web.api.guard import BODY_BYTES_MAX, Rates, add_headers, guard
from stream_app.web.api.openapi import openapi_document
from stream_app.web.api.parameters import InWords, OfStream, read_parameters
from stream_app.web.api.problems import Problem
from stream_app.web.api.routes import BASE, DOCUMENT, PREVIEW, ROUTES, STREAM, Route
from stream_app.web.api.stream import Streams
from stream_app.web.api.trial import preview

_JSON = "application/json"
_JSON_TYPES = (_JSON, "application/cloudevents+json")
_COMPRESSED_FROM_BYTES = 1_000


def build_app(context: Context, token: str | None, per_second: int, files: Files | None = None) -> web.Application:
    """The application.

    Args:
        context: what the answers need.
        token: what requests must bear; None when only this machine can reach us.
        per_second: how many requests a client may make.
        files: the page's; read from the package without it.
    """
    app = web.Application(middlewares=[guard(token, Rates(per_second))], client_max_size=BODY_BYTES_MAX)
    app.on_response_prepare.append(add_headers)
    for route in ROUTES:
        app.router.add_get(BASE + route.path, _answering(context, route))
    streams = Streams(context)
    document = msgspec.json.encode(openapi_document())

    async def follow(request: web.Request) -> web.StreamResponse:
        return await streams.answer(request, read_parameters(OfStream, request.query))

    async def try_event(request: web.Request) -> web.StreamResponse:
        if request.content_type not in _JSON_TYPES:
            raise Problem(415, "the body is not announced as JSON", field="Content-Type", fix="send Content-Type: application/json")
        asked = read_parameters(InWords, request.query)
        return _json(await preview(context, asked, await request.read()))

    async def describe(_request: web.Request) -> web.StreamResponse:
        return _packed(web.Response(body=document, content_type=_JSON))

    async def alive(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="ok")

    async def ready(_request: web.Request) -> web.StreamResponse:
        waits_for = context.waits_for()
        return web.Response(text="ready") if waits_for is None else web.Response(status=503, text=f"not ready: {waits_for}")

    async def end_streams(_app: web.Application) -> None:
        streams.close()

    app.router.add_get(STREAM, follow)
    app.router.add_post(PREVIEW, try_event)
    app.router.add_get(DOCUMENT, describe)
    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", ready)
    page = files or Files()
    app.router.add_get("/", page.index)
    app.router.add_get("/static/{name:.+}", page.static)
    app.on_shutdown.append(end_streams)
    return app


def _answering(context: Context, route: Route) -> Any:
    async def answer(request: web.Request) -> web.StreamResponse:
        return _json(await route.question(context, read_parameters(route.asked, request.query)))

    return answer


def _json(document: Any) -> web.Response:
    return _packed(web.Response(body=msgspec.json.encode(document), content_type=_JSON))


def _packed(response: web.Response) -> web.Response:
    if response.body is not None and len(response.body) > _COMPRESSED_FROM_BYTES:  # type: ignore[arg-type]
        response.enable_compression()
    return response
