"""A customer's state <-> bytes: one version byte, then the columns as that version lays them out.

The newest version alone is written; every version that was ever released is read, by its own entry in `_READERS`, and written
anew as the newest when its customer is touched next. A partition's marker names the version too, so that an older program
refuses a partition before it has touched anything (`check_state_version`).

Every version is msgpack: version 2 of the columns of `State`, version 1 of `state_v1.StateV1`. To change the layout once a version is
released: raise `STATE_VERSION`; give the old reader a Struct of its own that is the layout as it was, and turn what it reads into
today's `State`; keep the folders in `tests/fixtures` and add one of the new version.

Maps are written in key order, so that the same facts give the same bytes. msgpack's integers end at 64 bits; longer ones (the mask
of more than 64 product groups, sums of absurd amounts) travel as extensions.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

import msgspec
from msgspec import Struct

from stream_app.codec.columns import from_columns, to_columns
from stream_app.codec.state_v1 import StateV1
from stream_app.domain.calendar import DAY_MS
from stream_app.domain.facts.state import NEVER, State
from stream_app.errors import VersionError

STATE_VERSION: Final = 2
_PREFIX: Final = bytes([STATE_VERSION])
_FIRST_FACT: Final = [field.name for field in fields(State)].index("low_ms")
_LONG: Final = 1
"""The msgpack extension of an integer beyond 64 bits: two's complement, big endian."""

_encode: Final = msgspec.msgpack.Encoder().encode


def encode_state(state: State) -> bytes:
    """The bytes that the table stores and the changelog carries."""
    _settle(state)
    columns = to_columns(state)
    try:
        return _PREFIX + _encode(columns)
    except OverflowError:
        return _PREFIX + _encode(_pack(columns))


def decode_state(encoded: bytes) -> State:
    """The state that `encode_state` wrote.

    Raises:
        VersionError: a newer version of the program wrote them.
        ValueError: the bytes are damaged.
    """
    version = encoded[0] if encoded else 0
    read = _READERS.get(version)
    if read is None:
        check_state_version(version)
        message = f"there is no state version {version}"
        raise ValueError(message)
    return read(encoded[1:])


def check_state_version(version: int) -> None:
    """Refuse states of a version that is still to come.

    Raises:
        VersionError: `version` is newer than what is known here.
    """
    if version > STATE_VERSION:
        message = (
            f"the states were written by a newer version of stream-app (layout {version}, this one knows {STATE_VERSION}): "
            "run the newer version, or start over with another STREAM_APP_ID"
        )
        raise VersionError(message)


def encode_facts(state: State) -> bytes:
    """The facts alone: equal for every order and every duplication of the same events, once clocks are equal."""
    _settle(state)
    return _encode(_pack(to_columns(state)[_FIRST_FACT:]))


def _read_1(content: bytes) -> State:
    old = msgspec.convert(_decode(content), StateV1, builtin_types=(bytes,))
    state = State(**{name: getattr(old, name) for name in StateV1.__struct_fields__})
    # Version 1 did not remember the latest contact: what it has of it, contacts by their days.
    known = [moment for moment, _ in state.unsubscribed.values()] + [day * DAY_MS for day in state.bucket_day[-1:]]
    state.touched_ms = max(known + ([state.answered[0]] if state.answered is not None else []), default=NEVER)
    return state


def _read_2(content: bytes) -> State:
    try:
        return from_columns(_decode(content))
    except TypeError as error:
        message = "a state has columns of another type"
        raise ValueError(message) from error


_READERS: Final[dict[int, Callable[[bytes], State]]] = {1: _read_1, 2: _read_2}


def _pack(value: Any) -> Any:
    """`value` with every integer beyond 64 bits as an extension."""
    kind = type(value)
    if kind is int:
        return value if -(1 << 63) <= value < 1 << 64 else msgspec.msgpack.Ext(_LONG, _long_bytes(value))
    if isinstance(value, Struct):
        return _pack(msgspec.structs.astuple(value))
    if kind is list or kind is tuple:
        return [_pack(part) for part in value]
    if kind is dict:
        return {name: _pack(part) for name, part in value.items()}
    return value


def _long_bytes(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _unpack(code: int, content: memoryview) -> int:
    if code != _LONG:
        message = f"unknown extension {code} in a state"
        raise ValueError(message)
    return int.from_bytes(content, "big", signed=True)


_decode: Final[Callable[[bytes], Any]] = msgspec.msgpack.Decoder(ext_hook=_unpack).decode


def _settle(state: State) -> None:
    """Bring the maps into key order."""
    if len(state.notes) > 1:
        state.notes = dict(sorted(state.notes.items()))
    if len(state.unsubscribed) > 1:
        state.unsubscribed = dict(sorted(state.unsubscribed.items()))
    if len(state.criteria) > 1:
        state.criteria = dict(sorted(state.criteria.items()))
    if len(state.referred) > 1:
        state.referred = dict(sorted(state.referred.items()))
    if len(state.heard) > 1:
        state.heard = dict(sorted(state.heard.items()))
