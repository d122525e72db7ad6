"""What a request holds: events that can be stored, and those that cannot, with the field and the fix."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from stream_app.codec.events import check_time, decode_record
from stream_app.domain.events import ORDER_TYPES, Rejected
from stream_app.feed import Entry
from stream_app.web.api.problems import Problem

Headers = Sequence[tuple[str, bytes]]
ERRORS_MAX: Final = 10
FLAWS_MAX: Final = 100  # of a batch that is refused anyway nobody looks further
_WATERMARK: Final = "watermark"
_ERASED: Final = "customer.erased"
_SPEC: Final = "see /v1/openapi.json"


class Flaw(NamedTuple):
    """An event that cannot be stored: its place in the request (None where there is but one), the code, and `field: what; fix`."""

    place: int | None
    code: str
    detail: str


@dataclass
class Found:
    """What a request holds. `ignored` counts what is no event of ours, such as a page that was viewed."""

    entries: list[Entry] = field(default_factory=list)
    ignored: int = 0
    flaws: list[Flaw] = field(default_factory=list)


def check(value: bytes, given: Headers, kept: Headers, shop: str | None, now_ms: int) -> Entry | Rejected:
    """One event as a worker will see it: decoded by the same decoder, and refused for the same reasons.

    Args:
        value: the record's value.
        given: headers that say how to read it.
        kept: headers that are stored with it.
        shop: the only shop it may be of; None for any.
        now_ms: the wall clock.

    Raises:
        Problem: it is another shop's.
    """
    event = decode_record(None, value, given, 0)
    if isinstance(event, Rejected):
        return event
    if shop is not None and event.shop_id != shop:
        raise Problem(HTTPStatus.FORBIDDEN, "the event is another shop's", field="source", fix=f"send /shops/{shop}, whose key this is")
    refused = check_time(event, now_ms)
    if refused is not None:
        return refused
    is_watermark = event.type == _WATERMARK
    key = event.shop_id if is_watermark else f"{event.shop_id}/{event.customer_id}"
    topic = "orders" if is_watermark or event.type in ORDER_TYPES else "contacts"
    return Entry(topic, key.encode(), value, kept, min(event.time_ms, now_ms), is_watermark, event.type == _ERASED)


def split(detail: str) -> tuple[str, str, str]:
    """A rejection's detail as field, what is wrong with it, and the fix."""
    name, _, said = detail.partition(": ")
    what, _, fix = said.partition("; ")
    return name, what, fix or what


def errors_of(flaws: Sequence[Flaw]) -> list[dict[str, Any]]:
    """The first flaws, for an answer."""
    shown = []
    for flaw in flaws[:ERRORS_MAX]:
        name, what, fix = split(flaw.detail)
        shown.append({"index": flaw.place, "code": flaw.code, "field": name, "detail": what, "fix": fix})
    return shown


def refusal(flaws: Sequence[Flaw]) -> Problem:
    """The answer to a request of which nothing is stored."""
    first = flaws[0]
    name, what, fix = split(first.detail)
    if first.place is None:
        return Problem(HTTPStatus.BAD_REQUEST, f"{name}: {what}", field=name, fix=fix, more={"code": first.code})
    place = f"[{first.place}].{name}"
    count = f"{len(flaws)} or more" if len(flaws) == FLAWS_MAX else len(flaws)
    detail = f"{count} of the events cannot be stored, and so none was; the first: {place}: {what}"
    return Problem(HTTPStatus.BAD_REQUEST, detail, field=place, fix=fix, more={"code": first.code, "errors": errors_of(flaws)})


def not_json(what: str) -> Problem:
    """The answer to a body that cannot be read at all; `what` is wrong with it, without quoting it."""
    said, _, fix = what.partition("; ")
    return Problem(HTTPStatus.BAD_REQUEST, f"body: {said}", field="body", fix=fix or _SPEC, more={"code": "invalid_json"})
