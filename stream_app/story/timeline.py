"""One customer's life as a document: what happened, what changed and why, where he stands, what comes next. Pure."""

from typing import Any, Final, Protocol

import msgspec

from stream_app.codec.times import YEAR_1_MS, YEAR_10000_MS, format_time, parse_time_ms
from stream_app.domain.events import CustomerMerged, Event
from stream_app.story.language import Language
from stream_app.story.words import (
    LANGUAGES,
    counterfactual_in_words,
    moment,
    published_in_words,
    reason_in_words,
    status_in_words,
    value_in_words,
)

_CHANGED: Final = "status.changed"
_ERASED: Final = "erasure.completed"
_FACTS: Final = "customer.facts"  # all that was known of one who was merged into him
_FREE_TEXT: Final = "note"  # what somebody wrote about him decides nothing
LEFT_OUT: Final = (
    "events that were refused are listed like all others, since dead-letters is not searched",
    "records that cannot be read",
)

Document = dict[str, Any]


class Found(Protocol):
    """All that is known of one customer; `published` topic by topic, each in the order of its log."""

    events: list[Event]
    published: list[dict[str, Any]]
    profile: dict[str, Any] | None


def explain(shop: str, customer: str, found: Found, language: str = "en") -> Document | None:
    """Everything in one JSON document; None when nothing is known of him.

    Of an erased customer it has the receipt alone. If he came back, it begins after his erasure.

    Args:
        shop: the shop's id.
        customer: the customer's id.
        found: what was found of him.
        language: the code of the language in which `text` and `says` are told.
    """
    words = LANGUAGES[language]
    events, published, receipt = found.events, found.published, None
    receipts = [number for number, event in enumerate(published) if event["type"] == _ERASED]
    if receipts:
        receipt = published[receipts[-1]]
        published = _after(published, receipts[-1])
        erased_ms = parse_time_ms(receipt["data"]["erased_at"]) or 0
        is_back = bool(published) or found.profile is not None
        events = [event for event in events if is_back and event.time_ms > erased_ms]
    if not (events or published or receipt or found.profile):
        return None
    return {
        "shop": shop,
        "customer": customer,
        "erased": None if receipt is None else {"at": receipt["data"]["erased_at"], "came_back": bool(events or published)},
        "timeline": _timeline(events, published, words),
        "merged": _merged(events, published),
        "now": None if found.profile is None else found.profile["data"],
        "next": _next(events, published, found.profile, words),
        "left_out": list(LEFT_OUT),
    }


def _merged(events: list[Event], published: list[dict[str, Any]]) -> Document | None:
    """When he was merged into whom, if that is where he has gone."""
    changes = [one for one in published if one["type"] == _CHANGED]
    data = changes[-1]["data"] if changes else {}
    if data.get("reason", {}).get("code") != "merged":
        return None
    merge = next((event.data for event in events if event.id == data["cause"]["event_id"]), None)
    return {"at": data["effective_at"], "into": merge.into if isinstance(merge, CustomerMerged) else None}


def _after(published: list[dict[str, Any]], receipt: int) -> list[dict[str, Any]]:
    """What was published of him since his erasure: changes by their place in the log, reactions by the change that caused them."""
    changes = [event for event in published[receipt + 1 :] if event["type"].startswith("status.")]
    known = {event["id"] for event in changes}
    return changes + [event for event in published if not event["type"].startswith("status.") and event.get("causationid") in known]


def _timeline(events: list[Event], published: list[dict[str, Any]], words: Language) -> list[Document]:
    """Everything in time order; at one moment events come first, then each change with what it set in motion."""
    events = sorted(events, key=lambda event: event.time_ms)
    by_id: dict[str, Event] = {}
    entries: list[tuple[tuple[str, int, int, int], Document]] = []
    for event in events:
        entry = _event(event, event.id in by_id, words)
        by_id.setdefault(event.id, event)
        entries.append(((entry["at"], 0, 0, 0), entry))
    sequences = {one["id"]: one["data"]["sequence"] for one in published if one["type"] == _CHANGED}
    for one in published:
        is_change = one["type"] == _CHANGED
        entry = _change(one, by_id, sequences, words) if is_change else _consequence(one, words)
        place = sequences.get(one["id"] if is_change else one.get("causationid", ""), 0)
        entries.append(((one["time"], 1, place, 0 if is_change else 1), entry))
    return [entry for _, entry in sorted(entries, key=lambda one: one[0])]


def _event(event: Event, is_copy: bool, words: Language) -> Document:
    data: dict[str, Any] = {}
    for name, value in ({} if event.type == _FACTS else msgspec.to_builtins(event.data)).items():
        if value is None or value in ([], ()) or name == _FREE_TEXT:
            continue
        if name.endswith("_ms"):  # the rules count in milliseconds, the world outside has times
            # An offset may take a date that is due beyond the years that can be written.
            written = format_time(min(max(value, YEAR_1_MS), YEAR_10000_MS - 1))
            data[name.removesuffix("_ms") if name == "at_ms" else name[:-2] + "at"] = written
        else:
            data[name] = value
    text = event.type + "".join(f", {name} {value_in_words(name, value, words)}" for name, value in data.items())
    says = [words.say("copy")] if is_copy else []
    return {"at": format_time(event.time_ms), "kind": "event", "type": event.type, "id": event.id, "text": text, "says": says, "data": data}


