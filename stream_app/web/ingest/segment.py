"""Segment's calls: `track`, and `batch` of them, through the ready mapping `segment`.

Of a batch what can be stored is stored, and the rest is named in the answer: Segment's libraries throw a refused batch away whole.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import msgspec

from stream_app.codec.changes import HEADERS
from stream_app.codec.strict_json import find_defect
from stream_app.codec.times import format_time
from stream_app.domain.events import Code, Rejected
from stream_app.intake.document import Mapping, load_mapping
from stream_app.intake.rows import Numbered
from stream_app.intake.shape import Complaint, shape
from stream_app.web.api.problems import Problem
from stream_app.web.ingest.found import Flaw, Found, check, not_json

Document = dict[str, Any]
CALLS_MAX: Final = 2_500  # as many as Segment takes
_SLICE_CALLS, _SLICE_BYTES = 100, 64 << 10
ENTRIES_MAX: Final = 1_000
"""Of a list in one row: more products or refunds has no order, and others wait while they are read."""
_EXPLAINED_BYTES: Final = 512 << 10  # as much as Segment's libraries send at a time
_LONE: Final = re.compile(rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\[^u])|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_MARK: Final = b"\xff" * 6
"""In the place of a lone surrogate: as wide, and so wrong that the call that holds it cannot be read, and the others can."""
_OF_THE_WAY: Final = frozenset({"sentAt", "receivedAt", "writeKey"})
"""Fields that differ from one attempt to the next."""
_NO_JSON: Final = "not JSON; send one JSON object"
_NO_OBJECT: Final = "not a JSON object; send one JSON object"
_STRAY: Final = Rejected(Code.INVALID_DATA, "value: not a JSON object; send a call")


class _Keyed(msgspec.Struct):
    writeKey: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815 - Segment's name


class _Batch(msgspec.Struct):
    batch: msgspec.Raw = msgspec.Raw(b"null")


_key: Final = msgspec.json.Decoder(_Keyed).decode
_batch: Final = msgspec.json.Decoder(_Batch).decode
_text: Final = msgspec.json.Decoder(str).decode
_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read_document(body: bytes) -> Document:
    """The JSON object that a body is.

    Raises:
        Problem: it is none.
    """
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise not_json(find_defect(body) or _NO_JSON) from None
    if not isinstance(given, dict):
        raise not_json(_NO_OBJECT)
    return given


def write_key(body: bytes) -> str | None:
    """The key in the body, where Segment's own API takes it, too; nothing else is made of what a stranger sends.

    Raises:
        Problem: the body is no JSON object.
    """
    is_small = len(body) <= _EXPLAINED_BYTES  # nobody knows yet who asks, so that a closer look must cost little
    try:
        raw = (_marking(_key, body) if is_small else _key(body)).writeKey
    except msgspec.ValidationError:
        raise not_json(_NO_OBJECT) from None
    except (msgspec.DecodeError, RecursionError):
        raise not_json((find_defect(body) if is_small else None) or _NO_JSON) from None
    try:
        return _text(raw) or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def read_track(body: bytes, shop: str, now_ms: int) -> Found:
    """The events of one call.

    Raises:
        Problem: it is no JSON object.
    """
    found = _read([read_document(body)], shop, now_ms)
    found.flaws = [flaw._replace(place=None) for flaw in found.flaws]
    return found


async def read_batch(body: bytes, shop: str, now_ms: int) -> Found:
    """The events of a batch of calls; objects are made of a few calls at a time, for they take up many times their text.

    Raises:
        Problem: there is no list of calls in it, or too long a one.
    """
    found = Found()
    for first, calls in _slices(_calls(body)):
        part = _read_some([_decode(raw) for raw in calls], shop, now_ms)
        found.entries += part.entries
        found.ignored += part.ignored
        found.flaws += [flaw._replace(place=first + (flaw.place or 0)) for flaw in part.flaws]
        await asyncio.sleep(0)  # others wait, too
    return found


def _slices(calls: list[msgspec.Raw]) -> Iterator[tuple[int, list[msgspec.Raw]]]:
    """A few calls at a time, with the place of the first."""
    first = size = 0
    for place, raw in enumerate(calls):
        size += memoryview(raw).nbytes
        if size >= _SLICE_BYTES or place + 1 - first == _SLICE_CALLS or place + 1 == len(calls):
            yield first, calls[first : place + 1]
            first, size = place + 1, 0


def _read_some(calls: list[Any], shop: str, now_ms: int) -> Found:
    """The events of a few calls; one that is nested too deeply is a flaw of its own."""
    try:
        return _read(calls, shop, now_ms)
    except RecursionError:
        if len(calls) == 1:
            return Found(flaws=[Flaw(0, Code.INVALID_JSON.value, "value: nested too deeply; send a flat object")])
    found = Found()
    for place, call in enumerate(calls):
        part = _read_some([call], shop, now_ms)
        found.entries += part.entries
        found.ignored += part.ignored
        found.flaws += [flaw._replace(place=place) for flaw in part.flaws]
    return found


def _calls(body: bytes) -> list[msgspec.Raw]:
    try:
        batch = _marking(_batch, body).batch
    except msgspec.ValidationError:
        raise not_json(_NO_OBJECT) from None
    except (msgspec.DecodeError, RecursionError):
        raise not_json(find_defect(body) or _NO_JSON) from None
    try:
        calls = _list(batch)
    except msgspec.ValidationError:
        fix = "send the calls as the list `batch`"
        raise Problem(400, "batch: missing, or no list", field="batch", fix=fix, more={"code": "invalid_data"}) from None
    if len(calls) > CALLS_MAX:
        raise Problem(413, f"batch: more than {CALLS_MAX} calls", field="batch", fix="send them in several batches")
    return calls


def _marking(decode: Callable[[bytes], Any], body: bytes) -> Any:
    """What `decode` makes of `body`, and where that fails, of the same with lone surrogates marked."""
    try:
        return decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, RecursionError):
        marked = _LONE.sub(lambda found: found[1] or _MARK, body)
        if marked == body:
            raise
        return decode(marked)


def _decode(raw: msgspec.Raw) -> Any:
    """What a call is; a Rejected where it cannot be read."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = bytes(raw)
        defect = "a lone surrogate in a string; escape both halves of the pair" if _MARK in text else find_defect(text)
        return Rejected(Code.INVALID_JSON, f"value: {defect or 'not JSON; send a call'}")


