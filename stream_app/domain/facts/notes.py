"""What a state remembers of single orders and events. Few customers have any, so these stay Structs, which msgspec reads by itself."""

from msgspec import Struct, field

Raw = tuple[str, int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]
"""A record as it came: topic, partition, offset, key, value, headers. The domain only carries it to a dead letter."""

Mark = tuple[int, int, list[int]]
"""What is left of an erased customer: events up to the first time are dropped, until the second; and births that must not return."""


class OrderNote(Struct, array_like=True, gc=False):
    """What happened to an order after it was placed; most orders have none.

    `refunded_minor` is the uncapped sum over distinct refunds; `late_days` None means no payment came.
    """

    cancelled: bool = False
    refunded_minor: int = 0
    refunds: int = 0
    refund_ids: list[str] = field(default_factory=list)
    late_days: int | None = None


class Waiting(Struct, array_like=True, gc=False):
    """A cancel, refund or payment whose order has not come; it ends as a dead letter at `expires_ms`."""

    order_id: str
    expires_ms: int
    kind: str
    refund_id: str
    amount_minor: int
    late_days: int
    raw: Raw
