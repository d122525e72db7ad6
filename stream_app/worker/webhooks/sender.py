"""One attempt: a signed POST to an endpoint, and what its answer means. Nothing of an answer but its status is believed."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Final

import aiohttp
from msgspec import Struct

from stream_app import __version__
from stream_app.worker.webhooks.address import CheckedResolver, PrivateAddressError
from stream_app.worker.webhooks.endpoints import Endpoint
from stream_app.worker.webhooks.queue import Event
from stream_app.worker.webhooks.shape import fill
from stream_app.worker.webhooks.signature import headers

_ANSWER_BYTES_MAX: Final = 64 << 10
_MULTI_STATUS: Final = 207
_EVENT_FAULTS: Final = frozenset({_MULTI_STATUS, 400, 406, 409, 411, 412, 413, 414, 415, 417, 422, 431})
_GONE: Final = 410


class Answer(Struct, frozen=True):
    """What became of an attempt.

    Attributes:
        delivered: the endpoint has taken the event.
        gone: it wants nothing ever again.
        endpoint_fault: the failure says nothing about the event.
        reason: an HTTP status, or the kind of an error; never text of the endpoint's.
        asked_ms: how long it asked to be left alone.
    """

    delivered: bool
    gone: bool
    endpoint_fault: bool
    reason: str
    asked_ms: int = 0


def judge(status: int, asked_ms: int = 0) -> Answer:
    """What a status means: 2xx is taken, 410 is goodbye, what is wrong with the message itself is the event's fault.

    207 (the body says what became of each part) is how batch APIs refuse: a request of ours has one part.
    """
    return Answer(200 <= status < 300 and status != _MULTI_STATUS, status == _GONE, status not in _EVENT_FAULTS, str(status), asked_ms)


def read_retry_after(text: str | None, now: datetime) -> int:
    """How long `retry-after` asks to wait, in ms: seconds, or a date; 0 for what is neither."""
    if text is None:
        return 0
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text) * 1000
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year of fourteen digits, which is for an endpoint to choose
        return 0
    return max(0, int((until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds() * 1000))


class Sender:
    """The connections to one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(allow_private=endpoint.allow_private), limit=endpoint.concurrency, use_dns_cache=False
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=endpoint.timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"user-agent": f"stream-app/{__version__}", **endpoint.sent_headers},
        )

    async def __aenter__(self) -> "Sender":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

    async def post(self, event: Event, now_s: float) -> Answer:
        """Try once; `now_s` is the time, in seconds since the epoch."""
        endpoint = self._endpoint
        body = event.body if endpoint.body is None else fill(endpoint.body, event.body)
        signed = headers(endpoint.keys, event.id, int(now_s), body)
        try:
            async with self._session.post(endpoint.url, data=body, headers=signed, allow_redirects=False) as response:
                asked_ms = read_retry_after(response.headers.get("retry-after"), datetime.fromtimestamp(now_s, UTC))
                await self._drain(response)
                return judge(response.status, asked_ms)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return Answer(delivered=False, gone=False, endpoint_fault=True, reason=_kind(error))

    async def _drain(self, response: aiohttp.ClientResponse) -> None:
        """Read a short answer, so that the connection can be used again; a long one ends it."""
        left = _ANSWER_BYTES_MAX
        try:
            async for chunk in response.content.iter_any():
                left -= len(chunk)
                if left < 0:
                    break
            else:
                return
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass  # the status has been said
        response.close()


def _kind(error: BaseException) -> str:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, PrivateAddressError):
            return "private address"
        seen = seen.__cause__ or seen.__context__
    return "timeout" if isinstance(error, TimeoutError) else type(error).__name__
