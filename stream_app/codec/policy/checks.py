"""What concerns more than one field of a policy document, and what this version does not compute yet."""

from collections.abc import Iterator
from typing import NamedTuple

from stream_app.codec.policy.currencies import CURRENCIES
from stream_app.codec.policy.document import Alive, OwnRhythm, PolicyDocument, ScoreClasses
from stream_app.codec.policy.segments import Condition, ExitRule

MEASURES = frozenset(
    [
        "revenue",
        "orders",
        "occasions",
        "average_order",
        "product_groups",
        "margin",
        "refund_pct",
        "discount_pct",
        "late_days_average",
        "contacts",
        "contact_cost",
        "cost_to_serve",
        "value_now",
        "referrals",
        "feedback",
        "value_strategic",
        "value_future",
        "value_total",
        "recency_days",
        "tenure_days",
        "strategic",
        "p_alive_pct",
    ]
)
CRITERIA = "criteria."
GROUPS_MAX = 200
"""Each order's groups are bits of one number in the customer's bounded state."""

DIMENSIONS: dict[str, frozenset[str]] = {
    "lifecycle": frozenset({"other", "possibly_interested", "potential", "active", "inactive"}),
    "churn_risk": frozenset({"low", "medium", "high"}),
    "winback": frozenset({"none", "recent", "cooling", "gone"}),
    "opportunity": frozenset({"low", "medium", "high"}),
    "class": frozenset({"A", "B", "C"}),
}


class Complaint(NamedTuple):
    """What is wrong, and where in the document."""

    path: tuple[str | int, ...]
    text: str


def is_measure(name: str) -> bool:
    """Whether a criterion may use this name: a measure of domain.md 3.4, the strategic criteria included."""
    return name in MEASURES or (name.startswith(CRITERIA) and 0 < len(name) - len(CRITERIA) <= 128)


def check_document(document: PolicyDocument) -> list[Complaint]:
    """Everything that one field alone cannot tell, in document order."""
    return [
        *_check_currency(document),
        *_check_groups(document),
        *_check_rhythms(document),
        *_check_tiers(document),
        *_check_classes(document),
        *_check_segments(document),
        *_check_cross_sell(document),
        *_check_horizons(document),
    ]


def _check_currency(document: PolicyDocument) -> Iterator[Complaint]:
    if document.currency not in CURRENCIES:
        yield Complaint(("currency",), "no currency of ISO 4217 has this code; name the one that your orders are in, such as EUR")


def _check_groups(document: PolicyDocument) -> Iterator[Complaint]:
    owners: dict[str, str] = {}
    if len(document.product_groups) > GROUPS_MAX:
        yield Complaint(("product_groups",), f"more than {GROUPS_MAX} groups; a group is a rhythm of buying, so merge those that share one")
    for group, categories in document.product_groups.items():
        if group == "default":
            yield Complaint(("product_groups", group), "the name default is taken by the unmapped categories; use another name")
        for place, category in enumerate(categories):
            owner = owners.setdefault(category, group)
            if owner != group:
                yield Complaint(("product_groups", group, place), f"this category is in the group {owner} already; list it once")
    for group in document.rhythm:
        if group not in document.product_groups and group != "default":
            yield Complaint(("rhythm", group), "no such product group; add it to product_groups or use default")


def _check_rhythms(document: PolicyDocument) -> Iterator[Complaint]:
    for group, rhythm in document.rhythm.items():
        if isinstance(rhythm, OwnRhythm | Alive) and rhythm.min_days > rhythm.max_days:
            yield Complaint(("rhythm", group, "min_days"), f"must be at most max_days ({rhythm.max_days})")


def _check_tiers(document: PolicyDocument) -> Iterator[Complaint]:
    risk, winback = document.churn_risk, document.winback
    if risk.medium_pct > risk.high_pct:
        yield Complaint(("churn_risk", "medium_pct"), f"must be at most high_pct ({risk.high_pct})")
    if winback.cooling_days > winback.gone_days:
        yield Complaint(("winback", "cooling_days"), f"must be at most gone_days ({winback.gone_days})")


def _check_classes(document: PolicyDocument) -> Iterator[Complaint]:
    for place, criterion in enumerate(document.criteria):
        if not is_measure(criterion.measure):
            yield Complaint(("criteria", place, "measure"), _name_measures(criterion.measure))
    classes = document.classes
    if isinstance(classes, ScoreClasses):
        if not document.criteria:
            yield Complaint(("classes",), "by score needs criteria; add the section criteria")
        if classes.a <= classes.b:
            yield Complaint(("classes", "A"), f"must be above B ({classes.b})")
    elif classes is not None and classes.a_pct >= classes.b_pct:
        yield Complaint(("classes", "A_pct"), f"must be below B_pct ({classes.b_pct})")


def _name_measures(name: str) -> str:
    if name == "score":
        return "score is made of the criteria and cannot be one of them; use a measure"
    return f"no such measure; use one of {', '.join(sorted(MEASURES))} or criteria.<name>"


def _check_segments(document: PolicyDocument) -> Iterator[Complaint]:
    names: set[str] = set()
    for place, rule in enumerate(document.segments or ()):
        if rule.name in names:
            yield Complaint(("segments", place, "name"), "given to two segments; names must be unique")
        names.add(rule.name)
        if not isinstance(rule, ExitRule):
            for number, condition in enumerate(rule.when):
                yield from _check_condition(condition, ("segments", place, "when", number))
    if document.segments is not None and document.service_levels is not None:
        for name in document.service_levels.segment:
            if name not in names:
                yield Complaint(("service_levels", "segment", name), "no such segment; name one of segments")


def _check_condition(condition: Condition, path: tuple[str | int, ...]) -> Iterator[Complaint]:
    test, wanted = condition.test
    values = DIMENSIONS.get(condition.measure)
    if values is None:
        if not is_measure(condition.measure) and condition.measure != "score":
            yield Complaint((*path, "measure"), "no such measure or dimension")
        elif any(isinstance(answer, str) for answer in (wanted if isinstance(wanted, list) else [wanted])):
            yield Complaint((*path, test), "a measure is compared with an integer")
    elif test in {"at_least", "below"}:
        yield Complaint((*path, test), "a dimension has no order; use is or in")
    elif any(answer is not None and answer not in values for answer in (wanted if isinstance(wanted, list) else [wanted])):
        yield Complaint((*path, test), f"must be one of {', '.join(sorted(values))}")


def _check_cross_sell(document: PolicyDocument) -> Iterator[Complaint]:
    known = {*document.product_groups, "default"}
    for group, others in (document.cross_sell or {}).items():
        if group not in known:
            yield Complaint(("cross_sell", group), "no such product group; add it to product_groups")
        for place, other in enumerate(others):
            if other not in known:
                yield Complaint(("cross_sell", group, place), "no such product group; add it to product_groups")


def _check_horizons(document: PolicyDocument) -> Iterator[Complaint]:
    growth_days = 0
    if document.opportunity is not None:
        growth_days = document.opportunity.growth_days
    elif document.cross_sell is not None:
        growth_days = 90
    least = max(document.window_days, 2 * growth_days) + 2
    if document.horizons.ledger_days < least:
        reason = "window_days + 2" if least == document.window_days + 2 else "2 * opportunity.growth_days + 2"
        yield Complaint(("horizons", "ledger_days"), f"must be at least {least} ({reason})")
