"""A policy document -> the domain's compiled `Policy`, with the hash that names its content."""

import json
from hashlib import blake2b
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from stream_app.codec.policy.checks import check_document
from stream_app.codec.policy.document import (
    Alive,
    Contact,
    ContactRule,
    Fixed,
    Opportunity,
    OwnRhythm,
    ParetoClasses,
    PerClass,
    PolicyDocument,
    Rhythm,
    ScoreClasses,
)
from stream_app.codec.policy.lines import Text, TextError, read_text
from stream_app.codec.policy.messages import collect, one_line, render, suggest
from stream_app.codec.policy.segments import Condition, NamedRule, SegmentRule
from stream_app.codec.policy.zones import read_calendar
from stream_app.codec.times import parse_time_ms
from stream_app.domain import pareto
from stream_app.domain import policy as domain
from stream_app.domain.facts.state import DIMENSIONS
from stream_app.errors import Failure, PolicyError

DEFAULT_KEY = b"*"


def read_policy_document(content: bytes, name: str) -> PolicyDocument:
    """Read and validate a policy in YAML or JSON.

    Args:
        content: the text, UTF-8.
        name: how to call it in messages, for example its file name.

    Raises:
        PolicyError: one line for each thing that is wrong, with its line in the text.
    """
    return _read(content, name)[0]


def read_policy(content: bytes, name: str) -> tuple[PolicyDocument, domain.Policy]:
    """Read, validate and compile a policy in YAML or JSON: the document as it is to be published, and what the rules read.

    Raises:
        PolicyError: it cannot be used; one line for each thing that is wrong, with its line in the text.
    """
    document, _ = _read(content, name)
    return document, compile_policy(document)


def load_policy_file(path: FilePath | str) -> domain.Policy:
    """Read, validate and compile a policy file.

    Raises:
        Failure: the file cannot be read.
        PolicyError: it is no usable policy; one line for each thing that is wrong.
    """
    try:
        content = FilePath(path).read_bytes()
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or 'cannot be read'}; name a policy file") from None
    return read_policy(content, FilePath(path).name)[1]


