"""Policy documents: what is accepted, what it compiles to, and what this version refuses."""

import json
from pathlib import Path

import pytest
import yaml

from stream_app.codec.policy import TEMPLATE, compile_policy, encode_policy_document, load_policy_file, policy_key, read_policy_document
from stream_app.domain import policy as domain
from stream_app.domain.pareto import ParetoClasses
from stream_app.errors import Failure

SKETCH = """\
shop: acme
version: 3
time_zone: Europe/Amsterdam
currency: EUR
margin_pct: 40
product_groups: {wine: [red wine, white wine], shoes: [sneakers, boots], belts: [leather belt], bags: [handbag]}
rhythm:
  default: {method: own_rhythm, prior_days: 60, prior_weight: 2, factor_pct: 250, min_days: 30, max_days: 730}
  wine:    {method: own_rhythm, prior_days: 10, prior_weight: 2, factor_pct: 300, min_days: 14, max_days: 120}
  shoes:   {method: fixed, days: 400}
churn_risk: {medium_pct: 50, high_pct: 80}
live_since: 2026-03-01T00:00:00Z            # optional; without it everything is live
clock: wall
window_days: 365
horizon_days: 365
costs: {channel: {email: 5, mailing: 150, phone: 600, visit: 12000, chat: 200, other: 100}, refund: 500, annual_rate_pct: 8}
value: {referral: 2500, feedback: 500}
criteria:
  - {measure: value_now, weight: 3, bands: {0: 20, 5000: 50, 25000: 100}}
  - {measure: referrals, weight: 1, bands: {1: 60, 3: 100}}
classes: {by: score, A: 70, B: 40}
downgrade_dwell_days: 30
labels: {A: gold, B: silver, C: bronze}
service_levels: {segment: {exit: exit}, class: {A: premium, B: standard, C: basic}}
winback: {cooling_days: 90, gone_days: 365}
horizons: {dedup_days: 30, pending_days: 30, ledger_days: 730}
"""
NOT_COMPUTED_YET = """\
segments:
  - {name: exit, value_now_below: 0, value_future_below: 1000, strategic_below: 40, exit_dwell_days: 60, min_age_days: 180,
     protect_criteria: {default: 80}}
  - {name: promising, when: [{measure: churn_risk, is: low}, {measure: product_groups, at_least: 2}]}
contact:
  A: {max_contacts: 8, per_days: 30, max_silence_days: 45, budget_pct: 20, channels: {phone: {max_contacts: 1, per_days: 60}}}
  default: {budget_pct: 5}
cross_sell: {shoes: [belts, bags]}
opportunity: {growth_pct: 150, growth_days: 90}
"""


def compiled(text: str) -> domain.Policy:
    return compile_policy(read_policy_document(text.encode(), "policy.yaml"))


def test_the_sketch_of_the_contract() -> None:
    policy = compiled(SKETCH)
    assert policy.calendar.name == "Europe/Amsterdam"
    assert (policy.shop, policy.version, policy.currency, policy.live_since_ms) == ("acme", 3, "EUR", 1_772_323_200_000)
    assert policy.category_groups["white wine"] == "wine"
    assert policy.rhythms == {"wine": domain.OwnRhythm(10, 2, 300, 14, 120), "shoes": domain.Fixed(400)}
    assert policy.default_rhythm == domain.OwnRhythm()
    assert policy.criteria[0] == domain.Criterion("value_now", 3, (0, 5000, 25000), (20, 50, 100))
    assert policy.classes == domain.ScoreClasses(70, 40)
    assert policy.labels == {"A": "gold", "B": "silver", "C": "bronze"}
    assert policy.service_levels == domain.ServiceLevels({"exit": "exit"}, {"A": "premium", "B": "standard", "C": "basic"})


def test_the_defaults_are_the_numbers_of_the_sketch() -> None:
    policy = compiled("currency: EUR")
    assert policy.calendar.name == "UTC"
    assert (policy.shop, policy.version, policy.margin_pct, policy.clock, policy.live_since_ms) == (None, 1, 40, "wall", None)
    assert (policy.rhythms, policy.default_rhythm) == ({}, domain.OwnRhythm(60, 2, 250, 30, 730))
    assert (policy.medium_pct, policy.high_pct, policy.cooling_days, policy.gone_days) == (50, 80, 90, 365)
    assert (policy.window_days, policy.horizon_days, policy.downgrade_dwell_days) == (365, 365, 30)
    assert policy.channel_costs == {"email": 5, "mailing": 150, "phone": 600, "visit": 12000, "chat": 200, "other": 100}
    assert (policy.refund_cost, policy.annual_rate_pct, policy.referral_price, policy.feedback_price) == (500, 8, 2500, 500)
    assert (policy.criteria, policy.classes, policy.labels, policy.service_levels, policy.category_groups) == ((), None, None, None, {})
    assert (policy.dedup_days, policy.pending_days, policy.ledger_days, policy.ledger_orders, policy.dedup_events) == (
        30,
        30,
        730,
        2000,
        4000,
    )


