"""The application: every path, and the order of checks: key, room, body, form, rate. Then events are stored, and then it is answered."""

import time
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from stream_app.errors import BrokerUnavailableError
from stream_app.feed import Log
from stream_app.telemetry.ingest import IngestMetrics
from stream_app.telemetry.logs import get_logger
from stream_app.web.api.guard import Rates, check_host, of_http
from stream_app.web.api.problems import Problem
from stream_app.web.ingest.body import BODY_BYTES_MAX, HANDLER_ARGS, Place, Room, SenderLeftError, read_body
from stream_app.web.ingest.events import read_cloudevents
from stream_app.web.ingest.found import Found, errors_of, not_json, refusal
from stream_app.web.ingest.keys import Access, Shop, key_of
from stream_app.web.ingest.openapi import DOCUMENT, openapi_document
from stream_app.web.ingest.segment import read_batch, read_track, write_key
from stream_app.web.ingest.webhooks import PLATFORMS, is_ping, read_webhook
from stream_app.web.ingest.wire import HEADERS, ON_OUR_SIDE

_AWAY_S: Final = 5
_LEFT: Final = 499
_JSON: Final = "application/json"
_FORMS: Final = {"/v1/events": "events", "/v1/track": "track", "/v1/batch": "batch"}
_log: Final = get_logger(__name__)


def build_ingest(log: Log, access: Access | None, metrics: IngestMetrics, *, per_second: int, waiting_bytes_max: int) -> web.Application:
    """The application.

    Args:
        log: where accepted events go.
        access: who may write; None when only this machine can reach us, which may write CloudEvents for every shop.
        metrics: what is counted.
        per_second: how many events a second without access.
        waiting_bytes_max: how much may wait for Kafka, or be read, at one time.
    """
    doors = _Doors(log, access, metrics, per_second, waiting_bytes_max)
    app = web.Application(middlewares=[_guard(metrics, is_open=access is None)], handler_args=HANDLER_ARGS)
    app.on_response_prepare.append(_add_headers)
    app.router.add_post("/v1/events", doors.events)
    app.router.add_post("/v1/track", doors.track)
    app.router.add_post("/v1/batch", doors.batch)
    app.router.add_post("/v1/webhooks/{platform}/{shop}", doors.webhook)
    document = msgspec.json.encode(openapi_document())

    async def describe(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=document, content_type=_JSON)

    async def alive(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="ok")

    async def ready(_request: web.Request) -> web.StreamResponse:
        waits_for = log.waits_for()
        return web.Response(text="ready") if waits_for is None else web.Response(status=503, text=f"not ready: {waits_for}")

    app.router.add_get(DOCUMENT, describe)
    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", ready)
    return app