def encode_policy_document(document: PolicyDocument) -> bytes:
    """The value for the `policies` topic: canonical JSON, so that equal policies are equal bytes."""
    return json.dumps(document.canonical(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def show_policy(content: bytes, document: PolicyDocument) -> Any:
    """A published policy as it was sent; one in YAML as the equal JSON."""
    try:
        return json.loads(content)
    except ValueError:
        return document.canonical()


def policy_key(document: PolicyDocument) -> bytes:
    """The key in the `policies` topic: the shop, or `*` for the default policy."""
    return document.shop.encode() if document.shop is not None else DEFAULT_KEY


def compile_policy(document: PolicyDocument) -> domain.Policy:
    """What the rules read."""
    rhythms = {group: _compile_rhythm(rhythm) for group, rhythm in document.rhythm.items()}
    costs, value, horizons = document.costs, document.value, document.horizons
    classes = document.classes
    return domain.Policy(
        shop=document.shop,
        version=document.version,
        hash=blake2b(encode_policy_document(document), digest_size=16).hexdigest(),
        calendar=read_calendar(document.time_zone),
        currency=document.currency,
        margin_pct=document.margin_pct,
        category_groups={category: group for group, categories in document.product_groups.items() for category in categories},
        default_rhythm=rhythms.pop("default", domain.OwnRhythm()),
        rhythms=rhythms,
        medium_pct=document.churn_risk.medium_pct,
        high_pct=document.churn_risk.high_pct,
        live_since_ms=parse_time_ms(document.live_since) if document.live_since is not None else None,
        clock=document.clock,
        window_days=document.window_days,
        horizon_days=document.horizon_days,
        channel_costs=costs.channel.model_dump(),
        refund_cost=costs.refund,
        annual_rate_pct=costs.annual_rate_pct,
        referral_price=value.referral,
        feedback_price=value.feedback,
        criteria=_compile_criteria(document),
        classes=domain.ScoreClasses(classes.a, classes.b) if isinstance(classes, ScoreClasses) else None,
        pareto=pareto.ParetoClasses(classes.a_pct, classes.b_pct, classes.evaluate_every_days)
        if isinstance(classes, ParetoClasses)
        else None,
        downgrade_dwell_days=document.downgrade_dwell_days,
        labels=_by_class(document.labels) if document.labels is not None else None,
        service_levels=_compile_levels(document),
        cooling_days=document.winback.cooling_days,
        gone_days=document.winback.gone_days,
        dedup_days=horizons.dedup_days,
        pending_days=horizons.pending_days,
        ledger_days=horizons.ledger_days,
        ledger_orders=horizons.ledger_orders,
        dedup_events=horizons.dedup_events,
        opportunity=_compile_opportunity(document),
        segments=_compile_segments(document.segments) if document.segments is not None else None,
        suppress_days=horizons.suppress_days,
        contact=_compile_contact(document.contact) if document.contact is not None else None,
    )


def _read(content: bytes, name: str) -> tuple[PolicyDocument, Text]:
    try:
        text = read_text(content)
    except TextError as error:
        raise PolicyError(one_line(f"{name}:{error.line}: {error}")) from None
    if not isinstance(text.values, dict):
        raise PolicyError(f"{name}:1: must be a document with fields; `stream-app policy init` writes a template")
    try:
        document = PolicyDocument.model_validate(text.values)
    except ValidationError as error:
        complaints = suggest(collect(error, text.values), PolicyDocument.model_fields)
    else:
        complaints = check_document(document)
        if not complaints:
            return document, text
    raise PolicyError(render(complaints, text, name))


def _compile_rhythm(rhythm: Rhythm) -> domain.Rhythm:
    match rhythm:
        case Fixed():
            return domain.Fixed(rhythm.days)
        case OwnRhythm():
            return domain.OwnRhythm(rhythm.prior_days, rhythm.prior_weight, rhythm.factor_pct, rhythm.min_days, rhythm.max_days)
        case Alive():
            spend = rhythm.gamma_gamma
            model = domain.GammaGamma(spend.p, spend.q, spend.v) if spend is not None else None
            return domain.Alive(rhythm.r, rhythm.alpha, rhythm.a, rhythm.b, rhythm.theta, rhythm.min_days, rhythm.max_days, model)


def _compile_criteria(document: PolicyDocument) -> tuple[domain.Criterion, ...]:
    compiled = []
    for criterion in document.criteria:
        bands = sorted(criterion.bands.items())
        compiled.append(
            domain.Criterion(criterion.measure, criterion.weight, tuple(at for at, _ in bands), tuple(points for _, points in bands))
        )
    return tuple(compiled)


def _compile_segments(rules: list[SegmentRule]) -> domain.Segments:
    named, leave = [], None
    for rule in rules:
        if isinstance(rule, NamedRule):
            named.append(domain.SegmentRule(rule.name, tuple(map(_compile_condition, rule.when))))
            continue
        named.append(domain.SegmentRule(rule.name, ()))
        limits = rule.protect_criteria
        leave = domain.ExitRule(
            rule.value_now_below,
            rule.value_future_below,
            rule.strategic_below,
            rule.exit_dwell_days,
            rule.min_age_days,
            dict(limits),
            limits.get("default", 80),
        )
    return domain.Segments(tuple(named), leave)


def _compile_condition(condition: Condition) -> domain.Condition:
    test, wanted = condition.test
    dimension = DIMENSIONS.index(condition.measure) if condition.measure in DIMENSIONS else -1
    if test in {"is", "in"}:
        return domain.Condition(condition.measure, dimension, test, tuple(wanted) if test == "in" else (wanted,))
    return domain.Condition(condition.measure, dimension, test, limit=wanted)


def _compile_levels(document: PolicyDocument) -> domain.ServiceLevels | None:
    levels = document.service_levels
    if levels is None:
        return None
    return domain.ServiceLevels(dict(levels.segment), _by_class(levels.by_class) if levels.by_class is not None else {})


def _compile_opportunity(document: PolicyDocument) -> domain.Opportunity | None:
    if document.opportunity is None and document.cross_sell is None:
        return None
    growth = document.opportunity or Opportunity()
    pairs = {group: tuple(others) for group, others in (document.cross_sell or {}).items()}
    return domain.Opportunity(growth.growth_pct, growth.growth_days, pairs)


def _compile_contact(contact: Contact) -> domain.ContactRules:
    rules = {"A": contact.a, "B": contact.b, "C": contact.c}
    by_class = {name: _compile_contact_rule(rule) for name, rule in rules.items() if rule is not None}
    return domain.ContactRules(by_class, _compile_contact_rule(contact.default) if contact.default is not None else None)


def _compile_contact_rule(rule: ContactRule) -> domain.ContactRule:
    caps = [] if rule.max_contacts is None else [domain.Cap(None, rule.max_contacts, rule.per_days)]
    caps += [domain.Cap(channel, cap.max_contacts, cap.per_days) for channel, cap in sorted(rule.channels.items())]
    return domain.ContactRule(tuple(caps), rule.max_silence_days, rule.budget_pct)


def _by_class(words: PerClass) -> dict[str, str]:
    return {"A": words.a, "B": words.b, "C": words.c}
