"""What a record of an output topic says, as far as the history keeps it in columns; the rest stays the text that it is."""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from stream_app.codec.times import parse_time_ms

CHANGED: Final = "status.changed"
WILL_CHANGE: Final = "status.will_change"
WILL_NOT_CHANGE: Final = "status.will_not_change"
ERASED: Final = "erasure.completed"


class Envelope(Struct):
    """An event of ours."""

    id: str
    type: str
    source: str
    subject: str
    data: Raw
    origin: str = "live"

    @property
    def shop(self) -> str:
        """Whose customer it is about."""
        return self.source.removeprefix("/shops/")


class Change(Struct):
    """The data of a `status.changed`."""

    dimension: str
    to: str | None
    sequence: int
    effective_at: str
    cause: Raw
    reason: Raw
    policy: Raw
    valid_until: str | None
    from_: str | None = field(name="from", default=None)
    counterfactual: Raw | UnsetType = UNSET
    revokes: str | None = None

    @property
    def effective_ms(self) -> int:
        """When it took effect."""
        return time_of(self.effective_at)

    def proof(self) -> str:
        """What stands in no column, as JSON."""
        return msgspec.json.encode(Proof(self.cause, self.reason, self.policy, self.valid_until, self.counterfactual)).decode()


class Proof(Struct):
    """The part of a change that nobody searches by."""

    cause: Raw
    reason: Raw
    policy: Raw
    valid_until: str | None
    counterfactual: Raw | UnsetType = UNSET


class Profile(Struct):
    """The data of a `customer.profile`."""

    clock_at: str
    statuses: dict[str, str | None]
    sequence: int


class Receipt(Struct):
    """The data of an `erasure.completed`."""

    was_known: bool


class Revoked(Struct):
    """The data of a `status.will_not_change`."""

    revokes: str


_envelope: Final = msgspec.json.Decoder(Envelope)
read_change: Final = msgspec.json.Decoder(Change).decode
read_profile: Final = msgspec.json.Decoder(Profile).decode
read_receipt: Final = msgspec.json.Decoder(Receipt).decode
read_revoked: Final = msgspec.json.Decoder(Revoked).decode


def read_envelope(value: bytes) -> Envelope:
    """The event of a record that we wrote."""
    return _envelope.decode(value)


def split_key(key: bytes | None) -> tuple[str, str]:
    """Shop, and customer or period."""
    shop, _, name = (key or b"").decode().partition("/")
    return shop, name


def time_of(text: str) -> int:
    """The instant of a time that we wrote."""
    time_ms = parse_time_ms(text)
    assert time_ms is not None, text
    return time_ms


def as_json(text: str) -> Any:
    """What was kept as text."""
    return msgspec.json.decode(text)