def _change(event: dict[str, Any], by_id: dict[str, Event], sequences: dict[str, int], words: Language) -> Document:
    data = event["data"]
    cause = dict(data["cause"])
    known = by_id.get(cause.get("event_id", ""))
    if known is not None:
        cause |= {"event_type": known.type, "event_at": format_time(known.time_ms)}
    says = change_in_words(data, words, cause=cause, revoked=sequences.get(data.get("revokes", "")))
    text = words.say(
        "change",
        dimension=words.term(data["dimension"]),
        before=status_in_words(data["dimension"], data["from"], words),
        after=status_in_words(data["dimension"], data["to"], words),
        number=data["sequence"],
    )
    return {**_head(event, "change"), "text": text, "says": says, "cause": cause, "data": data}


def change_in_words(data: dict[str, Any], words: Language, *, cause: dict[str, Any] | None = None, revoked: int | None = None) -> list[str]:
    """Why a status changed, what caused it, what it takes back, how long it holds, and what would have prevented it.

    Args:
        data: the data of a `status.changed`.
        words: the language.
        cause: the cause, with the type and time of its event where they are known.
        revoked: the number of the change that it takes back, if that is known.
    """
    cause = cause or data["cause"]
    says = [words.say("because", what=reason_in_words(data["reason"], words))]
    told = str(words.causes.get(cause["kind"], cause["kind"]))
    if cause["kind"] == "policy":
        told = words.say("version", what=told, version=data["policy"]["version"])
    if "event_id" in cause:
        told += f": {cause['event_id']}"
        if "event_type" in cause:
            told = words.say("event_of", what=told, type=cause["event_type"], at=moment(cause["event_at"]))
    says.append(words.say("caused", what=told))
    if "revokes" in data:
        says.append(words.say("revokes_unknown", id=data["revokes"]) if revoked is None else words.say("revokes", number=revoked))
    if data.get("valid_until"):
        says.append(words.say("until", at=moment(data["valid_until"])))
    if "counterfactual" in data:
        says.append(words.say("otherwise", what=counterfactual_in_words(data["dimension"], data["counterfactual"], words)))
    return says


def _consequence(event: dict[str, Any], words: Language) -> Document:
    """A notice or a reaction."""
    data, kind = event["data"], event["type"]
    text = words.say("consequence", type=kind, what=published_in_words(kind, data, words))
    says = []
    if "reason" in data:
        says.append(words.say("because", what=reason_in_words(data["reason"], words)))
    if "counterfactual" in data:
        says.append(words.say("unless", what=counterfactual_in_words(data["dimension"], data["counterfactual"], words)))
    return {**_head(event, "notice" if kind.startswith("status.") else "reaction"), "text": text, "says": says, "data": data}


def _head(event: dict[str, Any], kind: str) -> Document:
    return {"at": event["time"], "kind": kind, "type": event["type"], "id": event["id"]}


def _next(events: list[Event], published: list[dict[str, Any]], profile: dict[str, Any] | None, words: Language) -> Document:
    """What changes without him, and what he or the shop can do about it; of each dimension as its latest change says."""
    latest: dict[str, dict[str, Any]] = {}
    announced: dict[str, dict[str, Any]] = {}
    final = 0
    for event in published:
        data = event["data"]
        if event["type"] == _CHANGED:
            latest[data["dimension"]] = event
            final = max(final, data["sequence"] if data["cause"]["kind"] != "time" else 0)
            if data["dimension"] == "lifecycle":
                announced.clear()
        elif event["type"] == "status.will_change":
            announced = {event["id"]: event}
        elif event["type"] == "status.will_not_change":
            announced.pop(data["revokes"], None)
    existing = None if profile is None else profile["data"]["statuses"]
    last_ms = max((event.time_ms for event in events), default=None)
    return {
        "deadline": None if profile is None else profile["data"]["next_deadline"],
        "announced": [{"at": one["data"]["will_change_at"], "text": _consequence(one, words)["text"]} for one in announced.values()],
        "dimensions": [_outlook(event, last_ms, final, words) for name, event in latest.items() if (existing is None or name in existing)],
    }


def _outlook(event: dict[str, Any], last_ms: int | None, final: int, words: Language) -> Document:
    """How long a dimension's value holds, as its latest change said; `since_then` when something has happened to him since."""
    data = event["data"]
    instead = data.get("counterfactual")
    effective_ms = parse_time_ms(data["effective_at"]) or 0
    return {
        "dimension": data["dimension"],
        "value": data["to"],
        "since": data["effective_at"],
        "change": data["sequence"],
        "valid_until": data["valid_until"],
        "since_then": (last_ms is not None and last_ms > effective_ms) or final > data["sequence"],
        "counterfactual": instead,
        "text": None if instead is None else counterfactual_in_words(data["dimension"], instead, words),
    }
