"""Random policy documents that vary every parameter the rules read; small numbers, so that much happens in a short history."""

from random import Random
from typing import Any

GROUPS = {"wine": ["red wine", "white wine"], "shoes": ["sneakers", "boots"], "belts": ["leather belt"]}
CATEGORIES = ("red wine", "white wine", "sneakers", "boots", "leather belt", "toys", "Boots", None)
ZONES = (
    "UTC",
    "Europe/Amsterdam",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
BANDS: dict[str, tuple[int, ...]] = {
    "revenue": (0, 1, 2_000, 10_000, 50_000),
    "orders": (1, 2, 3, 5),
    "occasions": (1, 2, 4),
    "average_order": (0, 1_000, 5_000),
    "product_groups": (1, 2, 3),
    "margin": (-5_000, 0, 1_000, 10_000),
    "refund_pct": (0, 1, 20, 50, 100),
    "discount_pct": (0, 1, 10),
    "late_days_average": (0, 1, 10, 30),
    "contacts": (0, 1, 3),
    "contact_cost": (0, 100, 1_000, 12_000),
    "cost_to_serve": (0, 500, 2_000),
    "value_now": (-10_000, -1, 0, 5_000, 25_000),
    "value_future": (-1_000, 0, 1, 10_000, 100_000),
    "value_strategic": (0, 500, 1_000),
    "value_total": (-20_000, 0, 10_000, 100_000),
    "referrals": (0, 1),
    "feedback": (1, 2),
    "p_alive_pct": (0, 1, 10, 50, 75, 99, 100),
    "recency_days": (0, 1, 10, 45, 200),
    "tenure_days": (0, 1, 30, 180, 400),
    "criteria.loyalty": (0, 30, 60, 100),
    "criteria.vision": (50,),
    "criteria.unheard": (0,),
    "strategic": (0, 1, 40, 80),
}


DIMENSIONS = {
    "lifecycle": ("active", "inactive", "potential"),
    "churn_risk": ("low", "medium", "high"),
    "winback": ("none", "recent", "cooling", "gone"),
    "opportunity": ("low", "medium", "high"),
    "class": ("A", "B", "C"),
}


def _rhythm(rng: Random) -> dict[str, Any]:
    method = rng.choice(("fixed", "own_rhythm", "alive"))
    if method == "fixed":
        return {"method": method, "days": rng.choice((1, 7, 30, 60, 90, 400))}
    shortest = rng.choice((1, 5, 30))
    limits = {"min_days": shortest, "max_days": shortest + rng.choice((0, 10, 100, 700))}
    if method == "own_rhythm":
        prior = {"prior_days": rng.choice((1, 10, 60)), "prior_weight": rng.randint(1, 4), "factor_pct": rng.choice((100, 133, 250, 399))}
        return {"method": method} | prior | limits
    r, alpha = rng.choice(((0.1, 200.0), (0.52484, 43.28093), (2.5, 1.5), (2.5, 20.0)))
    line = {"method": method, "r": r, "alpha": alpha, "a": 0.89136, "b": 1.614, "theta": rng.choice((0.05, 0.3, 0.5, 0.9))} | limits
    if rng.random() < 0.5 and alpha > 10:  # the closed form of the oracle is slow where the horizon dwarfs alpha
        line["gamma_gamma"] = rng.choice(({"p": 6.25, "q": 3.74, "v": 1545.0}, {"p": 0.8, "q": 1.2, "v": 40_000.0}))
    return line


def _criterion(rng: Random) -> dict[str, Any]:
    measure = rng.choice(sorted(BANDS) + 2 * ["value_future", "value_total", "recency_days", "p_alive_pct"])
    thresholds = rng.sample(BANDS[measure], rng.randint(1, len(BANDS[measure])))
    return {"measure": measure, "weight": rng.randint(1, 5), "bands": {threshold: rng.randint(0, 100) for threshold in thresholds}}


def _classes(rng: Random) -> dict[str, Any]:
    cut = rng.randint(5, 60)
    found: dict[str, Any] = {
        "criteria": [_criterion(rng) for _ in range(rng.randint(1, 4))],
        "classes": {"by": "score", "A": cut + rng.randint(1, 35), "B": cut},
        "downgrade_dwell_days": rng.choice((0, 0, 1, 3, 14, 30)),
    }
    if rng.random() < 0.7:
        found["labels"] = {"A": "gold", "B": "silver", "C": rng.choice(("bronze", "silver"))}
    if rng.random() < 0.7:
        found["service_levels"] = {"class": {"A": "premium", "B": "standard", "C": rng.choice(("basic", "standard"))}}
    return found


def _condition(rng: Random) -> dict[str, Any]:
    if rng.random() < 0.45:
        name, values = rng.choice(sorted(DIMENSIONS.items()))
        answers = (*values, None)
        if rng.random() < 0.5:
            return {"measure": name, "is": rng.choice(answers)}
        return {"measure": name, "in": rng.sample(answers, rng.randint(1, 3))}
    name = rng.choice((*sorted(BANDS), "score", "value_future", "recency_days", "p_alive_pct"))
    threshold = rng.choice(BANDS.get(name, (0, 20, 50, 70)))
    test = rng.choice(("is", "in", "at_least", "at_least", "below", "below"))
    return {"measure": name, test: [threshold, None] if test == "in" else threshold}


def _segments(rng: Random, *, dwell: bool) -> dict[str, Any]:
    names = ["promising", "lost", "bargain", "Zoë's friends"]
    rules = [{"name": name, "when": [_condition(rng) for _ in range(rng.randint(0 if k else 1, 2))]} for k, name in enumerate(names)]
    if rng.random() < 0.8:
        leave: dict[str, Any] = {"name": "exit", "value_now_below": rng.choice((0, 2_000, 10**9)), "strategic_below": rng.choice((40, 101))}
        leave |= {"value_future_below": rng.choice((1, 1_000, 10_000, 10**9)), "min_age_days": rng.choice((0, 1, 30, 100))}
        leave |= {"exit_dwell_days": rng.choice((0, 0, 1, 14, 60)) if dwell else 0}
        leave |= rng.choice(({}, {"protect_criteria": {"default": 50}}, {"protect_criteria": {"loyalty": 30, "default": 100}}))
        rules.insert(rng.randint(0, 2), leave)
    return {"segments": rules[: rng.randint(1, 4)]}


def _costs(rng: Random) -> dict[str, Any]:
    channel = {"email": 0, "mailing": 150, "phone": 600, "visit": rng.choice((1_000, 12_000)), "chat": 200, "other": 100}
    return {"channel": channel, "refund": rng.choice((0, 500)), "annual_rate_pct": rng.choice((0, 8, 40))}


def _contact_rule(rng: Random) -> dict[str, Any]:
    found: dict[str, Any] = {
        "max_contacts": rng.choice((0, 1, 1, 2, 3)),
        "per_days": rng.choice((1, 7, 30, 60, 400)),
        "max_silence_days": rng.choice((1, 20, 45, 200)),
        "budget_pct": rng.choice((0, 1, 5, 20, 100)),
        "channels": {channel: {"max_contacts": rng.randint(0, 2), "per_days": rng.choice((1, 10, 90, 200))} for channel in _channels(rng)},
    }
    return {name: limit for name, limit in found.items() if rng.random() < 0.6}


def _channels(rng: Random) -> list[str]:
    return rng.sample(("email", "mailing", "phone", "visit", "chat", "other"), rng.randint(1, 3))


def _opportunity(rng: Random, groups: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rng.random() < 0.7:
        found["opportunity"] = {"growth_days": rng.choice((1, 3, 20, 60, 90)), "growth_pct": rng.choice((0, 50, 100, 150, 333))}
    if rng.random() < 0.7 or not found:
        pairs = {group: [other for other in groups if rng.random() < 0.5] for group in groups}
        found["cross_sell"] = {group: others for group, others in pairs.items() if others}
    return found


def by_pareto(rng: Random, document: dict[str, Any], days: tuple[int, ...] = (7, 30, 30, 91)) -> dict[str, Any]:
    """The same document, but its classes are by the share of the shop's value, and decide about labels, too."""
    b_pct = rng.choice((95, 99, rng.randint(40, 95)))
    a_pct = min(b_pct - 1, rng.choice((80, rng.randint(1, 95))))
    classes = {"by": "pareto", "A_pct": a_pct, "B_pct": b_pct, "evaluate_every_days": rng.choice(days)}
    return document | {"classes": classes, "labels": {"A": "gold", "B": "silver", "C": "bronze"}}


def policy(rng: Random, *, dwell: bool = True, wide: bool = False) -> dict[str, Any]:
    """A document that is valid by contract.md; without `dwell` downgrades are at once; `wide` horizons forget nothing."""
    window = rng.choice((1, 14, 30, 90, 365))
    found: dict[str, Any] = {"version": rng.randint(1, 9), "currency": "EUR", "window_days": window}
    medium = rng.randint(10, 80)
    cooling = rng.randint(1, 60)
    sections: dict[str, Any] = {
        "time_zone": rng.choice(ZONES),
        "margin_pct": rng.choice((0, 33, 40, 100)),
        "product_groups": dict(rng.sample(sorted(GROUPS.items()), rng.randint(1, 3))),
        "churn_risk": {"medium_pct": medium, "high_pct": rng.randint(medium + 1, 100)},
        "horizon_days": rng.choice((30, 365)),
        "costs": _costs(rng),
        "value": {"referral": 2500, "feedback": rng.choice((0, 500, 5_000))},
        "winback": {"cooling_days": cooling, "gone_days": cooling + rng.randint(1, 200)},
    }
    found |= {name: section for name, section in sections.items() if rng.random() < 0.85}
    groups = ("default", *found.get("product_groups", {}))
    found["rhythm"] = {name: _rhythm(rng) for name in groups if rng.random() < 0.7}
    if rng.random() < 0.85:
        found |= _classes(rng)
    if rng.random() < 0.7:
        found |= _opportunity(rng, groups)
    if rng.random() < 0.7:
        found |= _segments(rng, dwell=dwell)
        named = rng.sample([rule["name"] for rule in found["segments"]], 1)
        if rng.random() < 0.5:
            found["service_levels"] = found.get("service_levels", {}) | {"segment": {name: rng.choice(("kind", "basic")) for name in named}}
    if rng.random() < 0.7:
        found["contact"] = {name: _contact_rule(rng) for name in ("A", "B", "C", "default") if rng.random() < 0.7}
    if not dwell:
        found["downgrade_dwell_days"] = 0
    short = {"dedup_days": rng.choice((1, 5, 30)), "pending_days": rng.choice((1, 4, 30))}
    short["ledger_days"] = max(window, 180) + rng.randint(2, 60)
    short["suppress_days"] = rng.choice((1, 10, 400))
    if rng.random() < 0.25:
        short |= {"ledger_orders": rng.randint(1, 6), "dedup_events": rng.randint(1, 8)}
    found["horizons"] = {"dedup_days": 20_000, "pending_days": 20_000, "ledger_days": 20_000} if wide else short
    return found
