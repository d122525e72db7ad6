"""What is between the application and the wire: aiohttp's own errors quote a request to its sender, and are text; ours are not."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import _ErrInfo
from aiohttp.web_request import BaseRequest

from stream_app.telemetry.logs import get_logger
from stream_app.web.api.guard import of_http
from stream_app.web.api.problems import Problem
from stream_app.web.ingest.body import BODY_BYTES_MAX
from stream_app.web.ingest.openapi import DOCUMENT

HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Server": "stream-app"}
ON_OUR_SIDE: Final = "something went wrong on our side"
_Handle = Callable[[BaseRequest], Awaitable[web.StreamResponse]]
_log: Final = get_logger(__name__)


class _Protocol(web.RequestHandler):
    """A connection."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Take what has arrived, until it is no HTTP any more.

        When a chunk is broken aiohttp has an answer ready for after the running request, but lets that request wait for its end, and keeps
        what arrives meanwhile. So the request is told, and nothing more is kept.
        """
        if self._is_broken():
            return
        super().data_received(data)
        running = self._current_request
        if running is not None and self._is_broken() and not running.content.is_eof():
            running.content.set_exception(web.RequestPayloadError("a broken chunk"))
            running.content.feed_eof()  # else aiohttp would read on to find the next request

    def _is_broken(self) -> bool:
        return bool(self._messages) and isinstance(self._messages[-1][0], _ErrInfo)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes the request
    ) -> web.StreamResponse:
        """The answer to what is no HTTP, and to what went wrong where no middleware sees it."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            problem = Problem(status, "this cannot be read as HTTP", fix="send HTTP/1.1, with lines of at most 8 KiB")
        else:
            _log.error("request failed", error_type=type(exc).__name__, exc_info=exc)
            problem = Problem(status, ON_OUR_SIDE, fix="see the log of stream-app ingest")
        response = problem.response()
        response.headers.update(HEADERS)
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        protocol = super().__call__()
        protocol.__class__ = _Protocol
        return protocol


async def set_up(app: web.Application, shutdown_s: float) -> web.AppRunner:
    """A runner of the application, set up, that quotes nothing to anybody."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_s, handle_signals=False)
    await runner.setup()
    server = runner.server
    assert server is not None, "it was set up"
    # aiohttp has a method for what is answered here, and no way to say whose method it is.
    server.__class__ = _Server
    server.request_handler = _in_problems(server.request_handler)
    return runner


def _in_problems(handle: _Handle) -> _Handle:
    """Also what is refused before a middleware is asked, such as a header Expect."""

    async def handled(request: BaseRequest) -> web.StreamResponse:
        try:
            return await handle(request)
        except web.HTTPException as error:
            return of_http(error, DOCUMENT, BODY_BYTES_MAX).response()

    return handled
