"""A small processor that the engine's own tests run: it counts and sums per key, and says when a key has been silent too long.

A record's value is JSON: {"id": ..., "t": event time in ms, "n": amount, "patience": ms or null}. Each event gives one output
with the key's sequence number, so that a lost or doubled event is a hole or a repetition.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from stream_app.engine.fold import Decoded, Record, Unit

OUTPUT = "status-changes"


class Event(msgspec.Struct):
    """One toy event."""

    id: str
    t: int
    n: int
    patience: int | None = None


class State(msgspec.Struct, array_like=True):
    """What the toy keeps per key."""

    count: int = 0
    total: int = 0
    sequence: int = 0
    deadline_ms: int | None = None


class Change(msgspec.Struct):
    """One toy output."""

    key: str
    sequence: int
    cause: str
    count: int
    total: int


_event = msgspec.json.Decoder(Event).decode
_state = msgspec.msgpack.Decoder(State).decode
_pack = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode


class ToyProcessor:
    """Implements `engine.fold.Processor`."""

    def __init__(self, partition: int, partitions: int) -> None:
        self.partition = partition
        self.partitions = partitions
        self.stream_ms = 0
        self._states: dict[bytes, State] = {}

    def resume(self, memo: Mapping[str, Any]) -> None:
        """Take the stream time back."""
        self.stream_ms = memo.get("stream_ms", 0)

    def memo(self) -> dict[str, Any]:
        """The stream time."""
        return {"stream_ms": self.stream_ms}

    def decode(self, record: Record, wall_ms: int) -> Decoded:
        """Decode one record; a bad one keeps its place."""
        try:
            event = _event(record.value or b"")
        except msgspec.MsgspecError:
            return Decoded(record.timestamp, None, record, None)
        return Decoded(event.t, record.key, record, event)

    def fold(self, batch: Sequence[Decoded], unit: Unit) -> Iterator[None]:
        """Count, sum, and say so."""
        yield
        for decoded in batch:
            event = decoded.content
            if event is None or decoded.key is None:
                unit.emit("dead-letters", decoded.record.key, decoded.record.value)
                unit.count("rejections", "toy")
                continue
            self.stream_ms = max(self.stream_ms, event.t)
            state = self._load(decoded.key, unit)
            state.count += 1
            state.total += event.n
            state.deadline_ms = event.t + event.patience if event.patience is not None else None
            self._say(decoded.key, state, event.id, unit)
        unit.count("events", "toy", by=len(batch))

    def fire(self, unit: Unit, bound_ms: int | None, wall_ms: int | None, limit: int) -> int:
        """Say who has been silent too long."""
        until_ms = self.stream_ms if bound_ms is None else min(self.stream_ms, bound_ms)
        if wall_ms is not None:
            until_ms = max(until_ms, wall_ms)
        fired = 0
        for timeline in unit.timelines():
            due_ms = unit.next_due(timeline)
            if due_ms is None or due_ms > until_ms or fired >= limit:
                continue
            for deadline_ms, key in unit.due(timeline, until_ms, limit - fired):
                fired += 1
                state = self._load(key, unit)
                if state.deadline_ms != deadline_ms:
                    continue  # this unit's own batch has moved it; `finish` arms the new one
                state.deadline_ms = None
                self._say(key, state, "silence", unit)
        if fired:
            unit.count("deadlines", by=fired)
        return fired

    def sweep(self, unit: Unit, limit: int) -> int:
        """There is none."""
        return 0

    def sweeping(self) -> int | None:
        """There is none."""
        return None

    def finish(self, unit: Unit) -> None:
        """Write what has changed."""
        for key, state in self._states.items():
            unit.write(key, _pack(state), state.deadline_ms)
        self._states.clear()

    def _load(self, key: bytes, unit: Unit) -> State:
        state = self._states.get(key)
        if state is None:
            stored = unit.read(key)
            state = self._states[key] = State() if stored is None else _state(stored)
        return state

    def _say(self, key: bytes, state: State, cause: str, unit: Unit) -> None:
        state.sequence += 1
        unit.emit(OUTPUT, key, _json(Change(key.decode(), state.sequence, cause, state.count, state.total)))
