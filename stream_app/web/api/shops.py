"""Answers about a shop."""

from typing import Any

from sqlalchemy import Connection

from stream_app.codec.policy import DEFAULT_KEY, compile_policy, read_policy_document, show_policy
from stream_app.codec.times import format_time
from stream_app.domain.calendar import Calendar
from stream_app.errors import PolicyError
from stream_app.feed import PolicyRecord
from stream_app.web.api.context import Context
from stream_app.web.api.parameters import OfChanges, OfFlows, OfInsights, OfShop, now_ms
from stream_app.web.api.problems import Problem
from stream_app.web.api.shapes import Document, change_of, time_or_null
from stream_app.web.history import changes, shops
from stream_app.web.history.cursors import decode_cursor, encode_cursor
from stream_app.web.history.filling import read_positions
from stream_app.web.history.periods import PERIODS_MAX, latest_periods, periods_between
from stream_app.web.history.records import as_json

_DEFAULT = DEFAULT_KEY.decode()


async def overview(context: Context, asked: OfShop) -> Document:
    """How many customers stand where now, and how far everybody is; empty as long as nothing is known."""
    known = await context.ask(shops.all_shops)
    shop = await context.which_shop(asked.shop) if known or asked.shop else None

    def answer(connection: Connection) -> Document:
        ends = {} if context.tempo.pulse is None else context.tempo.pulse.ends
        positions = [
            {"topic": topic, "partition": number, "offset": offset, "end": ends.get((topic, number))}
            for (topic, number), offset in sorted(read_positions(connection).items())
        ]
        return {"shops": known, **counts_of(connection, shop), **tempo_of(context), "positions": positions}

    return await context.ask(answer)


def counts_of(connection: Connection, shop: str | None) -> Document:
    """What the overview and the stream's pulse both say of a shop."""
    row = None if shop is None else shops.read_shop(connection, shop)
    return {
        "shop": shop,
        "customers": row.customers if row else 0,
        "erased": row.erased if row else 0,
        "changes": row.changes if row else 0,
        "statuses": shops.count_statuses(connection, shop or ""),
        "number": changes.newest_number(connection),
        "latest_effective_at": format_time(row.latest_ms) if row and row.latest_ms else None,
    }


def tempo_of(context: Context) -> Document:
    """How fast it goes."""
    tempo = context.tempo
    return {
        "events_per_second": tempo.events_per_second,
        "changes_per_second": tempo.changes_per_second,
        "lag_records": tempo.lag_records,
    }


async def find_changes(context: Context, asked: OfChanges) -> Document:
    """Changes of all customers, newest first."""
    shop = await context.which_shop(asked.shop)
    if asked.dimension is None and (asked.from_ is not None or asked.to is not None):
        raise Problem(400, "dimension: missing, with from or to", field="dimension", fix="name the dimension whose values these are")
    cursor = None if asked.after is None else decode_cursor(asked.after, tuple[int, int])
    if asked.after is not None and cursor is None:
        raise Problem(400, "after: not a cursor of ours", field="after", fix="give `next` of the page before, or leave it out")
    rows, last = await context.ask(
        lambda connection: changes.of_shop(
            connection,
            shop,
            dimension=asked.dimension,
            before=_value(asked.from_),
            after=_value(asked.to),
            since_ms=asked.since,
            until_ms=asked.until,
            cursor=cursor,
            limit=asked.limit,
        )
    )
    return {"changes": [change_of(row, asked.words) for row in rows], "next": None if last is None else encode_cursor(*last)}


async def flows(context: Context, asked: OfFlows) -> Document:
    """Who went from where to where, by the shop's calendar."""
    shop = await context.which_shop(asked.shop)
    calendar = await _calendar(context, shop)

    def answer(connection: Connection) -> Document:
        row = shops.read_shop(connection, shop)
        until_ms = (row.latest_ms + 1 if row else now_ms()) if asked.until is None else asked.until
        if asked.since is None:
            periods = latest_periods(calendar, asked.period, until_ms - 1)
        else:
            periods = periods_between(calendar, asked.period, asked.since, until_ms)
        if len(periods) > PERIODS_MAX:
            raise Problem(
                400, f"since: more than {PERIODS_MAX} periods", field="since", fix="ask for a shorter time, or for longer periods"
            )
        counted = shops.count_flows(connection, shop, asked.dimension, [(one.start_ms, one.end_ms) for one in periods])
        return {
            "shop": shop,
            "dimension": asked.dimension,
            "period": asked.period,
            "time_zone": calendar.name,
            "periods": [
                {
                    "period": one.name,
                    "starts_at": format_time(one.start_ms),
                    "ends_at": format_time(one.end_ms),
                    "flows": [{"from": before, "to": after, "count": count} for before, after, count in found],
                }
                for one, found in zip(periods, counted, strict=True)
            ],
        }

    return await context.ask(answer)


async def insights(context: Context, asked: OfInsights) -> Document:
    """What the topic `insights` says of a shop; periods that are no month are always told."""
    shop = await context.which_shop(asked.shop)
    rows = await context.ask(lambda connection: shops.read_insights(connection, shop))
    since, until = asked.since or "", asked.until or "\uffff"
    told = [row for row in rows if since <= row.period <= until or not row.period[:1].isdigit()]
    return {
        "shop": shop,
        "insights": [{"period": row.period, "recorded_at": format_time(row.recorded_ms), "data": as_json(row.document)} for row in told],
    }


async def policy(context: Context, asked: OfShop) -> Document:
    """The policy in force for a shop, and all versions of its own and of the default one."""
    shop = await context.which_shop(asked.shop)
    records, book = await context.policies()
    told = [_version(record) for record in records if record.key in (shop, _DEFAULT)]
    held = book.current(shop)
    in_force = None
    if held is not None:
        is_default = not book.is_own(shop)
        in_key = _DEFAULT if is_default else shop
        mine = [one for one in told if one["shop"] == in_key and one["hash"] == held[1].hash]
        mine[-1]["status"] = "in_force"
        in_force = {
            "version": held[1].version,
            "hash": held[1].hash,
            "since": time_or_null(held[0]),
            "is_default": is_default,
            "document": mine[-1]["document"],
        }
    return {"shop": shop, "in_force": in_force, "versions": [{k: v for k, v in one.items() if k != "document"} for one in told]}


def _version(record: PolicyRecord) -> dict[str, Any]:
    told: dict[str, Any] = {
        "shop": record.key,
        "version": None,
        "hash": None,
        "since": format_time(record.recorded_ms),
        "status": "withdrawal",
    }
    if record.value is not None:
        told["status"] = "unusable"
        try:
            document = read_policy_document(record.value, record.key)
            compiled = compile_policy(document)
        except PolicyError:
            return told
        told |= {"version": compiled.version, "hash": compiled.hash, "status": "earlier"}
        told["document"] = show_policy(record.value, document)
    return told


async def _calendar(context: Context, shop: str) -> Calendar:
    """The shop's calendar; that of UTC when no policy is known."""
    try:
        found = await context.policy_of(shop)
    except Problem:
        return Calendar()
    return Calendar() if found is None else found.calendar


def _value(given: str | None) -> Any:
    return changes.ANY if given is None else None if given == "null" else given
