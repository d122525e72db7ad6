"""Where a page ends: opaque to whoever asks, and nothing but the key of its last row."""

import base64
import binascii
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def encode_cursor(*key: Any) -> str:
    """A cursor that stands after the row with this key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def decode_cursor(text: str, shape: type[T]) -> T | None:
    """The key that a cursor stands after; None when it is none of ours."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)), type=shape)
    except (binascii.Error, msgspec.MsgspecError, UnicodeError, ValueError):
        return None
