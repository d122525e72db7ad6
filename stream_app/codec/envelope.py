"""The CloudEvents 1.0 envelope, in structured and in binary mode: who, when, of which type, and the bytes of the data."""

import re
from base64 import b64decode
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw

from stream_app.codec.complaints import describe
from stream_app.codec.strict_json import find_defect
from stream_app.codec.wire import Envelope
from stream_app.domain.events import Code, Rejected

VALUE_BYTES_MAX: Final = 1_048_576

_SOURCE: Final = re.compile(r"/shops/([A-Za-z0-9._-]{1,128})")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_JSON_TYPE: Final = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json(?:\s*;.*)?", re.IGNORECASE)
_ATTRIBUTES: Final = frozenset({"specversion", "id", "source", "type", "time", "subject"})
_SOURCES_REMEMBERED_MAX: Final = 50_000
_shops: Final[dict[str, str]] = {}


_DECODER: Final = msgspec.json.Decoder(Envelope)


def read_structured(value: bytes | None) -> Envelope | Rejected:
    """The envelope of a JSON event; `data` holds the JSON text of the data, empty when there is none."""
    if value is None:
        return Rejected(Code.INVALID_JSON, "value: missing; send one CloudEvent as JSON")
    if len(value) > VALUE_BYTES_MAX:
        return Rejected(Code.INVALID_ENVELOPE, "value: larger than 1 MiB; send a smaller event")
    try:
        envelope = _DECODER.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _reject(value, error)
    if envelope.data_base64 is not None:
        return _unpack(value, envelope)
    return envelope


def read_binary(value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> Envelope | Rejected:
    """The envelope of an event whose attributes are `ce_` headers and whose value is the data."""
    if value is not None and len(value) > VALUE_BYTES_MAX:
        return Rejected(Code.INVALID_ENVELOPE, "value: larger than 1 MiB; send a smaller event")
    attributes: dict[str, str] = {}
    for key, content in headers:
        name = key.lower()
        name = "datacontenttype" if name == "content-type" else name[3:] if name.startswith("ce_") else ""
        if name not in _ATTRIBUTES and name != "datacontenttype":
            continue
        if name in attributes:
            return Rejected(Code.INVALID_ENVELOPE, f"{name}: given by two headers; send it once")
        if content is None:
            return Rejected(Code.INVALID_ENVELOPE, f"{name}: the header is null; give it a text")
        try:
            attributes[name] = content.decode()
        except UnicodeDecodeError:
            return Rejected(Code.INVALID_ENVELOPE, f"{name}: the header is not UTF-8 text; encode it as UTF-8")
    try:
        envelope = msgspec.convert(attributes, Envelope)
    except msgspec.ValidationError as error:
        return Rejected(Code.INVALID_ENVELOPE, describe(error, "", Envelope))
    envelope.data = Raw(value or b"")
    return envelope


def read_shop(source: str) -> str | None:
    """The shop of a `source` attribute, `/shops/{shop_id}`; None when it is not of that form."""
    shop = _shops.get(source)
    if shop is None:
        found = _SOURCE.fullmatch(source)
        if found is None:
            return None
        if len(_shops) >= _SOURCES_REMEMBERED_MAX:
            _shops.clear()
        shop = _shops[source] = found[1]
    return shop


def is_customer_id(text: str) -> bool:
    """1 to 128 characters, none of them a control character; slashes are fine."""
    return 0 < len(text) <= 128 and (text.isprintable() or _CONTROL.search(text) is None)


def is_json_type(content_type: str) -> bool:
    """Whether a `datacontenttype` says JSON."""
    return content_type == "application/json" or _JSON_TYPE.fullmatch(content_type) is not None


def _reject(value: bytes, error: Exception) -> Rejected:
    # A wrong type can stand before a broken end: a text that is no JSON is that first.
    defect = find_defect(value)
    if defect is None and not isinstance(error, msgspec.ValidationError):
        defect = "not JSON; send one JSON object"
    if defect is not None:
        return Rejected(Code.INVALID_JSON, f"value: {defect}")
    return Rejected(Code.INVALID_ENVELOPE, describe(error, "", Envelope))


def _unpack(value: bytes, envelope: Envelope) -> Envelope | Rejected:
    assert envelope.data_base64 is not None
    if defect := find_defect(value):
        return Rejected(Code.INVALID_JSON, f"value: {defect}")
    if bytes(envelope.data) not in (b"", b"null"):
        return Rejected(Code.INVALID_ENVELOPE, "data_base64: given together with data; send one of them")
    try:
        envelope.data = Raw(b64decode(envelope.data_base64, validate=True))
    except ValueError:
        return Rejected(Code.INVALID_ENVELOPE, "data_base64: not base64; encode it, or send data as JSON")
    return envelope
