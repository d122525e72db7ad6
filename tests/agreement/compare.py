"""Where the product and the oracle differ, as lines to read."""

from collections import Counter
from typing import Any

from tests.agreement.product import Output, Told
from tests.oracle.customer import Customer
from tests.oracle.days import parse_ms
from tests.oracle.relations import DERIVED
from tests.oracle.run import Outcome

Line = tuple[Any, ...]
TOPICS = {"winback": "win-back", "service_level": "service-level", "contact": "contact-advice"}


def differences(outcome: Outcome, output: Output, limit: int = 20) -> list[str]:
    """The first `limit` differences; empty when the two agree on everything."""
    found = _between("rejected", sorted(outcome.rejected), sorted(output.rejected))
    lives = {who: (*customer.past, customer) for who, customer in outcome.customers.items()}
    spoken = [who for who, mine in lives.items() if mine[-1].exists or any(life.changes or life.receipts for life in mine)]
    found += _between("customers", sorted(spoken), sorted(output.customers))
    for who in sorted(set(outcome.customers) & set(output.customers)):
        oracle, told = outcome.customers[who], output.customers[who]
        found += [f"{who} {line}" for line in _of_customer(oracle, told, outcome)]
        if len(found) >= limit:
            break
    return found[:limit] + structure(output)[:limit]


def _of_customer(oracle: Customer, told: Told, outcome: Outcome) -> list[str]:
    lives = [*oracle.past, oracle]
    changes = [_expected_change(change) for life in lives for change in life.changes]
    found = _between("changes", _in_file_order(changes), _told_changes(told, outcome.ids))
    notices = [(notice["type"], notice["deadline"], notice["at"]) for life in lives for notice in life.notices]
    found += _between("notices", *_settled(notices, _told_notices(told), lives))
    for name, topic in TOPICS.items():
        expected = [
            (reaction["type"], reaction["at"], reaction["advice"])
            for life in lives
            for reaction in life.reactions
            if reaction["type"].startswith(name)
        ]
        actual = [(event["type"], parse_ms(event["time"]), _advice(event["data"])) for event in told.reactions if event["topic"] == topic]
        found += _between(topic, *_settled(expected, actual, lives))
    found += _between("receipts", *_settled([tuple(receipt.values()) for receipt in oracle.receipts], _told_receipts(told), lives))
    if not oracle.exists:
        return found + _between("profile", [], list(told.profile))
    profile = told.profile.get("data", {})
    found += _between("statuses", sorted(oracle.statuses.items(), key=str), sorted(profile.get("statuses", {}).items(), key=str))
    measures = oracle.measures(outcome.until)
    found += _between("measures", sorted(measures.items(), key=str), sorted(profile.get("measures", {}).items(), key=str))
    found += _between("sequence", [len(oracle.changes)], [profile.get("sequence")])
    return found


def _advice(data: dict[str, Any]) -> Line | None:
    """Channel and moment of a `contact.advised`."""
    return (data["channel"], data["moment"] and parse_ms(data["moment"])) if "moment" in data else None


def _in_file_order(changes: list[Line]) -> list[Line]:
    """Of one life they are; a late erasure lets two lives overlap in time."""
    return sorted(changes, key=lambda line: (line[4], line[0]))


def _settled(expected: list[Line], actual: list[Line], lives: list[Customer]) -> tuple[list[Line], list[Line]]:
    """Of several lives, the order of what has no sequence is not compared."""
    return (expected, actual) if len(lives) == 1 else (sorted(expected, key=str), sorted(actual, key=str))


def _told_receipts(told: Told) -> list[Line]:
    found = []
    for event in told.receipts:
        data = event["data"]
        moments = parse_ms(data["erased_at"]), parse_ms(data["suppressed_until_at"])
        assert (event["time"], data["kept"]) == (data["erased_at"], {})
        found.append((*moments, data["was_known"], data["event_id"]))
    return found


