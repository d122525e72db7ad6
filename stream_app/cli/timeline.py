"""One customer's life as a document: what happened, what changed and why, where he stands, what comes next. Pure."""

from typing import TYPE_CHECKING, Any, Final

import msgspec

from stream_app.cli.words import CAUSES, PUBLISHED, counterfactual_in_words, fill, moment, reason_in_words, value_in_words
from stream_app.codec.times import format_time, parse_time_ms

if TYPE_CHECKING:
    from stream_app.domain.events import Event
    from stream_app.worker.explain import Found

_CHANGED: Final = "status.changed"
_ERASED: Final = "erasure.completed"
_FREE_TEXT: Final = "note"  # what somebody wrote about him decides nothing
LEFT_OUT: Final = (
    "events that were refused are listed like all others, since dead-letters is not searched",
    "records that cannot be read",
)

Document = dict[str, Any]


def explain(shop: str, customer: str, found: "Found") -> Document | None:
    """Everything in one JSON document; None when nothing is known of him.

    Of an erased customer it has the receipt alone. If he came back, it begins after his erasure.
    """
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
        "timeline": _timeline(events, published),
        "now": None if found.profile is None else found.profile["data"],
        "next": _next(events, published, found.profile),
        "left_out": list(LEFT_OUT),
    }


def _after(published: list[dict[str, Any]], receipt: int) -> list[dict[str, Any]]:
    """What was published of him since his erasure: changes by their place in the log, reactions by the change that caused them."""
    changes = [event for event in published[receipt + 1 :] if event["type"].startswith("status.")]
    known = {event["id"] for event in changes}
    return changes + [event for event in published if not event["type"].startswith("status.") and event.get("causationid") in known]


def _timeline(events: list["Event"], published: list[dict[str, Any]]) -> list[Document]:
    """Everything in time order; at one moment events come first, then each change with what it set in motion."""
    events = sorted(events, key=lambda event: event.time_ms)
    by_id: dict[str, Event] = {}
    entries: list[tuple[tuple[str, int, int, int], Document]] = []
    for event in events:
        entry = _event(event, event.id in by_id)
        by_id.setdefault(event.id, event)
        entries.append(((entry["at"], 0, 0, 0), entry))
    sequences = {one["id"]: one["data"]["sequence"] for one in published if one["type"] == _CHANGED}
    for one in published:
        is_change = one["type"] == _CHANGED
        entry = _change(one, by_id, sequences) if is_change else _consequence(one)
        place = sequences.get(one["id"] if is_change else one.get("causationid", ""), 0)
        entries.append(((one["time"], 1, place, 0 if is_change else 1), entry))
    return [entry for _, entry in sorted(entries, key=lambda one: one[0])]


def _event(event: "Event", is_copy: bool) -> Document:
    data: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(event.data).items():
        if value is None or value in ([], ()) or name == _FREE_TEXT:
            continue
        if name.endswith("_ms"):  # the rules count in milliseconds, the world outside has times
            data[name.removesuffix("_ms") if name == "at_ms" else name[:-2] + "at"] = format_time(value)
        else:
            data[name] = value
    text = event.type + "".join(f", {name} {value_in_words(name, value)}" for name, value in data.items())
    says = ["its id was already used by an event of his: within the policy's dedup_days it counts once"] if is_copy else []
    return {"at": format_time(event.time_ms), "kind": "event", "type": event.type, "id": event.id, "text": text, "says": says, "data": data}


def _change(event: dict[str, Any], by_id: dict[str, "Event"], sequences: dict[str, int]) -> Document:
    data = event["data"]
    dimension = data["dimension"]
    says = [f"because {reason_in_words(data['reason'])}"]
    cause = dict(data["cause"])
    told = str(CAUSES.get(cause["kind"], cause["kind"]))
    if cause["kind"] == "policy":
        told += f", version {data['policy']['version']}"
    if "event_id" in cause:
        known = by_id.get(cause["event_id"])
        told += f": {cause['event_id']}"
        if known is not None:
            cause |= {"event_type": known.type, "event_at": format_time(known.time_ms)}
            told += f", {known.type} of {moment(cause['event_at'])}"
    says.append(f"caused by {told}")
    if "revokes" in data:
        number = sequences.get(data["revokes"])
        says.append(f"takes back change {number}" if number is not None else f"takes back the change {data['revokes']}")
    if data.get("valid_until"):
        says.append(f"with no further event it holds until {moment(data['valid_until'])} at least")
    if "counterfactual" in data:
        says.append(f"otherwise: {counterfactual_in_words(dimension, data['counterfactual'])}")
    text = f"{dimension}: {data['from'] or '-'} -> {data['to'] or '-'} (change {data['sequence']})"
    return {**_head(event, "change"), "text": text, "says": says, "cause": cause, "data": data}


def _consequence(event: dict[str, Any]) -> Document:
    """A notice or a reaction."""
    data, kind = event["data"], event["type"]
    text = f"{kind}: {fill(PUBLISHED.get(kind, '{all}'), data, all=value_in_words('', data))}"
    says = []
    if "reason" in data:
        says.append(f"because {reason_in_words(data['reason'])}")
    if "counterfactual" in data:
        says.append(f"unless {counterfactual_in_words(data['dimension'], data['counterfactual'])}")
    return {**_head(event, "notice" if kind.startswith("status.") else "reaction"), "text": text, "says": says, "data": data}


def _head(event: dict[str, Any], kind: str) -> Document:
    return {"at": event["time"], "kind": kind, "type": event["type"], "id": event["id"]}


def _next(events: list["Event"], published: list[dict[str, Any]], profile: dict[str, Any] | None) -> Document:
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
        "announced": [{"at": one["data"]["will_change_at"], "text": _consequence(one)["text"]} for one in announced.values()],
        "dimensions": [_outlook(event, last_ms, final) for name, event in latest.items() if (existing is None or name in existing)],
    }


def _outlook(event: dict[str, Any], last_ms: int | None, final: int) -> Document:
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
        "text": None if instead is None else counterfactual_in_words(data["dimension"], instead),
    }
