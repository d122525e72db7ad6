"""What an erasure leaves in the table: a mark under a key that does not name the customer.

The key is a keyed BLAKE2b of the customer in the shop's own part of the table; a control character, which no customer id may
have, tells it from a customer's. Without the secret nobody can tell whose mark it is, nor try ids until one fits.
"""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from stream_app.domain.facts.notes import Mark
from stream_app.domain.facts.state import State
from stream_app.domain.ids import Who

REPLAY_SECRET = blake2b(b"a replay keeps nothing", digest_size=32).digest()
"""What a replay hashes with: its marks live and die with the process."""

_SIGN = "\x00"
_VERSION = b"\x00"
"""The layout; no state begins with it."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Mark).decode


def mark_key(secret: bytes, who: Who) -> bytes:
    """The key of a customer's mark, `{shop_id}/` and the hash."""
    shop, customer = who.shop_id.encode(), who.customer_id.encode()
    digest = blake2b(len(shop).to_bytes(4, "big") + shop + customer, key=secret, digest_size=20, person=b"mark").hexdigest()
    return f"{who.shop_id}/{_SIGN}{digest}".encode()


def digest_of(secret: bytes, who: Who) -> str:
    """What stands for a customer where he is not to be named: the hash in his mark's key."""
    return mark_key(secret, who).decode().partition(_SIGN)[2]


def digests_of(secret: bytes, who: Who, state: State | None) -> list[str]:
    """The digest of a customer, then those of all who were merged into him."""
    names = [who.customer_id] if state is None else [who.customer_id, *state.absorbed]
    return [digest_of(secret, Who(who.shop_id, name)) for name in names]


def find_named(secret: bytes, shop_id: str, names: Iterable[str], digests: set[str]) -> list[str]:
    """Who of these customers of a shop the digests stand for."""
    return sorted({name for name in names if digest_of(secret, Who(shop_id, name)) in digests})


def is_mark(customer_id: str) -> bool:
    """Whether what stands behind the slash of a key is a mark's hash, and no customer."""
    return customer_id[:1] == _SIGN


def fingerprint(secret: bytes) -> str:
    """Tells one secret from another, and nothing about it."""
    return blake2b(b"", key=secret, digest_size=8, person=b"fingerprint").hexdigest()


def encode_mark(mark: Mark) -> bytes:
    """The bytes that the table stores."""
    return _VERSION + _encode(mark)


def decode_mark(encoded: bytes) -> Mark:
    """The mark that `encode_mark` wrote."""
    assert encoded[:1] == _VERSION
    mark: Mark = _decode(memoryview(encoded)[1:])
    return mark
