"""Contact, 3.9: the rule of the class against what was spent, how often he was contacted, and how long not; and the advice."""

from typing import Any

from tests.oracle.days import DAY, day_of, start
from tests.oracle.measures import Event, Order, latest, voided

CHANNELS = ("email", "mailing", "phone", "visit", "chat", "other")
TOUCHES = ("contact.made", "contact.responded")
Facts = dict[str, Any]
"""`orders`, `others`, `low` (the earliest event's time), `clock`, `measures`, `now` (the statuses before contact), `policy`."""


def rule_of(facts: Facts) -> dict[str, Any] | None:
    """The rule that applies, None when none does."""
    rules, klass = facts["policy"]["contact"], facts["now"].get("class")
    if facts["now"]["lifecycle"] == "other":
        return None
    rule: dict[str, Any] | None = rules[klass] if klass in rules else rules.get("default")
    return rule


def judge(facts: Facts) -> str | None:
    """The value at the clock."""
    rule = rule_of(facts)
    if rule is None:
        return None
    if "budget_pct" in rule and facts["measures"]["contact_cost"] * 100 > rule["budget_pct"] * worth(facts):
        return "over_budget"
    if any(count(facts, channel, days) > most for channel, most, days in caps(rule)):
        return "too_often"
    left = facts["now"]["winback"] == "gone" or facts["now"].get("segment") == "exit"
    if "max_silence_days" in rule and facts["clock"] >= last_touch(facts) + rule["max_silence_days"] * DAY and not left:
        return "too_seldom"
    return "ok"


def worth(facts: Facts) -> int:
    """What the budget is a share of."""
    return int(max(0, facts["measures"]["value_now"] + facts["measures"]["value_future"]))


def caps(rule: dict[str, Any]) -> list[tuple[str | None, int, int]]:
    """(channel or None for all, most, days) of every cap."""
    found: list[tuple[str | None, int, int]] = []
    if "max_contacts" in rule:
        found.append((None, rule["max_contacts"], rule.get("per_days", 30)))
    return found + [(channel, cap["max_contacts"], cap.get("per_days", 30)) for channel, cap in rule.get("channels", {}).items()]


def count(facts: Facts, channel: str | None, days: int, today: int | None = None) -> int:
    """Outbound contacts of the last `days` local days."""
    today = day_of(facts["policy"]["time_zone"], facts["clock"]) if today is None else today
    made = [event for event in facts["others"] if event["type"] == "contact.made" and event["data"]["direction"] == "outbound"]
    return sum(1 for event in made if today - days < event["day"] and channel in (None, event["data"]["channel"]))


def last_touch(facts: Facts) -> int:
    """The latest contact, answer or counting order, else the first event."""
    touches = [event["time"] for event in facts["others"] if event["type"] in TOUCHES]
    touches += [order["time"] for order in facts["orders"] if not voided(order)]
    return int(max(touches, default=facts["low"]))


def advice(facts: Facts) -> tuple[str | None, int | None]:
    """Channel and moment."""
    rule = rule_of(facts)
    if rule is None:
        return None, None
    costs = facts["policy"]["costs"]["channel"]
    said = latest(event for event in facts["others"] if event["type"] == "preference.set")
    after = (said["time"], said["id"]) if said else (-(1 << 62), "")
    closed = set(said["data"].get("closed_channels", [])) if said else set()
    for event in facts["others"]:
        if event["type"] == "contact.responded" and event["data"]["outcome"] == "unsubscribed" and (event["time"], event["id"]) > after:
            closed.add(event["data"]["channel"])
    able = [channel for channel in CHANNELS if channel not in closed]
    if "budget_pct" in rule:
        left = rule["budget_pct"] * worth(facts) // 100 - facts["measures"]["contact_cost"]
        able = [channel for channel in able if costs[channel] <= left]
    preferred = said["data"].get("preferred_channel") if said else None
    channel = preferred if preferred in able else min(able, key=lambda channel: (costs[channel], CHANNELS.index(channel)), default=None)
    return channel, moment(facts, rule, channel)


def moment(facts: Facts, rule: dict[str, Any], channel: str | None) -> int | None:
    """The clock, or the first local midnight at which one more contact keeps every cap; None when there is no such day."""
    zone = facts["policy"]["time_zone"]
    today = day_of(zone, facts["clock"])
    for day in range(today, today + 1 + max((days for _, _, days in caps(rule)), default=0)):
        if all(count(facts, which, days, day) + (which in (None, channel)) <= most for which, most, days in caps(rule)):
            return int(facts["clock"]) if day == today else start(zone, day)
    return None


def moments(orders: list[Order], others: list[Event], low: int, policy: dict[str, Any]) -> list[int]:
    """When a contact leaves the window of a cap, and when silence becomes too long (that of the measures is looked at anyway)."""
    found: list[int] = []
    for rule in (policy["contact"] or {}).values():
        days = {days for _, _, days in caps(rule)}
        made = {event["day"] for event in others if event["type"] == "contact.made"}
        found += [start(policy["time_zone"], day + per) for day in made for per in days]
        if "max_silence_days" in rule:
            found.append(last_touch({"orders": orders, "others": others, "low": low}) + rule["max_silence_days"] * DAY)
    return found


def thresholds(measures: dict[str, Any], policy: dict[str, Any]) -> list[int]:
    """The future value below which the budget of a rule does not cover what was spent."""
    budgets = [rule["budget_pct"] for rule in (policy["contact"] or {}).values() if rule.get("budget_pct")]
    return [-(-measures["contact_cost"] * 100 // pct) - measures["value_now"] for pct in budgets]
