"""What the insights fold reads of the published changes, and what it publishes itself."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from stream_app.codec.changes import CONTENT_TYPE
from stream_app.codec.times import format_time, parse_time_ms
from stream_app.domain.ids import Who, identify
from stream_app.domain.insights.record import MONTH_TYPE, NOW_TYPE
from stream_app.domain.insights.tally import NOW

HEADERS: Final = [("content-type", CONTENT_TYPE)]


class _Cause(Struct):
    kind: str


class _Measures(Struct):
    last_counting_order_at: str | None = None
    last_order_at: str | None = None


class _Reason(Struct):
    measures: _Measures


class _PolicyRef(Struct):
    hash: str


class _Data(Struct, rename={"from_": "from"}):
    dimension: str = ""
    from_: str | None = None
    to: str | None = None
    cause: _Cause | None = None
    reason: _Reason | None = None
    policy: _PolicyRef | None = None
    revokes: str | None = None
    erased_at: str | None = None
    suppressed_until_at: str | None = None


class _Published(Struct):
    source: str
    subject: str
    type: str
    time: str
    data: _Data


class Change(Struct):
    """A `status.changed`, as far as insights need it; times in UTC milliseconds."""

    shop: str
    customer: str
    at_ms: int
    dimension: str
    to: str | None
    cause: str
    policy_hash: str
    is_revoking: bool
    last_order_ms: int | None


class Receipt(Struct):
    """An `erasure.completed`."""

    shop: str
    customer: str
    at_ms: int
    suppressed_until_ms: int


_TYPES: Final = (b'"type":"status.changed"', b'"type":"erasure.completed"')
_read: Final = msgspec.json.Decoder(_Published).decode


def read_published(value: bytes | None) -> Change | Receipt | None:
    """A record of `status-changes`; None for what insights do not count, such as notices."""
    if value is None or not any(kind in value for kind in _TYPES):
        return None
    told = _read(value)
    data, shop, at_ms = told.data, told.source.removeprefix("/shops/"), _ms(told.time)
    if told.type == "erasure.completed":
        assert data.erased_at is not None
        assert data.suppressed_until_at is not None
        return Receipt(shop, told.subject, _ms(data.erased_at), _ms(data.suppressed_until_at))
    if told.type != "status.changed":
        return None  # a customer whose id looks like our sign
    assert data.cause is not None
    assert data.policy is not None
    assert data.reason is not None
    last = data.reason.measures.last_counting_order_at or data.reason.measures.last_order_at
    return Change(
        shop,
        told.subject,
        at_ms,
        data.dimension,
        data.to,
        data.cause.kind,
        data.policy.hash,
        data.revokes is not None,
        None if last is None else _ms(last),
    )


def _ms(text: str) -> int:
    time_ms = parse_time_ms(text)
    assert time_ms is not None  # we have written it
    return time_ms


_encode: Final = msgspec.json.Encoder().encode


def encode_insights(shop: str, at_ms: int, origin: str, data: dict[str, Any]) -> bytes:
    """The CloudEvent of one shop and period; its id follows from what it says."""
    encoded = _encode(data)
    period = data["period"]
    kind = NOW_TYPE if period == NOW else MONTH_TYPE
    record_id = identify(kind, Who(shop, period), at_ms, 0, encoded.decode())
    head = {
        "specversion": "1.0",
        "id": record_id,
        "source": f"/shops/{shop}",
        "type": kind,
        "subject": period,
        "time": format_time(at_ms),
        "datacontenttype": "application/json",
        "origin": origin,
        "data": msgspec.Raw(encoded),
    }
    return _encode(head)
