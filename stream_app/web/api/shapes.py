"""Rows of the database as the API tells them."""

from typing import Any

from sqlalchemy import Row

from stream_app.codec.times import format_time
from stream_app.story.language import Language
from stream_app.story.timeline import change_in_words
from stream_app.story.words import published_in_words
from stream_app.web.history.customers import statuses_of
from stream_app.web.history.records import as_json

Document = dict[str, Any]


def change_of(row: Row[Any], language: Language | None = None) -> Document:
    """A change with its proof, and in words when a language is asked for."""
    told = {
        "number": row.number,
        "id": row.id,
        "shop": row.shop,
        "customer": row.customer,
        "dimension": row.dimension,
        "from": row.before,
        "to": row.after,
        "sequence": row.sequence,
        "effective_at": format_time(row.effective_ms),
        "recorded_at": format_time(row.recorded_ms),
        "origin": row.origin,
        **as_json(row.proof),
        "revoked": row.revoked,
    }
    if row.revokes is not None:
        told["revokes"] = row.revokes
    return in_words(told, language)


def in_words(change: Document, language: Language | None) -> Document:
    """A change, told in words as well when a language is asked for."""
    return change if language is None else change | {"says": change_in_words(change, language)}


def published_words(kind: str, data: Document, language: Language | None) -> Document:
    """What a notice or a reaction says, to be put beside its data; nothing without a language."""
    return {} if language is None else {"says": [published_in_words(kind, data, language)]}


def line_of(row: Row[Any]) -> Document:
    """A customer in a list."""
    return {
        "shop": row.shop,
        "customer": row.customer,
        "statuses": statuses_of(row),
        "sequence": row.sequence,
        "changed_at": format_time(row.effective_ms),
        "recorded_at": format_time(row.recorded_ms),
    }


def time_or_null(time_ms: int | None) -> str | None:
    """A time, if there is one."""
    return None if time_ms is None else format_time(time_ms)
