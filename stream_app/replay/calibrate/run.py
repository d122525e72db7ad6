"""`stream-app calibrate`: from the files of a shop's history to what they say about its policy."""

import time
from collections.abc import Callable
from datetime import date
from math import log
from pathlib import Path
from typing import Any, Final

from stream_app.codec.policy import PolicyDocument, read_policy
from stream_app.domain.calendar import Calendar
from stream_app.errors import Failure
from stream_app.replay.calibrate.fit import Fit, fit_bg_nbd, fit_gamma_gamma, fit_mbg_nbd
from stream_app.replay.calibrate.frontier import Silences, candidates, choose
from stream_app.replay.calibrate.holdout import hold_out
from stream_app.replay.calibrate.likelihood import Vector
from stream_app.replay.calibrate.propose import judge_data, name_rhythm, write_proposal
from stream_app.replay.calibrate.purchases import Customer, History, Purchase, read_purchases
from stream_app.replay.calibrate.rhythm import Occasions, count_occasions, describe, histogram

FALSE_ALARMS_PCT: Final = 20.0
"""So many alarms in a hundred may be false where the shop names no number of its own."""

_EPOCH: Final = date(1970, 1, 1).toordinal()
_DEFAULT_MARGIN_PCT: Final = PolicyDocument.model_fields["margin_pct"].default
_WEEK: Final = 7

Tell = Callable[[str], None]


def calibrate(
    files: list[Path], policy_file: Path | None, until: date | None, false_alarms_pct: float = FALSE_ALARMS_PCT, tell: Tell = lambda _: None
) -> dict[str, Any]:
    """What the history in `files` says.

    Args:
        files: JSONL, one CloudEvent a line.
        policy_file: the shop's policy: its product groups, time zone, currency and margin.
        until: only events before its 00:00 count, and the observation ends the day before.
        false_alarms_pct: the share of false alarms that the proposed turn-over point may have.
        tell: is given one line for each step.

    Returns:
        {"observed": {...}, "product_groups": {name: {"verdict", "purchases", "gap_histogram", "mbg_nbd", "bg_nbd", "gamma_gamma",
        "hold_out", "frontier", "proposed"}}, "policy": the proposed policy's text or None}. Models: parameters by name (time in days:
        `alpha_days`; money in minor units: `v`), `standard_errors`, and `log_likelihood` with time in weeks and money in minor units.

    Raises:
        Failure: a file or the policy cannot be used, or nobody has bought anything.
    """
    document, policy = (None, None) if policy_file is None else _read_policy(policy_file)
    calendar = Calendar() if policy is None else policy.calendar
    tell("reading the events")
    until_day = None if until is None else until.toordinal() - _EPOCH
    history = read_purchases(files, policy, calendar, until_day, time.time_ns() // 1_000_000)
    groups, rhythms = {}, {}
    for name, buyers in history.groups.items():
        found, rhythm = _study(name, buyers, history, policy is not None, false_alarms_pct, tell)
        groups[name] = found
        if rhythm is not None:
            rhythms[name] = rhythm
    return {
        "observed": {
            "from": _day(history.start_day),
            "to": _day(history.end_day),
            "days": history.end_day - history.start_day + 1,
            "events": history.events,
            "orders": history.orders,
            "customers": len(set().union(*history.groups.values())),
            "currency": history.currency,
            "left_out": history.left_out,
        },
        "false_alarms_pct": false_alarms_pct,
        "product_groups": groups,
        "policy": write_proposal(document, rhythms, history.currency) if rhythms else None,
    }


def _study(
    name: str, buyers: dict[Customer, list[Purchase]], history: History, has_margins: bool, false_alarms_pct: float, tell: Tell
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """One product group; also the rhythm that is proposed for it, if any."""
    occasions = count_occasions(buyers, history.end_day)
    described = describe(occasions)
    verdict = judge_data(described, history.end_day - history.start_day + 1)
    mbg = bg = spend = held = None
    if verdict["enough"]:
        tell(f"{name}: fitting {len(buyers)} customers")
        mbg = fit_mbg_nbd(occasions.repeats, occasions.recency, occasions.observed)
        bg = fit_bg_nbd(occasions.repeats, occasions.recency, occasions.observed)
        spend = _fit_spend(occasions)
        held = hold_out(buyers, history.start_day, history.end_day)
    tell(f"{name}: comparing turn-over points")
    prior = described["gap_days"]
    judged = Silences(buyers, history.end_ms)
    frontier = [judged.judge(rhythm) for rhythm in candidates(max(1, round(prior["mean"])) if prior else None, mbg)]
    chosen = choose(frontier, false_alarms_pct) if verdict["enough"] else None
    share = _margin_share(buyers) if has_margins else _DEFAULT_MARGIN_PCT / 100
    rhythm = None if chosen is None else name_rhythm(chosen, spend, share)
    return {
        "verdict": verdict,
        "purchases": described,
        "gap_histogram": [list(bar) for bar in histogram(occasions.gaps)],
        "mbg_nbd": _show_rhythm(mbg, occasions.repeats),
        "bg_nbd": _show_rhythm(bg, occasions.repeats),
        "gamma_gamma": _show(spend),
        "hold_out": held,
        "frontier": frontier,
        "proposed": rhythm,
    }, rhythm


def _fit_spend(occasions: Occasions) -> Fit | None:
    """Of those who came back; the first purchase is left out, as published. None where fewer than ten have paid anything."""
    paying = (occasions.repeats > 0) & (occasions.spend > 0)
    return fit_gamma_gamma(occasions.repeats[paying], occasions.spend[paying]) if paying.sum() >= 10 else None


def _margin_share(buyers: dict[Customer, list[Purchase]]) -> float:
    net = sum(purchase.net_minor for purchases in buyers.values() for purchase in purchases)
    margin = sum(purchase.margin_minor for purchases in buyers.values() for purchase in purchases)
    return margin / net if net > 0 else 0.0


def _show_rhythm(fit: Fit | None, repeats: Vector) -> dict[str, Any] | None:
    """Time in days; the log-likelihood of a density depends on its unit, and the literature gives it for weeks."""
    if fit is None:
        return None

    shown = _show(fit)
    assert shown is not None
    shown["alpha_days"] = shown.pop("alpha")
    shown["standard_errors"]["alpha_days"] = shown["standard_errors"].pop("alpha")
    shown["log_likelihood"] = round(fit.log_likelihood + float(repeats.sum()) * log(_WEEK), 4)
    return shown


def _show(fit: Fit | None) -> dict[str, Any] | None:
    if fit is None:
        return None
    return {
        **{name: float(f"{value:.6g}") for name, value in fit.values.items()},
        "standard_errors": {name: None if error is None else float(f"{error:.3g}") for name, error in fit.errors.items()},
        "log_likelihood": round(fit.log_likelihood, 4),
        "customers": fit.customers,
        "is_certain": fit.is_certain,
    }


def _read_policy(path: Path) -> Any:
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"{path}: {error.strerror}; name a policy file"
        raise Failure(message) from error
    return read_policy(content, str(path))


def _day(day: int) -> str:
    return date.fromordinal(day + _EPOCH).isoformat()
