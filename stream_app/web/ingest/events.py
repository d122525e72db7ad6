"""CloudEvents over HTTP, as the standard binds them: structured, batched, and binary with `ce-` headers.

A batch is taken whole or not at all: who sends one can mend it and send it again under the same ids.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec
from multidict import CIMultiDictProxy

from stream_app.codec.changes import HEADERS
from stream_app.codec.envelope import is_json_type
from stream_app.codec.strict_json import find_defect
from stream_app.domain.events import Rejected
from stream_app.web.api.problems import Problem
from stream_app.web.ingest.found import FLAWS_MAX, Flaw, Found, check, not_json

SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
_PREFIX: Final = "ce-"
_ESCAPED: Final = re.compile(r"\\(.)")
EVENTS_MAX: Final = 42_000  # a body could not hold more: the shortest event, a watermark, has a hundred bytes
_SLICE: Final = 200
_raws: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


async def read_cloudevents(headers: CIMultiDictProxy[str], body: bytes, shop: str | None, now_ms: int) -> Found:
    """The events of a request.

    Raises:
        Problem: it is no form of CloudEvents, a batch is no JSON list, or an event is another shop's.
    """
    content_type = headers.get("Content-Type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == BATCH:
        return await _read_batch(body, shop, now_ms)
    if kind == SINGLE:
        return _one(body, (), HEADERS, shop, now_ms)
    if kind.startswith("application/cloudevents"):
        raise _unsupported()
    if any(name.lower().startswith(_PREFIX) for name in headers):
        own = list(_binary(headers))
        return _one(body, own, own, shop, now_ms)
    if not is_json_type(kind):
        raise _unsupported()
    # Plain JSON is not of the standard; what it holds shows by its first character.
    return await _read_batch(body, shop, now_ms) if body.lstrip()[:1] == b"[" else _one(body, (), HEADERS, shop, now_ms)


def _one(value: bytes, given: list[tuple[str, bytes]] | tuple[()], kept: list[tuple[str, bytes]], shop: str | None, now_ms: int) -> Found:
    found = check(value, given, kept, shop, now_ms)
    return Found(flaws=[Flaw(None, found.code.value, found.detail)]) if isinstance(found, Rejected) else Found([found])


async def _read_batch(body: bytes, shop: str | None, now_ms: int) -> Found:
    try:
        raws = _raws(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise not_json(find_defect(body) or "not a JSON list; send a list of CloudEvents") from None
    if len(raws) > EVENTS_MAX:
        raise Problem(413, f"more than {EVENTS_MAX} entries", field="body", fix="send the events in several batches")
    found = Found()
    for place, raw in enumerate(raws):
        if place % _SLICE == _SLICE - 1:
            await asyncio.sleep(0)  # others wait, too
        try:
            checked = check(bytes(raw), (), HEADERS, shop, now_ms)
        except Problem as problem:
            problem.field = f"[{place}].{problem.field}"
            raise
        if isinstance(checked, Rejected):
            found.flaws.append(Flaw(place, checked.code.value, checked.detail))
            if len(found.flaws) == FLAWS_MAX:
                break
        else:
            found.entries.append(checked)
    return found


def _binary(headers: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """The record's headers: HTTP's `ce-` is `ce_` in Kafka, and what HTTP had to escape is plain."""
    for given, text in headers.items():
        name = given.lower()
        if name == "content-type":
            yield name, text.encode("utf-8", "surrogateescape")
        elif name.startswith(_PREFIX):
            is_quoted = len(text) > 1 and text[0] == text[-1] == '"'
            plain = _ESCAPED.sub(r"\1", text[1:-1]) if is_quoted else text
            yield "ce_" + name.removeprefix(_PREFIX), unquote_to_bytes(plain.encode("utf-8", "surrogateescape"))


def _unsupported() -> Problem:
    fix = f"send Content-Type: {SINGLE}, or {BATCH} for a list, or ce- headers and the data as application/json"
    return Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is not announced as a CloudEvent", field="Content-Type", fix=fix)
