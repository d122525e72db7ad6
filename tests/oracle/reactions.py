"""Reactions, section 7: what the changes of one evaluation set in motion; and notices of what is near."""

from typing import Any


def said(done: list[dict[str, Any]], cause: dict[str, Any]) -> list[str]:
    """The types, in the order of their changes; none for backfill."""
    found: list[str] = []
    for change in done:
        move = (change["dimension"], change["to"])
        if change["origin"] != "live":
            continue
        if move in (("lifecycle", "inactive"), ("winback", "recent")):
            found += [] if "winback.opened" in found else ["winback.opened"]
        elif move in (("winback", "cooling"), ("winback", "gone")):
            found.append("winback.cooled" if change["to"] == "cooling" else "winback.closed")
        elif change["dimension"] == "lifecycle" and change["from"] == "inactive":
            won = change["to"] == "active" and cause["kind"] == "event"
            found.append("winback.won" if won else "winback.withdrawn")
        elif change["dimension"] == "service_level":
            found.append("service_level.changed")
        elif change["dimension"] == "contact":
            found.append("contact.advised")
    return found


def noticed(announced: int | None, wanted: int | None, lifecycle: str | None, at: int) -> list[dict[str, Any]]:
    """What is said about the moment at which he turns inactive, `announced` before and `wanted` now; it came, if he is."""
    if announced == wanted:
        return []
    found = []
    if announced is not None and lifecycle != "inactive":
        found.append({"type": "status.will_not_change", "deadline": announced, "at": at})
    if wanted is not None:
        found.append({"type": "status.will_change", "deadline": wanted, "at": at})
    return found
