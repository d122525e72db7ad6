"""Segments, 3.6: ordered rules, and the reserved one with its dwell and its protections; service levels, 3.8."""

from typing import Any

from tests.oracle.days import DAY, start
from tests.oracle.measures import Policy

EXIT = {"value_now_below": 0, "value_future_below": 1000, "strategic_below": 40, "exit_dwell_days": 60, "min_age_days": 180}


def exit_rule(policy: Policy) -> dict[str, Any] | None:
    """The shop's exit rule with its defaults, if it has one."""
    given = next((rule for rule in policy["segments"] or [] if rule["name"] == "exit"), None)
    return None if given is None else EXIT | {"protect_criteria": {}} | given


def since(rule: dict[str, Any] | None, before: int | None, measures: dict[str, Any], clock: int) -> int | None:
    """Since when everything that the exit asks has been true."""
    if rule is None or measures["tenure_days"] is None:
        return None
    asked = all(measures[name] < rule[f"{name}_below"] for name in ("value_now", "value_future", "strategic"))
    return (clock if before is None else before) if asked else None


def protected_by(rule: dict[str, Any], measures: dict[str, Any]) -> list[str]:
    """What speaks against letting him go."""
    found = [name for name in ("referrals", "feedback") if measures[name] >= 1]
    found += ["tenure_days"] if measures["tenure_days"] < rule["min_age_days"] else []
    limits = rule["protect_criteria"]
    for name, value in sorted(measures.items()):
        if name.startswith("criteria.") and value >= limits.get(name.removeprefix("criteria."), limits.get("default", 80)):
            found.append(name)
    return found


def judge(policy: Policy, dimensions: dict[str, Any], measures: dict[str, Any], since_ms: int | None, clock: int) -> str | None:
    """The first rule that matches."""
    leave = exit_rule(policy)
    for rule in policy["segments"]:
        if leave is not None and rule["name"] == "exit":
            due = since_ms is not None and clock >= since_ms + leave["exit_dwell_days"] * DAY
            if due and not protected_by(leave, measures):
                return "exit"
        elif all(_holds(condition, dimensions, measures) for condition in rule.get("when", [])):
            return str(rule["name"])
    return None


def _holds(condition: dict[str, Any], dimensions: dict[str, Any], measures: dict[str, Any]) -> bool:
    name = condition["measure"]
    value = dimensions.get(name) if name in ("lifecycle", "churn_risk", "winback", "opportunity", "class") else measures.get(name)
    if "is" in condition:
        return bool(value == condition["is"])
    if "in" in condition:
        return value in condition["in"]
    if value is None:
        return False
    return bool(value >= condition["at_least"]) if "at_least" in condition else bool(value < condition["below"])


def moments(policy: Policy, since_ms: int | None, first_day: int) -> list[int]:
    """When the dwell ends, and when he is old enough."""
    rule = exit_rule(policy)
    if rule is None:
        return []
    found = [start(policy["time_zone"], first_day + rule["min_age_days"])]
    return found if since_ms is None else [*found, since_ms + rule["exit_dwell_days"] * DAY]


def thresholds(policy: Policy) -> dict[str, list[int]]:
    """Whatever the rules compare a measure with."""
    found: dict[str, list[int]] = {}
    rule = exit_rule(policy)
    if rule is not None:
        found["value_future"] = [rule["value_future_below"]]
    for condition in [condition for rule in policy["segments"] or [] for condition in rule.get("when", [])]:
        wanted = [condition[test] for test in ("is", "at_least", "below") if test in condition] + condition.get("in", [])
        numbers = [answer + more for answer in wanted if isinstance(answer, int) for more in (0, 1)]
        found.setdefault(condition["measure"], []).extend(numbers)
    return found


def service_level(policy: Policy, segment: str | None, klass: str | None) -> str | None:
    """By segment first, else by class."""
    levels = policy["service_levels"]
    by_class = levels.get("class") or {}
    found: str | None = levels.get("segment", {}).get(segment, by_class.get(klass))
    return found
