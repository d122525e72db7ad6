"""Reasons, reactions and counterfactuals in words and numbers: the English sentences, and what fills those of any language. Pure."""

from collections.abc import Mapping
from string import Formatter
from typing import Any, Final

from stream_app.domain.facts.state import DIMENSIONS
from stream_app.story.dutch import DUTCH
from stream_app.story.language import Language

DAY_MS: Final = 86_400_000

REASONS: Final[dict[str, str]] = {
    "ordered_within_rhythm": (
        "his last order in {product_group}, of {last_order_at}, lies within his patience of {patience_ms}"
        " ({occasions} occasions over {span_days} days), which ends {inactive_at}"
    ),
    "silent_beyond_rhythm": (
        "no order in {product_group} since {last_order_at}, longer than his patience of {patience_ms}"
        " ({occasions} occasions over {span_days} days), which ended {inactive_at}"
    ),
    "relation_without_order": "he is related to the shop and no order of his counts",
    "no_relation": "no order of his counts and nothing relates him to the shop but interest",
    "lead_ruled_out": "he was a lead and was ruled out {ruled_out_at}",
    "no_longer_active": "only an active customer can be at risk, and he is active no longer ({counting_orders} orders count)",
    "no_counting_order": "no order of his counts",
    "share_of_patience": (
        "silent in {product_group} for {silent_ms}, since {last_order_at}, of a patience of {patience_ms}: medium from {medium_pct} %"
        " ({medium_at}), high from {high_pct} % ({high_at}), inactive {inactive_at}"
    ),
    "merged": "he was merged into another customer, and is one with him from now on",
    "dimension_dropped": "the policy does not ask for this dimension any more",
    "score": "score {score}, where A begins at {A} and B at {B} (a worse class is taken after {downgrade_dwell_days} days): {evidence}",
    "share_of_value": "he is worth {value_total}, where A begins at {A} and B at {B} ({A_pct} and {B_pct} % of the shop's value)",
    "no_cut_offs_yet": "the shop's customers have not been weighed yet",
    "class": "it follows his class, {class}",
    "segment": "it follows his segment, {segment}",
    "exit": "all that an exit asks is true, and nothing protects him: {evidence}",
    "rule_matches": "this segment's rule is the first that he meets: {evidence}",
    "no_rule_matches": "he meets no segment's rule: {evidence}",
    "no_rule": "no contact rule holds for class {class}",
    "over_budget": "contacts cost {contact_cost}, more than the budget of {budget_minor}: {evidence}",
    "too_often": "a cap on contacts is broken: {evidence}",
    "too_seldom": "nothing was heard of him and nobody has contacted him since {last_touch_at}, beyond {silent_at}: {evidence}",
    "ok": "all caps, the budget and the limit of silence are kept: {evidence}",
    "not_inactive": "only an inactive customer can be won back, and he is {lifecycle}",
    "time_since_inactive": "inactive for {inactive_ms}, since {inactive_at}: cooling from {cooling_at}, gone from {gone_at}",
    "growth": (
        "revenue of {revenue_now} in the last {growth_days} days, against {revenue_before} in those before, reaches {growth_pct} %;"
        " groups open to him: {open_groups}"
    ),
    "cross_sell": (
        "groups open to him: {open_groups} (high from {open_groups_high}); revenue of {revenue_now} in the last {growth_days} days,"
        " against {revenue_before} in those before, is no growth to {growth_pct} %"
    ),
    "no_opportunity": (
        "no group is open to him, and revenue of {revenue_now} in the last {growth_days} days, against {revenue_before} in those before,"
        " is no growth to {growth_pct} %"
    ),
}
"""A sentence for every reason code that the domain publishes."""

PUBLISHED: Final[dict[str, str]] = {
    "status.will_change": "{dimension} will turn from {from} to {to} at {will_change_at}",
    "status.will_not_change": "{dimension} will not turn from {from} to {to} at {will_change_at} after all",
    "winback.opened": "win him back: tier {tier}, {days_since} days since his last order, channel {advised_channel}, budget {budget_minor}",
    "winback.cooled": "he cools: tier {tier}, {days_since} days since his last order, channel {advised_channel}, budget {budget_minor}",
    "winback.closed": "he counts as gone: tier {tier}, {days_since} days since his last order, budget {budget_minor}",
    "winback.won": "won back after {days_away} days, tier {tier}, campaign {campaign_id}, with {product_groups}",
    "winback.withdrawn": "he was not lost after all ({cause}): lifecycle {lifecycle}",
    "service_level.changed": "serve him as {to}, no longer as {from} (class {class}, segment {segment})",
    "contact.advised": "contact is {to}, was {from}: channel {channel}, next moment {moment}, budget {budget_minor}",
    "erasure.completed": "everything up to {erased_at} is forgotten",
}
"""A sentence for every type that is published beside `status.changed` and the profile."""