def _expected_change(change: dict[str, Any]) -> Line:
    cause = change["cause"]
    return (
        change["sequence"],
        change["dimension"],
        change["from"],
        change["to"],
        change["effective_at"],
        cause["kind"],
        cause.get("event_id"),
        change["revokes"],
        change["origin"],
    )


def _told_changes(told: Told, ids: set[str]) -> list[Line]:
    sequence_of = {event["id"]: event["data"]["sequence"] for event in told.changes}
    lines = []
    for event in told.changes:
        data = event["data"]
        cause, revoked = data["cause"], data.get("revokes")
        lines.append(
            (
                data["sequence"],
                data["dimension"],
                data["from"],
                data["to"],
                parse_ms(data["effective_at"]),
                cause["kind"],
                _event_id(cause, ids),
                revoked and sequence_of.get(revoked, "an unknown id"),
                event["origin"],
            )
        )
    return lines


def _event_id(cause: dict[str, Any], ids: set[str]) -> str | None:
    """The id of the event that a cause names; what another customer's event gave rise to has an id of the product's own."""
    name = cause.get("event_id")
    return name if name is None or name in ids else DERIVED


def _told_notices(told: Told) -> list[Line]:
    return [(event["type"], parse_ms(event["data"]["will_change_at"]), parse_ms(event["time"])) for event in told.notices]


def _between(what: str, expected: list[Any], actual: list[Any]) -> list[str]:
    if expected == actual:
        return []
    at = next((i for i, (one, other) in enumerate(zip(expected, actual, strict=False)) if one != other), min(len(expected), len(actual)))
    return [f"{what}[{at}]: oracle {expected[at : at + 2]}, product {actual[at : at + 2]} (of {len(expected)}, {len(actual)})"]


def structure(output: Output) -> list[str]:
    """What contract.md says of the file as a whole, and property 4 of domain.md."""
    found = []
    ranks = {"dead-letters": 0, "events": 1, "profiles": 2}
    order = [(ranks[section], key) for section, key in output.sections]
    if order != sorted(order):
        found.append("lines are not in the order of contract.md")
    ids: set[str] = set()
    for who, told in output.customers.items():
        sequences = Counter(event["data"]["sequence"] for event in told.changes)  # each life counts from 1
        left = sum(event["data"]["reason"]["code"] == "merged" and event["data"]["dimension"] == "lifecycle" for event in told.changes)
        lives = 1 + len(told.receipts) + left  # who was merged may be erased with the other, and begin anew
        if any(count > sequences[number - 1] for number, count in sequences.items() if number > 1) or sequences[1] > lives:
            found.append(f"{who}: a hole in the sequence")
        current: dict[str, Any] = {}
        for event in told.changes:
            data = event["data"]
            if told.receipts:
                continue
            if data["from"] != current.get(data["dimension"]) or data["from"] == data["to"]:
                found.append(f"{who}: change {data['sequence']} does not follow the one before")
            current[data["dimension"]] = data["to"]
            if event["time"] != data["effective_at"]:
                found.append(f"{who}: change {data['sequence']} has another time than effective_at")
        changes = {event["id"] for event in told.changes}
        if any(event["causationid"] not in changes for event in told.notices + told.reactions):
            found.append(f"{who}: something is caused by no change")
        mine = [event["id"] for event in (*told.changes, *told.notices, *told.reactions, *told.receipts, told.profile) if event]
        # Behind `suppress_days` nothing is left of an erased life, not even when it began: one that begins at that time again has its ids.
        latest_ms = max((parse_ms(event["time"]) for event in (*told.changes, told.profile) if event), default=0)
        is_forgotten = any(parse_ms(event["data"]["suppressed_until_at"]) <= latest_ms for event in told.receipts)
        if (len(set(mine)) != len(mine) and not is_forgotten) or ids & set(mine):
            found.append(f"{who}: an id is used twice")
        ids |= set(mine)
    return found
