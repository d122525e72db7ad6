"""A customer's state <-> bytes: one version byte, then msgpack of the columns.

Maps are written in key order, so that the same facts give the same bytes. A product-group mask beyond 63 bits does not fit
msgpack's integers; such a column travels as hexadecimal text.
"""

import msgspec

from stream_app.domain.facts.state import State

STATE_VERSION = 1
_PREFIX = bytes([STATE_VERSION])
_FIRST_FACT = State.__struct_fields__.index("high_ms")
_MASKS = State.__struct_fields__.index("order_groups")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(State).decode


def encode_state(state: State) -> bytes:
    """The bytes that the table stores and the changelog carries."""
    _settle(state)
    if len(state.groups) > 63:
        row = list(msgspec.structs.astuple(state))
        row[_MASKS] = [f"{mask:x}" for mask in state.order_groups]
        return _PREFIX + _encode(row)
    return _PREFIX + _encode(state)


def decode_state(encoded: bytes) -> State:
    """The state that `encode_state` wrote.

    Raises:
        ValueError: the bytes are of another version, or damaged.
    """
    if encoded[:1] != _PREFIX:
        message = f"state version {encoded[0] if encoded else 'none'} is not {STATE_VERSION}"
        raise ValueError(message)
    try:
        return _decode(memoryview(encoded)[1:])
    except msgspec.ValidationError:
        row = msgspec.msgpack.decode(memoryview(encoded)[1:])
        row[_MASKS] = [int(mask, 16) for mask in row[_MASKS]]
        return msgspec.convert(row, State)


def encode_facts(state: State) -> bytes:
    """The facts alone: equal for every order and every duplication of the same events, once clocks are equal."""
    _settle(state)
    return _encode(list(msgspec.structs.astuple(state))[_FIRST_FACT:])


def _settle(state: State) -> None:
    for name in ("notes", "unsubscribed", "criteria"):
        entries = getattr(state, name)
        if len(entries) > 1:
            setattr(state, name, dict(sorted(entries.items())))
