"""A policy document with every default filled in, from the sketch in contract.md."""

from copy import deepcopy
from datetime import datetime
from typing import Any

from tests.oracle.days import parse_ms, to_ms

OWN_RHYTHM = {"prior_days": 60, "prior_weight": 2, "factor_pct": 250, "min_days": 30, "max_days": 730}

DEFAULTS: dict[str, Any] = {
    "version": 1,
    "time_zone": "UTC",
    "margin_pct": 40,
    "product_groups": {},
    "rhythm": {},
    "churn_risk": {"medium_pct": 50, "high_pct": 80},
    "live_since": None,
    "window_days": 365,
    "horizon_days": 365,
    "costs": {
        "channel": {"email": 5, "mailing": 150, "phone": 600, "visit": 12000, "chat": 200, "other": 100},
        "refund": 500,
        "annual_rate_pct": 8,
    },
    "value": {"referral": 2500, "feedback": 500},
    "criteria": [],
    "classes": None,
    "downgrade_dwell_days": 30,
    "labels": None,
    "service_levels": None,
    "contact": None,
    "segments": None,
    "opportunity": None,
    "cross_sell": None,
    "winback": {"cooling_days": 90, "gone_days": 365},
    "horizons": {
        "dedup_days": 30,
        "pending_days": 30,
        "ledger_days": 730,
        "ledger_orders": 2000,
        "dedup_events": 4000,
        "suppress_days": 400,
    },
}


def _filled(default: Any, given: Any) -> Any:
    if isinstance(default, dict) and isinstance(given, dict):
        return default | {name: _filled(default.get(name), value) for name, value in given.items()}
    return given


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """The document with defaults, `groups` as category -> group, and `live_since` in milliseconds or None."""
    policy: dict[str, Any] = _filled(deepcopy(DEFAULTS), document)
    policy["groups"] = {category: group for group, categories in policy["product_groups"].items() for category in categories}
    rhythm = {"default": {"method": "own_rhythm"}} | policy["rhythm"]
    policy["rhythm"] = {name: OWN_RHYTHM | line if line["method"] == "own_rhythm" else line for name, line in rhythm.items()}
    if policy["opportunity"] is not None or policy["cross_sell"] is not None:
        policy["opportunity"] = {"growth_pct": 150, "growth_days": 90} | (policy["opportunity"] or {})
    live_since = policy["live_since"]
    if live_since is not None:
        policy["live_since"] = to_ms(live_since) if isinstance(live_since, datetime) else parse_ms(live_since)
    return policy