def read_mapped(name: str, rows: list[Numbered], shop: str, now_ms: int, kept: list[tuple[str, bytes]]) -> Found:
    """The events that a ready mapping makes of rows; a row that makes none is ignored."""
    found = Found()
    seen = set()
    for made in shape(rows, _mapping(name, shop), ENTRIES_MAX):
        seen.add(made.row)
        if isinstance(made, Complaint):
            found.flaws.append(Flaw(made.row, made.code, made.text))
            continue
        checked = check(made.event, (), kept, shop, now_ms)
        if isinstance(checked, Rejected):
            found.flaws.append(Flaw(made.row, checked.code.value, checked.detail))
        else:
            found.entries.append(checked)
    found.ignored = len({place for place, _ in rows} - seen)
    return found


def _read(calls: list[Any], shop: str, now_ms: int) -> Found:
    objects = [(place, call) for place, call in enumerate(calls) if isinstance(call, dict)]
    rows = list(_rows(objects, format_time(now_ms)))
    found = read_mapped("segment", rows, shop, now_ms, HEADERS)
    found.ignored += len(objects) - len(rows)
    for place, call in enumerate(calls):
        if not isinstance(call, dict):
            stray = call if isinstance(call, Rejected) else _STRAY
            found.flaws.append(Flaw(place, stray.code.value, stray.detail))
    found.flaws.sort()
    return found


def _rows(calls: list[tuple[int, Document]], now: str) -> Iterator[Numbered]:
    for place, call in calls:
        if (call.get("type") or "track") == "track":
            named = call if call.get("messageId") else {**call, "messageId": _message_id(call)}
            yield place, named if named.get("receivedAt") else {**named, "receivedAt": now}


def _message_id(call: Document) -> str:
    """What stands for a message id that was left out: the same call sent again has the same."""
    lasting = {name: value for name, value in call.items() if name not in _OF_THE_WAY}
    return blake2b(msgspec.json.encode(lasting, order="deterministic"), digest_size=16).hexdigest()


@lru_cache(maxsize=4_096)
def _mapping(name: str, shop: str) -> Mapping:
    return load_mapping(name, shop)
