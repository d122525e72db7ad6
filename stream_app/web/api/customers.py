"""Answers about customers."""

from typing import Any

import msgspec
from sqlalchemy import Connection

from stream_app.codec.times import format_time
from stream_app.story.language import Language
from stream_app.web.api.context import Context
from stream_app.web.api.parameters import AtTime, CustomerInWords, OfCustomer, OlderChanges, Search, now_ms
from stream_app.web.api.problems import Problem
from stream_app.web.api.shapes import Document, change_of, line_of, published_words
from stream_app.web.history import changes, customers
from stream_app.web.history.cursors import decode_cursor, encode_cursor
from stream_app.web.history.records import as_json

_CHANGES = 100
_FREE_TEXT = "note"  # what somebody wrote about him decides nothing
_LEFT_OUT = ("events that were refused are listed like all others", "records that cannot be read")


async def search(context: Context, asked: Search) -> Document:
    """Customers by id, of one shop, who have the statuses that are asked for."""
    shop = await context.which_shop(asked.shop)
    after = None if asked.after is None else decode_cursor(asked.after, tuple[str])
    if asked.after is not None and after is None:
        raise Problem(400, "after: not a cursor of ours", field="after", fix="give `next` of the page before, or leave it out")
    prefix, part = (asked.search, "") if asked.match == "prefix" else ("", asked.search)

    def answer(connection: Connection) -> Document:
        rows, last = customers.find_customers(
            connection,
            shop,
            statuses=asked.status,
            prefix=prefix,
            part=part,
            after=None if after is None else after[0],
            limit=asked.limit,
        )
        measures = customers.read_measures(connection, shop, [row.customer for row in rows])
        told = [line_of(row) | {"measures": measures.get(row.customer)} for row in rows]
        return {"customers": told, "next": None if last is None else encode_cursor(last)}

    return await context.ask(answer)


async def customer(context: Context, asked: CustomerInWords) -> Document:
    """One customer: where he stands, what comes next, and his latest changes."""
    shop = await context.which_shop(asked.shop)
    return await context.ask(lambda connection: _tell(connection, shop, asked.id, asked.words))


async def older(context: Context, asked: OlderChanges) -> Document:
    """A page of a customer's changes."""
    shop = await context.which_shop(asked.shop)

    def answer(connection: Connection) -> Document:
        rows, older_than = changes.of_customer(connection, shop, asked.id, before=asked.before, limit=asked.limit)
        if not rows:
            _must_be_known(connection, shop, asked.id)
        return {"changes": [change_of(row, asked.words) for row in rows], "older": older_than}

    return await context.ask(answer)


async def at_time(context: Context, asked: AtTime) -> Document:
    """The bitemporal question."""
    shop = await context.which_shop(asked.shop)
    at_ms, known_ms = (now_ms() if given is None else given for given in (asked.at, asked.known_at))

    def answer(connection: Connection) -> Document:
        rows = changes.all_of_customer(connection, shop, asked.id)
        if not rows:
            _must_be_known(connection, shop, asked.id)
        decides = changes.known_statuses(rows, at_ms, known_ms)
        return {
            "shop": shop,
            "customer": asked.id,
            "at": format_time(at_ms),
            "known_at": format_time(known_ms),
            "statuses": {name: None if row is None else row.after for name, row in decides.items()},
            "decided_by": {
                name: {
                    "change": row.id,
                    "sequence": row.sequence,
                    "effective_at": format_time(row.effective_ms),
                    "recorded_at": format_time(row.recorded_ms),
                }
                for name, row in decides.items()
                if row is not None
            },
        }

    return await context.ask(answer)


async def events(context: Context, asked: OfCustomer) -> Document:
    """The event log behind a customer, read from the topics."""
    shop = await context.which_shop(asked.shop)
    receipt = await context.ask(lambda connection: customers.read_receipt(connection, shop, asked.id))
    async with context.reading_topics():
        story = await context.topics.find_customer(shop, asked.id)
    erased_ms = -1 if receipt is None else customers.erased_ms(receipt)
    found = sorted((event for event in story.events if event.time_ms > erased_ms), key=lambda event: event.time_ms)
    if not found:
        await context.ask(lambda connection: _must_be_known(connection, shop, asked.id))
    told = [{"at": format_time(event.time_ms), "type": event.type, "id": event.id, "data": _data(event.data)} for event in found]
    return {"events": told, "left_out": list(_LEFT_OUT)}


def _data(data: Any) -> Document:
    """The data of an event as it was sent, times as times; without what somebody wrote freely."""
    told: Document = {}
    for name, value in msgspec.to_builtins(data).items():
        if value is None or value in ([], ()) or name == _FREE_TEXT:
            continue
        is_time = name.endswith("_ms") and isinstance(value, int)
        told[(name.removesuffix("_ms") if name == "at_ms" else name[:-2] + "at") if is_time else name] = (
            format_time(value) if is_time else value
        )
    return told


def _tell(connection: Connection, shop: str, customer_id: str, language: Language | None) -> Document:
    row = customers.read_customer(connection, shop, customer_id)
    receipt = customers.read_receipt(connection, shop, customer_id)
    if row is None and receipt is None:
        raise _unknown()
    stored = customers.read_profile(connection, shop, customer_id)
    profile = None if stored is None else as_json(stored.document)
    found, older_than = changes.of_customer(connection, shop, customer_id, before=None, limit=_CHANGES)
    latest = changes.latest_of_each(connection, shop, customer_id)
    erased = None
    if receipt is not None:
        at = as_json(receipt.document)["erased_at"]
        erased = {"at": at, "recorded_at": format_time(receipt.recorded_ms), "came_back": row is not None}
    return {
        "shop": shop,
        "customer": customer_id,
        "erased": erased,
        "statuses": None if row is None else customers.statuses_of(row),
        "sequence": 0 if row is None else row.sequence,
        "profile": profile,
        "next_deadline": None if profile is None else profile["next_deadline"],
        "outlook": [_outlook(change_of(one)) for one in latest],
        "announced": [_announced(one, language) for one in customers.read_notices(connection, shop, customer_id)],
        "changes": [change_of(one, language) for one in found],
        "older": older_than,
    }


def _outlook(change: Document) -> Document:
    return {
        "dimension": change["dimension"],
        "value": change["to"],
        "since": change["effective_at"],
        "valid_until": change["valid_until"],
        "counterfactual": change.get("counterfactual"),
        "change": change["id"],
    }


def _announced(row: Any, language: Language | None) -> Document:
    data = as_json(row.document)
    told = {name: data.get(name) for name in ("dimension", "from", "to", "will_change_at", "reason", "counterfactual")}
    return {"id": row.id, **told, **published_words("status.will_change", data, language)}


def _must_be_known(connection: Connection, shop: str, customer_id: str) -> None:
    if customers.read_customer(connection, shop, customer_id) is None and customers.read_receipt(connection, shop, customer_id) is None:
        raise _unknown()


def _unknown() -> Problem:
    return Problem(
        404, "id: nothing is known of this customer", field="id", fix="see that shop and id are right, and that his events are published"
    )
