"""Try an event: what it would do to its customer, without storing anything."""

from http import HTTPStatus
from typing import Any

import msgspec

from stream_app.codec.envelope import read_shop
from stream_app.codec.events import check_time, decode_record
from stream_app.codec.times import format_time
from stream_app.domain.events import CustomerMerged, Event, Rejected, Watermark
from stream_app.domain.policy import Policy
from stream_app.feed import Story
from stream_app.web.api.context import Context
from stream_app.web.api.parameters import InWords, OfShop, now_ms
from stream_app.web.api.problems import Problem
from stream_app.web.api.shapes import Document, in_words, published_words
from stream_app.web.trial import clock_of, try_event

_SPEC = "send one CloudEvent as JSON, as it would be published to orders or contacts"
_TRIED_ID = "tried"


async def preview(context: Context, asked: InWords, body: bytes) -> Document:
    """What an event would do. `specversion`, `id`, `source` and `time` are filled in where they are missing."""
    given = _read(body)
    shop = await _shop(context, asked, given)
    customer = given.get("subject")
    if not isinstance(customer, str) or not customer:
        raise Problem(422, "subject: missing; name the customer", field="subject", fix=_SPEC)
    policy = await context.policy_of(shop)
    if policy is None:
        raise Problem(
            422, "source: no policy for this shop and no default policy", field="source", fix="publish one: stream-app policy publish FILE"
        )
    async with context.reading_topics():
        story = await context.topics.find_customer(shop, customer)
    event = _decode({"specversion": "1.0", "id": _TRIED_ID, "source": f"/shops/{shop}", "time": _moment(policy, story), **given})
    told = try_event(event, story, policy)
    return told | {
        "meanwhile": [in_words(one, asked.words) for one in told["meanwhile"]],
        "changes": [in_words(one, asked.words) for one in told["changes"]],
        "reactions": [one | published_words(one["type"], one["data"], asked.words) for one in told["reactions"]],
    }


def _read(body: bytes) -> dict[str, Any]:
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "the body is not JSON", field="body", fix=_SPEC) from None
    if not isinstance(given, dict):
        raise Problem(422, "the body is not a JSON object", field="body", fix=_SPEC)
    return given


async def _shop(context: Context, asked: OfShop, given: dict[str, Any]) -> str:
    source = given.get("source")
    if source is None:
        return await context.which_shop(asked.shop)
    shop = read_shop(source) if isinstance(source, str) else None
    if shop is None:
        raise Problem(
            422, "source: not /shops/ and a shop's id", field="source", fix="give /shops/SHOP, or leave it out and say ?shop=SHOP"
        )
    return shop


def _moment(policy: Policy, story: Story) -> str:
    """The customer's own time where events alone move it, else now."""
    clock_ms = clock_of(story)
    if clock_ms is None:
        return format_time(now_ms())
    return format_time(clock_ms if policy.clock == "events" else max(clock_ms, now_ms()))


def _decode(given: dict[str, Any]) -> Event:
    try:
        value = msgspec.json.encode(given)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError, OverflowError):
        raise Problem(422, "the event cannot be written as JSON", field="body", fix=_SPEC) from None
    event = decode_record(None, value, (), 0)
    if isinstance(event, Event):
        if isinstance(event.data, Watermark | CustomerMerged):
            raise Problem(422, f"type: {event.type} cannot be tried", field="type", fix="try an event that concerns this customer alone")
        event_or_not = check_time(event, now_ms()) or event
    else:
        event_or_not = event
    if isinstance(event_or_not, Rejected):
        field, _, detail = event_or_not.detail.partition(": ")
        said, _, fix = detail.partition("; ")
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{event_or_not.code.value}: {field}: {said}", field=field, fix=fix or _SPEC)
    return event_or_not
