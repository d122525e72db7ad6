"""Standard Webhooks: the three headers that tell a receiver who sent a message, when, and that nobody has changed it."""

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
KEY_BYTES_MIN: Final = 24
KEY_BYTES_MAX: Final = 64


def read_secret(text: str) -> bytes:
    """The key of a secret, `whsec_` and 24 to 64 bytes in base64.

    Raises:
        ValueError: it is not of that form; the text does not quote it.
    """
    try:
        key = b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except binascii.Error:
        key = b""
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise ValueError(f"a secret must be {PREFIX} and {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes in base64")
    return key


def sign(keys: Sequence[bytes], webhook_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of `webhook-signature`: one `v1` signature for each key, so that a receiver may still know only the one before."""
    content = b"%s.%d.%s" % (webhook_id.encode(), timestamp_s, body)
    return " ".join("v1," + b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys)


def headers(keys: Sequence[bytes], webhook_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt; `timestamp_s` is the time of the attempt, the id is the same for all of them.

    Without a key nothing is signed.
    """
    named = {"webhook-id": webhook_id, "webhook-timestamp": str(timestamp_s)}
    return {**named, "webhook-signature": sign(keys, webhook_id, timestamp_s, body)} if keys else named
