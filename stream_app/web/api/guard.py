"""Before and after every answer: tokens, rates, sizes, hosts; headers; and an error never shows more than it says."""

import hmac
import time
from collections import OrderedDict
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from multidict import CIMultiDict

from stream_app.telemetry.logs import get_logger
from stream_app.web.api.problems import Problem

BODY_BYTES_MAX: Final = 1 << 20
_CLIENTS_MAX: Final = 10_000
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Server": "stream-app",
}
OPEN: Final = frozenset({"/api/v1/openapi.json"})
_log: Final = get_logger(__name__)


class Rates:
    """A bucket per client: so many requests a second, and twice as many at once."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, now_s: float, count: int = 1) -> float:
        """Take one request, or `count` of what is limited; 0.0, or after how many seconds there is room for it.

        What is more than a full bucket is taken from a full one, and owed.
        """
        full = 2.0 * self._per_second
        room, then = self._buckets.pop(client, (full, now_s))
        room = min(full, room + (now_s - then) * self._per_second)
        needed = min(count, full)
        wait_s = 0.0 if room >= needed else (needed - room) / self._per_second
        self._buckets[client] = (room if wait_s else room - count, now_s)
        if len(self._buckets) > _CLIENTS_MAX:
            self._buckets.popitem(last=False)
        return wait_s


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def guard(token: str | None, rates: Rates) -> Middleware:
    """The one middleware.

    Args:
        token: what a request under /api/ must bear; None when only this machine can reach us.
        rates: how often a client may ask.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _check(request, token, rates)
            return await handler(request)
        except Problem as problem:
            return problem.response()
        except web.HTTPException as error:
            return of_http(error, "/api/v1/openapi.json", BODY_BYTES_MAX).response()
        except Exception as error:  # noqa: BLE001 - whatever went wrong, nobody outside sees more than that it did
            _log.error("request failed", path=request.path[:200], error_type=type(error).__name__, exc_info=True)
            return Problem(500, "something went wrong on our side", fix="see the log of stream-app serve").response()

    return guarded


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """What every response carries."""
    headers: CIMultiDict[str] = response.headers
    for name, value in _HEADERS.items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")


def _check(request: web.Request, token: str | None, rates: Rates) -> None:
    wait_s = rates.take(request.remote or "", time.monotonic())
    if wait_s:
        raise Problem(429, "too many requests", fix=f"wait {wait_s:.2f} s, and ask less often", retry_after_s=wait_s)
    if token is None:
        check_host(request)
    elif request.path.startswith("/api/") and request.path not in OPEN:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), token.encode()):
            fix = "send the header Authorization: Bearer TOKEN, with the token that stream-app serve was given"
            raise Problem(401, "the token is missing or wrong", field="Authorization", fix=fix)


def check_host(request: web.Request) -> None:
    """Refuse a request that does not name this machine, where nobody else is to be answered.

    Raises:
        Problem: it names another.
    """
    # A page of somebody else may have its name resolved to this machine; it cannot choose another host header.
    host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    if not is_loopback(host):
        raise Problem(403, "Host: not this machine", field="Host", fix="ask for http://127.0.0.1, or bind another --host, with a secret")


def of_http(error: web.HTTPException, document: str, body_bytes_max: int) -> Problem:
    """What aiohttp itself refuses, as a problem; `document` is the path of the OpenAPI document."""
    status = error.status
    if status == HTTPStatus.NOT_FOUND:
        return Problem(404, "there is nothing at this path", fix=f"see {document}")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return Problem(405, "this path has no such method", fix=f"see {document}", allow=error.headers.get("Allow", ""))
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Problem(413, f"the body is larger than {body_bytes_max >> 20} MiB", field="body", fix="send fewer events, or smaller ones")
    return Problem(status, error.reason or "the request cannot be answered")