def test_defaults_inside_sections() -> None:
    policy = compiled("""
currency: EUR
product_groups: {a: [x], b: [y]}
rhythm: {a: {method: fixed}, b: {max_days: 99}, default: {method: alive, r: 1, alpha: 2.5, a: 3, b: 4, gamma_gamma: {p: 6, q: 4, v: 1500}}}
churn_risk: {medium_pct: 10}
costs: {channel: {phone: 1}}
criteria: [{measure: criteria.loyalty, bands: {"-5": 0, "10": 100, "9": 50}}]
classes: {A: 71}
service_levels: {segment: {x: y}}
""")
    assert policy.rhythms == {"a": domain.Fixed(400), "b": domain.OwnRhythm(60, 2, 250, 30, 99)}
    assert policy.default_rhythm == domain.Alive(1.0, 2.5, 3.0, 4.0, 0.5, 30, 730, domain.GammaGamma(6.0, 4.0, 1500.0))
    assert (policy.medium_pct, policy.high_pct) == (10, 80)
    assert (policy.channel_costs["phone"], policy.channel_costs["visit"], policy.refund_cost) == (1, 12000, 500)
    assert policy.criteria == (domain.Criterion("criteria.loyalty", 1, (-5, 9, 10), (0, 50, 100)),)
    assert policy.classes == domain.ScoreClasses(71, 40)
    assert policy.service_levels == domain.ServiceLevels({"x": "y"}, {})


def test_template_compiles_and_names_every_section_it_can() -> None:
    policy = compiled(TEMPLATE)
    bare = compiled("currency: EUR")
    assert (policy.rhythms["wine"], policy.default_rhythm) == (domain.OwnRhythm(10, 2, 300, 14, 120), bare.default_rhythm)
    assert (policy.channel_costs, policy.ledger_days, policy.cooling_days) == (bare.channel_costs, bare.ledger_days, bare.cooling_days)


def test_hash_is_of_the_content() -> None:
    hashes = [
        compiled(text).hash
        for text in ("currency: EUR", '{"version": 1, "currency": "EUR"}', "# x\ncurrency: 'EUR'\nwinback: {gone_days: 365}\n")
    ]
    assert len(set(hashes)) == 1
    assert len(hashes[0]) == 32
    others = {
        compiled(f"currency: EUR\n{line}").hash
        for line in ("version: 2", "shop: acme", "margin_pct: 41", "clock: events", "rhythm: {default: {}}")
    }
    assert len(others | set(hashes)) == 6


def test_hash_stays_the_same_from_release_to_release() -> None:
    assert compiled("currency: EUR").hash == "adee3196373b0a2895ca504f5c5bfe1c"


@pytest.mark.parametrize("text", [SKETCH, SKETCH + NOT_COMPUTED_YET, TEMPLATE, "currency: EUR"])
def test_the_published_form_reads_back(text: str) -> None:
    document = read_policy_document(text.encode(), "policy.yaml")
    published = encode_policy_document(document)
    again = read_policy_document(published, "policies")
    assert again == document
    assert encode_policy_document(again) == published
    assert policy_key(document) == (b"acme" if "shop: acme" in text and "# shop" not in text else b"*")


def test_is_null_survives_publishing() -> None:
    document = read_policy_document(
        b"currency: EUR\nsegments: [{name: x, when: [{measure: class, is: null}, {measure: score, in: [1, null]}]}]", "p"
    )
    assert json.loads(encode_policy_document(document))["segments"][0]["when"] == [
        {"is": None, "measure": "class"},
        {"in": [1, None], "measure": "score"},
    ]
    assert read_policy_document(encode_policy_document(document), "p") == document


def test_classes_by_pareto() -> None:
    policy = compiled(SKETCH.replace("by: score, A: 70, B: 40", "by: pareto, B_pct: 90, evaluate_every_days: 7"))
    assert (policy.classes, policy.pareto) == (None, ParetoClasses(80, 90, 7))
    assert compiled(SKETCH.replace("by: score, A: 70, B: 40", "by: pareto")).pareto == ParetoClasses(80, 95, 30)


def test_files(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(yaml.safe_load(TEMPLATE), indent="\t"))
    (tmp_path / "policy.yaml").write_text("\ufeff" + TEMPLATE.replace("\n", "\r\n"))
    assert load_policy_file(tmp_path / "policy.json").hash == load_policy_file(str(tmp_path / "policy.yaml")).hash
    for missing in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(Failure, match="name a policy file") as caught:
            load_policy_file(missing)
        assert "\n" not in str(caught.value)


def test_words_mean_what_they_say() -> None:
    document = read_policy_document(b"currency: EUR\nproduct_groups: {no: [on, yes, 12:30:00, 2026-03-01, ~x]}", "p")
    assert document.product_groups == {"no": ["on", "yes", "12:30:00", "2026-03-01", "~x"]}
    assert read_policy_document(b"currency: EUR\nmargin_pct: 010", "p").margin_pct == 10
