"""The marks of erased customers in one partition, and what it takes to erase."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from stream_app.codec.marks import decode_mark, digests_of, encode_mark, find_named, fingerprint, mark_key
from stream_app.domain.erasure import Kept
from stream_app.domain.events import Event, RelationErased, RelationForgotten
from stream_app.domain.facts.notes import Mark
from stream_app.domain.facts.state import State
from stream_app.domain.ids import Who
from stream_app.engine.fold import Unit
from stream_app.errors import ErasureKeyError


class Erasing(Struct, frozen=True):
    """What a worker needs to erase: the secret of the marks, and the append-only topics of the receipts."""

    secret: bytes
    kept: Kept = {}


class Marks:
    """Reads and writes marks; with none in the partition nobody is looked for, so that erasures cost nothing where there are none."""

    def __init__(self, erasing: Erasing | None) -> None:
        self.erasing = erasing
        self.count = 0

    def resume(self, memo: Mapping[str, Any] | None) -> None:
        """Take back what `memo` gave.

        Raises:
            ErasureKeyError: there are marks, and without their secret nobody would be recognised: who was erased would return.
        """
        self.count = memo["count"] if memo else 0
        if memo and (self.erasing is None or fingerprint(self.erasing.secret) != memo["key"]):
            what = "is not set" if self.erasing is None else "is another one"
            raise ErasureKeyError(
                f"customers were erased under an erasure key, which now {what}, so that their old events would bring them back: "
                "set STREAM_APP_ERASURE_KEY (or STREAM_APP_ERASURE_KEY_FILE) as it was"
            )

    def memo(self) -> dict[str, Any] | None:
        """How many marks there are, and which secret they need; None when there are none."""
        if not self.count or self.erasing is None:
            return None
        return {"count": self.count, "key": fingerprint(self.erasing.secret)}

    def digests_of(self, who: Who, state: State | None) -> list[str]:
        """What stands for a customer where he is not to be named, then for those who were merged into him."""
        assert self.erasing is not None
        return digests_of(self.erasing.secret, who, state)

    def key_of(self, who: Who) -> bytes:
        """The key of a customer's mark."""
        assert self.erasing is not None
        return mark_key(self.erasing.secret, who)

    def name(self, event: Event, state: State | None) -> Event:
        """A `relation.erased` with the name of the one it means, if this customer knows him; any other event as it is."""
        data, erasing = event.data, self.erasing
        if type(data) is not RelationErased:
            return event
        names = () if state is None else (*state.referred, *state.referrers)
        found = [] if erasing is None else find_named(erasing.secret, event.shop_id, names, {data.digest, *data.others})
        return Event(event.type, event.id, event.shop_id, event.customer_id, event.time_ms, RelationForgotten(found))

    def read(self, key: bytes, unit: Unit) -> Mark | None:
        """The mark under `key`, None when there is none."""
        encoded = unit.read(key)
        return None if encoded is None else decode_mark(encoded)

    def write(self, key: bytes, mark: Mark | None, unit: Unit) -> None:
        """Store a mark, or take it away."""
        if mark is not None:
            self.count += unit.read(key) is None
            unit.write(key, encode_mark(mark), mark[1])
        elif unit.read(key) is not None:
            self.count -= 1
            unit.write(key, None, None)
