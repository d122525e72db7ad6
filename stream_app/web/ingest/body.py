"""The body of a request: read, unpacked, and held only as far as there is room for it.

One rule for whoever sends, be it a shop or all strangers together: he may hold at most as much as is left for everybody else. Alone he
has half of the room; whoever comes next has half of what is free then, so that nobody can keep others out, however many requests he
begins. What counts is what has come, not what is announced: who sends slowly takes up little. And a body is unpacked when all of it has
come, so that nobody holds much by sending little.
"""

import asyncio
import zlib
from collections import defaultdict
from http import HTTPStatus
from typing import Final

from aiohttp import StreamReader, web
from aiohttp.web import RequestPayloadError

from stream_app.errors import StreamAppError
from stream_app.feed import Log
from stream_app.telemetry.ingest import IngestMetrics
from stream_app.web.api.problems import Problem

BODY_BYTES_MAX: Final = 4 << 20
HANDLER_ARGS: Final = {
    "auto_decompress": False,  # aiohttp would unpack before all of it has come, and whether there is room or not
    "read_bufsize": 64 << 10,  # twice as much may lie in a connection whose turn has yet to come
}
_BODY_S: Final = 30.0
_FULL_S: Final = 1
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_PLAIN: Final = frozenset({"", "identity"})
_ZLIB_OR_GZIP: Final = 47
_PIECE_BYTES: Final = 1 << 20
Owner = str | None
"""A shop; None for all together who have yet to show which one is theirs."""


class SenderLeftError(StreamAppError):
    """Whoever sent has closed the connection in the middle of the body; nobody is there to be answered."""


class Room:
    """How much may be held at one time: by bodies that are being read, and by what waits for Kafka."""

    def __init__(self, log: Log, metrics: IngestMetrics, bytes_max: int) -> None:
        self._log = log
        self._metrics = metrics
        self._bytes_max = bytes_max
        self._read_bytes = 0
        self._bytes_of: defaultdict[Owner, int] = defaultdict(int)

    def place(self, owner: Owner) -> "Place":
        """A place for one request; it holds nothing yet."""
        return Place(self, owner)

    def check(self, owner: Owner, more: int) -> None:
        """Whether `owner` may hold so many bytes more.

        Raises:
            Problem: he would hold more than is left for everybody else.
        """
        left = self._bytes_max - self._log.waiting_bytes - self._read_bytes - more
        if self._bytes_of[owner] + more > left:
            self._metrics.throttled("waiting")
            raise Problem(429, "there is no room for more of this sender's", fix=f"wait {_FULL_S} s", retry_after_s=_FULL_S)

    def count(self, owner: Owner, owned: int, read: int) -> None:
        """Put down what has changed: what is the owner's, and what of it the log does not count."""
        self._bytes_of[owner] += owned
        self._read_bytes += read


class Place:
    """What one request holds; given back when the block ends."""

    __slots__ = ("_owner", "_read", "_room", "_size")

    def __init__(self, room: Room, owner: Owner) -> None:
        self._room, self._owner = room, owner
        self._size = self._read = 0

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *_: object) -> None:
        self._room.count(self._owner, -self._size, -self._read)
        self._size = self._read = 0

    def check(self, size: int) -> None:
        """Refuse what could not be held now; raises as `hold`."""
        self._room.check(self._owner, size - self._size)

    def hold(self, size: int) -> None:
        """Hold so many bytes in all.

        Raises:
            Problem: there is no room for more of this owner's.
        """
        more = size - self._size
        if more > 0:
            self._room.check(self._owner, more)
        self._room.count(self._owner, more, more)
        self._size = self._read = size

    def belong_to(self, owner: Owner) -> None:
        """It turns out whose it is; raises as `hold`."""
        size = self._size
        self.__exit__()
        self._owner = owner
        self.hold(size)

    def wait(self) -> None:
        """From now on the log counts it; its owner has it on his account until he is answered."""
        self._room.count(self._owner, 0, -self._read)
        self._read = 0


async def read_body(request: web.Request, place: Place) -> bytes:
    """All of a body, unpacked.

    Raises:
        Problem: it is packed in another way, does not come, cannot be read, or there is no room for it.
        HTTPRequestEntityTooLarge: it is too large.
        SenderLeftError: its sender has gone.
    """
    coding = ",".join(request.headers.getall("Content-Encoding", [])).strip().lower()
    if coding not in _PACKED | _PLAIN:
        fix = "pack it with gzip, or not at all"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Encoding: not known here", field="Content-Encoding", fix=fix)
    _check_size(request.content_length or 0)
    place.check(request.content_length or 0)
    try:
        async with asyncio.timeout(_BODY_S):
            body = await _arrive(request.content, place)
        return body if coding in _PLAIN else _unpack(body, place)
    except TimeoutError:
        raise Problem(408, f"the body did not come within {_BODY_S:.0f} s", field="body", fix="send it at once") from None
    except OSError:
        raise SenderLeftError("the sender has left") from None
    except (RequestPayloadError, zlib.error):
        raise Problem(400, "the body cannot be read", field="body", fix="send what Content-Length and Content-Encoding announce") from None


async def _arrive(content: StreamReader, place: Place) -> bytes:
    first = await content.readany()
    place.hold(len(first))
    if content.at_eof():
        return first
    body = bytearray(first)
    while piece := await content.readany():
        _check_size(len(body) + len(piece))
        place.hold(len(body) + len(piece))
        body += piece
    return bytes(body)


def _unpack(packed: bytes, place: Place) -> bytes:
    unpacker = zlib.decompressobj(_ZLIB_OR_GZIP)
    body = bytearray()
    rest = packed
    while not unpacker.eof:
        piece = unpacker.decompress(rest, _PIECE_BYTES)
        if not piece and not unpacker.eof:
            raise zlib.error("the end is missing")
        _check_size(len(body) + len(piece))
        place.hold(max(len(packed), len(body) + len(piece)))  # one of them goes as soon as the other is whole
        body += piece
        rest = unpacker.unconsumed_tail
    if unpacker.unused_data:
        raise zlib.error("there is something behind the end")
    place.hold(len(body))
    return bytes(body)


def _check_size(size: int) -> None:
    if size > BODY_BYTES_MAX:
        raise web.HTTPRequestEntityTooLarge(BODY_BYTES_MAX, size)