CAUSES: Final[dict[str, str]] = {
    "event": "an event",
    "time": "time alone",
    "policy": "a new policy",
    "late": "an event that came late",
    "void": "a cancellation or a refund",
    "merge": "a merge of customers",
}

_TIMES: Final = frozenset({"valid_until", "next_deadline", "moment"})
_SHOPS_OWN: Final = frozenset({"class", "segment", "label", "service_level"})
_MONEY: Final = frozenset(
    {"revenue", "revenue_now", "revenue_before", "average_order", "margin", "contact_cost", "cost_to_serve"}
    | {"value_now", "value_future", "value_strategic", "value_total"}
)
_DASHES: Final = frozenset({"from", "to", *DIMENSIONS})

ENGLISH: Final = Language(
    code="en",
    reasons=REASONS,
    published=PUBLISHED,
    causes=CAUSES,
    phrases={
        "because": "because {what}",
        "caused": "caused by {what}",
        "version": "{what}, version {version}",
        "event_of": "{what}, {type} of {at}",
        "revokes": "takes back change {number}",
        "revokes_unknown": "takes back the change {id}",
        "until": "with no further event it holds until {at} at least",
        "otherwise": "otherwise: {what}",
        "unless": "unless {what}",
        "copy": "its id was already used by an event of his: within the policy's dedup_days it counts once",
        "change": "{dimension}: {before} -> {after} (change {number})",
        "consequence": "{type}: {what}",
        "yes": "yes",
        "no": "no",
        "none": "none",
        "never": "never",
        "no_limit": "without limit",
        "days": "{days} days",
        "nothing": "nothing else was measured",
        "at_most": "at most",
        "in_group": "{what} in {group}",
        "of_at_least": "of at least {limit}",
        "of_at_most": "of at most {limit}",
        "from_on": "{what}, from {at} on",
        "before": "{what}, before {at}",
    },
    tests={"_at_least": "at least", "_below": "below", "_is": "is", "_in": "one of", ".per_days": "in days:"},
    terms={},
)
LANGUAGES: Final = {language.code: language for language in (ENGLISH, DUTCH)}


def moment(text: str) -> str:
    """An RFC 3339 time as a person reads it, in UTC and to the minute; seconds only where there are some."""
    seconds = text[16:].removesuffix("Z").removesuffix(".000")
    return text[:16].replace("T", " ") + ("" if seconds == ":00" else seconds)


def value_in_words(name: str, value: Any, language: Language = ENGLISH) -> str:
    """A value as its name asks: a time, a length of time in days, a list. A status without a value is -, since none is a value."""
    match value:
        case None:
            told = "-" if name in _DASHES else language.say({"moment": "never", "budget_minor": "no_limit"}.get(name, "none"))
        case bool():
            told = language.say("yes" if value else "no")
        case int() if language.currency and is_money(name):
            told = language.price(value)
        case int() if name.endswith("_ms"):
            told = language.say("days", days=f"{value / DAY_MS:.1f}".replace(".", language.point))
        case str() if name.endswith("_at") or name in _TIMES:
            told = moment(value)
        case str() if name in DIMENSIONS:
            told = status_in_words(name, value, language)
        case list() | tuple():
            told = ", ".join(language.say("none") if one is None else str(one) for one in value) or language.say("none")
        case dict():
            items = [f"{language.term(one)} {value_in_words(one, other, language)}" for one, other in value.items()]
            told = ", ".join(items) or language.say("none")
        case _:
            told = str(value)
    return told


def is_money(name: str) -> bool:
    """Whether a measure, or a threshold of one, is an amount."""
    plain = name.rpartition(": ")[2].removesuffix(" and").removesuffix("_at_least").removesuffix("_below")
    return plain.removeprefix("protected_by_") in _MONEY or plain.endswith("_minor")