class _Doors:
    """What answers each path."""

    def __init__(self, log: Log, access: Access | None, metrics: IngestMetrics, per_second: int, waiting_bytes_max: int) -> None:
        self._log = log
        self._access = access
        self._metrics = metrics
        self._room = Room(log, metrics, waiting_bytes_max)
        self._everybody = Shop(None, Rates(per_second))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """CloudEvents: all of a request, or none."""
        shop = self._everybody if self._access is None else self._of_key(key_of(request.headers.get("Authorization", "")))
        with self._room.place(shop.name) as place:
            found = await read_cloudevents(request.headers, await read_body(request, place), shop.name, _now_ms())
            if found.flaws:
                self._metrics.refused("events", [flaw.code for flaw in found.flaws])
                raise refusal(found.flaws)
            await self._store("events", shop, found, place)
        return _answer(HTTPStatus.ACCEPTED, {"accepted": len(found.entries)})

    async def track(self, request: web.Request) -> web.StreamResponse:
        """One call of Segment's."""
        return await self._segment(request, "track")

    async def batch(self, request: web.Request) -> web.StreamResponse:
        """A batch of Segment's: what can be stored is."""
        return await self._segment(request, "batch")

    async def webhook(self, request: web.Request) -> web.StreamResponse:
        """A delivery of a shop platform."""
        platform = PLATFORMS.get(request.match_info["platform"])
        if platform is None:
            raise web.HTTPNotFound
        with self._room.place(None) as place:
            body = await read_body(request, place)
            if is_ping(platform, request.headers, body):
                return _answer(HTTPStatus.OK, {"accepted": 0, "ignored": 1})
            signature = request.headers.get(platform.signature, "")
            name = request.match_info["shop"]
            shop = None if self._access is None else self._access.of_signature(platform.name, name, body, signature)
            if shop is None or shop.name is None:
                fix = f"give {platform.name} and STREAM_APP_INGEST_KEYS the same secret for this shop"
                raise Problem(HTTPStatus.UNAUTHORIZED, "the signature is missing or wrong", field=platform.signature, fix=fix)
            place.belong_to(shop.name)
            found = read_webhook(platform, request.headers, body, shop.name, _now_ms())
            del body  # what waits for Kafka is what was made of it
            await self._store_mapped(platform.name, shop, found, place)
        if (topic := request.headers.get(platform.topic)) in platform.by_hand:
            _log.warning("a webhook asks for what people must do (docs/ingest.md)", topic=topic)
        return _answer(HTTPStatus.OK, {"accepted": len(found.entries), "ignored": found.ignored})

    async def _segment(self, request: web.Request, form: str) -> web.StreamResponse:
        key = key_of(request.headers.get("Authorization", ""))
        shop = None if key is None else self._of_key(key)
        with self._room.place(None if shop is None else shop.name) as place:
            body = await read_body(request, place)
            shop = shop or self._of_key(write_key(body))
            place.belong_to(shop.name)
            assert shop.name is not None, "a key is of one shop"
            read = read_track if form == "track" else read_batch
            found = await read(body, shop.name, _now_ms())
            del body  # what waits for Kafka is what was made of it
            await self._store_mapped(form, shop, found, place)
        told: dict[str, Any] = {"success": True, "accepted": len(found.entries), "ignored": found.ignored}
        return _answer(HTTPStatus.OK, told | ({"rejected": len(found.flaws), "errors": errors_of(found.flaws)} if found.flaws else {}))

    async def _store_mapped(self, form: str, shop: Shop, found: Found, place: Place) -> None:
        if found.flaws:
            self._metrics.refused(form, [flaw.code for flaw in found.flaws])
            if form != "batch" or not (found.entries or found.ignored):
                raise refusal(found.flaws)
        await self._store(form, shop, found, place)

    async def _store(self, form: str, shop: Shop, found: Found, place: Place) -> None:
        # What holds no event costs nothing: a webhook topic of no use is answered also while a shop owes, or its subscription would end.
        wait_s = shop.rates.take("", time.monotonic(), len(found.entries)) if found.entries else 0.0
        if wait_s:
            self._metrics.throttled("rate")
            fix = f"wait {wait_s:.2f} s, and send fewer events a second"
            raise Problem(429, "too many events of this shop", fix=fix, retry_after_s=wait_s)
        place.wait()
        await self._log.append(found.entries)
        self._metrics.stored(form, len(found.entries), found.ignored)

    def _of_key(self, key: str | None) -> Shop:
        shop = None if key is None or self._access is None else self._access.of_key(key)
        if shop is None:
            fix = "send the header Authorization: Bearer KEY, with a key of the shop's from STREAM_APP_INGEST_KEYS"
            raise Problem(HTTPStatus.UNAUTHORIZED, "the key is missing or wrong", field="Authorization", fix=fix)
        return shop


def _answer(status: int, document: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(document), content_type=_JSON)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _guard(metrics: IngestMetrics, *, is_open: bool) -> Middleware:
    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        response: web.StreamResponse
        try:
            if is_open:
                check_host(request)
            response = await handler(request)
        except Problem as problem:
            response = problem.response()
        except web.HTTPException as error:
            response = of_http(error, DOCUMENT, BODY_BYTES_MAX).response()
        except SenderLeftError:
            response = web.Response(status=_LEFT, reason="the sender has left")  # nobody reads it; it is counted
        except RecursionError:  # it could just be read, and not be looked through
            response = not_json("nested too deeply; send a flat object").response()
        except BrokerUnavailableError:
            fix = "send the same again, with the same ids: what was stored after all counts once"
            response = Problem(503, "Kafka has not said in time that it is stored", fix=fix, retry_after_s=_AWAY_S).response()
        except Exception as error:  # noqa: BLE001 - whatever went wrong, nobody outside sees more than that it did
            _log.error("request failed", form=_form(request.path), error_type=type(error).__name__, exc_info=True)
            response = Problem(500, ON_OUR_SIDE, fix="see the log of stream-app ingest").response()
        metrics.answered(_form(request.path), response.status, time.perf_counter() - began)
        return response

    return guarded


def _form(path: str) -> str:
    """Of a path what may stand in a label or a log: never a shop's name."""
    known = _FORMS.get(path)
    if known is None and path.startswith("/v1/webhooks/"):
        platform = path.split("/")[3]
        known = platform if platform in PLATFORMS else None
    return known or "other"


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers[name] = value
