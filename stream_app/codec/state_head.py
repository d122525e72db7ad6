"""The head of a stored state: what can be asked without decoding the rest. Every layout begins with these columns."""

import msgspec

from stream_app.codec.state import STATE_VERSION


class StateHead(msgspec.Struct, array_like=True, gc=False):
    """The first columns of `State`."""

    born_ms: int
    clock_ms: int
    policy_version: int
    policy_hash: str


_decode = msgspec.msgpack.Decoder(StateHead).decode


def read_head(encoded: bytes) -> StateHead:
    """The head of a state of any version that is known."""
    assert 0 < encoded[0] <= STATE_VERSION
    return _decode(memoryview(encoded)[1:])