def status_in_words(dimension: str, value: str | None, language: Language = ENGLISH) -> str:
    """A value of a dimension; names that the shop has given stay as they are."""
    if value is None:
        return "-"
    return value if dimension in _SHOPS_OWN else language.term(value)


def reason_in_words(reason: Mapping[str, Any], language: Language = ENGLISH) -> str:
    """A reason's sentence with what was measured against which thresholds; an unknown code is told by its evidence."""
    measures, thresholds = reason.get("measures") or {}, reason.get("thresholds") or {}
    code = str(reason.get("code", ""))
    template = language.reasons.get(code, code.replace("_", " ") + ": {evidence}")
    told = {name for _, name, _, _ in Formatter().parse(template) if name}
    rest = [{name: value for name, value in shown.items() if name not in told} for shown in (measures, thresholds)]
    # Cut-offs of a score are points, and those of a value are amounts.
    cut_offs = {name: value_in_words("value_total", thresholds.get(name), language) for name in "AB" if code == "share_of_value"}
    return fill(
        template, {**thresholds, **measures}, language, **cut_offs, evidence=evidence(rest[0], rest[1], language) or language.say("nothing")
    )


def published_in_words(kind: str, data: Mapping[str, Any], language: Language = ENGLISH) -> str:
    """The sentence of a notice or a reaction; of a type without one, all that it carries."""
    dimension = str(data.get("dimension", "contact" if kind == "contact.advised" else "service_level"))
    words = {name: status_in_words(dimension, data[name], language) for name in ("from", "to") if name in data}
    words |= {"dimension": language.term(dimension)} if "dimension" in data else {}
    words |= {"tier": status_in_words("winback", data["tier"], language)} if "tier" in data else {}
    template = language.published.get(kind, "{all}")
    return fill(template, data, language, all=value_in_words("", dict(data), language), **words)


def fill(template: str, values: Mapping[str, Any], language: Language = ENGLISH, **more: str) -> str:
    """A sentence with its values in words; what is missing is a question mark."""
    return template.format_map(_Words({name: value_in_words(name, value, language) for name, value in values.items()} | more))


def evidence(measures: Mapping[str, Any], thresholds: Mapping[str, Any], language: Language = ENGLISH) -> str:
    """Each measure with the thresholds it was compared with, then those that stand for themselves."""
    limits: dict[str, list[str]] = {name: [] for name in measures}
    rest = []
    for name, limit in thresholds.items():
        rule, _, plain = name.rpartition(": ")
        whose = f"{rule}: " if rule else ""
        measure, words = _compared(plain, measures, language)
        told = value_in_words(measure if isinstance(limit, str) and measure in DIMENSIONS else plain, limit, language)
        if measure is None:
            rest.append(f"{whose}{language.term(plain)} {told}")
        else:
            limits[measure].append(f"{whose}{words} {told}")
    shown = [
        f"{language.term(name)} {value_in_words(name, value, language)}" + (f" ({', '.join(limits[name])})" if limits[name] else "")
        for name, value in measures.items()
    ]
    return ", ".join(shown + rest)


def _compared(threshold: str, measures: Mapping[str, Any], language: Language) -> tuple[str | None, str]:
    """Which measure a threshold is for, by its name, and how the two compare."""
    if threshold in measures:
        return threshold, language.say("at_most")
    for ending, words in language.tests.items():
        measure = threshold.removesuffix(" and").removesuffix(ending)
        if measure != threshold and measure in measures:
            return measure, words
    return None, ""


def counterfactual_in_words(dimension: str, instead: Mapping[str, Any], language: Language = ENGLISH) -> str:
    """What would have kept the value away, or would restore or better it."""
    event = instead.get("event_type")
    what = language.term(str(event)) if event else ""
    if instead.get("product_group"):
        what = language.say("in_group", what=what, group=instead["product_group"])
    if "measure" in instead:
        limit = {name: value_in_words(instead["measure"], instead[name], language) for name in ("at_least", "at_most") if name in instead}
        limits = [language.say(f"of_{name}", limit=told) for name, told in limit.items()]
        told = " ".join([language.term(str(instead["measure"])), *limits])
        what += f" ({told})" if event else told
    if instead.get("from_at"):
        what = language.say("from_on", what=what, at=moment(instead["from_at"]))
    if instead.get("before_at"):
        what = language.say("before", what=what, at=moment(instead["before_at"]))
    return f"{what}: {language.term(dimension)} {status_in_words(dimension, instead.get('to'), language)}"


class _Words(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "?"
