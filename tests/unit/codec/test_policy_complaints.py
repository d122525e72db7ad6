"""Every complaint about a policy document, with its line, and that nothing else than a `PolicyError` comes out."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.codec.policy import read_policy_document
from stream_app.errors import PolicyError
from tests.unit.codec.test_policy import NOT_COMPUTED_YET, SKETCH


def complaints(text: str | bytes) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        read_policy_document(text if isinstance(text, bytes) else text.encode(), "policy.yaml")
    return str(caught.value).splitlines()


ALL_WRONG = """\
shop: a/b
version: 0
currency: eur
time_zone: Mars/Base
curency: EUR
rhythm:
  shoes: {method: fixed, days: 0}
  wine:
    method: alive
    r: 0
    theta: 1
  belts: {method: magic}
  default: {min_days: "3", days: 4}
criteria:
  - measure: value_now
    bands: {a: 20, "10": 101, 1.5: 3}
classes: {by: score, A: true}
segments:
  - {name: exit, when: []}
  - {name: x, when: [{measure: score, is: 1, below: 3}]}
costs: {channel: {fax: 3}}
labels: {A: 1}
live_since: 2026-03-01
contact: {D: {}}
clock: sun
horizons: {ledger_orders: 2001, dedup_events: 4001}
"""


def test_all_complaints_come_at_once_with_their_lines() -> None:
    assert complaints(ALL_WRONG) == [
        "policy.yaml:1: shop: must be 1 to 128 of letters, digits, . _ -",
        "policy.yaml:2: version: must be at least 1",
        "policy.yaml:3: currency: must be an ISO 4217 code, three capital letters like EUR",
        "policy.yaml:4: time_zone: must be an IANA time zone, like Europe/Amsterdam",
        "policy.yaml:5: curency: unknown field; did you mean currency?",
        "policy.yaml:7: rhythm.shoes.days: must be at least 1",
        "policy.yaml:8: rhythm.wine.alpha: missing; add it",
        "policy.yaml:8: rhythm.wine.a: missing; add it",
        "policy.yaml:8: rhythm.wine.b: missing; add it",
        "policy.yaml:10: rhythm.wine.r: must be above 0.0",
        "policy.yaml:11: rhythm.wine.theta: must be below 1.0",
        "policy.yaml:12: rhythm.belts: must be fixed, own_rhythm or alive",
        "policy.yaml:13: rhythm.default.min_days: must be an integer",
        "policy.yaml:13: rhythm.default.days: unknown field; remove it",
        "policy.yaml:16: criteria[0].bands.a: must be an integer",
        "policy.yaml:16: criteria[0].bands[10]: must be at most 100",
        "policy.yaml:16: criteria[0].bands.1.5: must be an integer",
        "policy.yaml:17: classes.A: must be an integer",
        "policy.yaml:19: segments[0].when: unknown field; remove it",
        "policy.yaml:20: segments[1].when[0]: must have exactly one of is, in, at_least, below",
        "policy.yaml:21: costs.channel.fax: unknown field; remove it",
        "policy.yaml:22: labels.A: must be text; put it in quotes",
        "policy.yaml:22: labels.B: missing; add it",
        "policy.yaml:22: labels.C: missing; add it",
        "policy.yaml:23: live_since: must be RFC 3339 with an offset, like 2026-03-01T00:00:00Z",
        "policy.yaml:24: contact.D: unknown field; remove it",
        "policy.yaml:25: clock: must be 'wall' or 'events'",
        "policy.yaml:26: horizons.ledger_orders: must be at most 2000",
        "policy.yaml:26: horizons.dedup_events: must be at most 4000",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rhythm: {shoes: {}}", "rhythm.shoes: no such product group; add it to product_groups or use default"),
        ("product_groups: {a: [x, y], b: [y]}", "product_groups.b[0]: this category is in the group a already; list it once"),
        ("product_groups: {default: [x]}", "product_groups.default: the name default is taken"),
        ("product_groups: {a: []}", "product_groups.a: must have at least 1 entries"),
        ("rhythm: {default: {min_days: 9, max_days: 8}}", "rhythm.default.min_days: must be at most max_days (8)"),
        ("churn_risk: {medium_pct: 81}", "churn_risk.medium_pct: must be at most high_pct (80)"),
        ("winback: {cooling_days: 366}", "winback.cooling_days: must be at most gone_days (365)"),
        ("classes: {}", "classes: by score needs criteria; add the section criteria"),
        ("criteria: [{measure: score, bands: {1: 1}}]", "criteria[0].measure: score is made of the criteria"),
        ("criteria: [{measure: sales, bands: {1: 1}}]", "criteria[0].measure: no such measure; use one of average_order, "),
        ("criteria: [{measure: criteria., bands: {1: 1}}]", "criteria[0].measure: no such measure; use one of "),
        ("criteria: [{measure: orders, bands: {}}]", "criteria[0].bands: must have at least 1 entries"),
        ("criteria: [{measure: orders, weight: 0, bands: {1: 1}}]", "criteria[0].weight: must be at least 1"),
        ('criteria: [{measure: orders, bands: {1: 1, "1": 2}}]', "criteria[0].bands: must name each threshold once"),
        ("criteria: [{measure: orders, bands: {1: 1}}]\nclasses: {A: 5, B: 5}", "classes.A: must be above B (5)"),
        ("classes: {by: pareto, A_pct: 95}", "classes.A_pct: must be below B_pct (95)"),
        ("horizons: {ledger_days: 366}", "horizons.ledger_days: must be at least 367 (window_days + 2)"),
        (
            "window_days: 30\nopportunity: {growth_days: 400}",
            "horizons.ledger_days: must be at least 802 (2 * opportunity.growth_days + 2)",
        ),
        ("segments: [{name: x}, {name: x}]", "segments[1].name: given to two segments; names must be unique"),
        ("segments: [{name: x, when: [{measure: label, is: gold}]}]", "segments[0].when[0].measure: no such measure or dimension"),
        ("segments: [{name: x, when: [{measure: score, is: high}]}]", "segments[0].when[0].is: a measure is compared with an integer"),
        ("segments: [{name: x, when: [{measure: class, below: 3}]}]", "segments[0].when[0].below: a dimension has no order; use is or in"),
        ("segments: [{name: x, when: [{measure: class, in: [A, D]}]}]", "segments[0].when[0].in: must be one of A, B, C"),
        ("segments: [{name: x}]\nservice_levels: {segment: {y: z}}", "service_levels.segment.y: no such segment; name one of segments"),
        ("service_levels: {class: {A: x, B: y}}", "service_levels.class.C: missing; add it"),
        ("cross_sell: {shoes: [default]}", "cross_sell.shoes: no such product group; add it to product_groups"),
        ("cross_sell: {default: [shoes]}", "cross_sell.default[0]: no such product group; add it to product_groups"),
        ("margin_pct: 40.0", "margin_pct: must be an integer"),
        ("margin_pct: yes", "margin_pct: must be an integer"),
        ("margin_pct:", "margin_pct: must be an integer"),
        ("winback: [1]", "winback: must be a section with fields"),
        ("time_zone: /etc/passwd", "time_zone: must be an IANA time zone, like Europe/Amsterdam"),
        ("time_zone: Europe", "time_zone: must be an IANA time zone, like Europe/Amsterdam"),
        ("product_groups: {" + ", ".join(f"g{n}: [c{n}]" for n in range(201)) + "}", "product_groups: more than 200 groups"),
        ("window_days: 999999999999", "window_days: must be at most 7300"),
    ],
)
def test_one_complaint(line: str, expected: str) -> None:
    found = complaints(f"currency: EUR\n{line}\n")
    assert len(found) == 1
    number, _, rest = found[0].removeprefix("policy.yaml:").partition(": ")
    assert 2 <= int(number) <= 3 or "missing" in rest or "horizons" in rest
    assert rest[: len(expected)] == expected


@pytest.mark.parametrize("code", ["ZZZ", "XTS", "XXX"])
def test_three_letters_that_name_no_money(code: str) -> None:
    assert complaints(f"currency: {code}\n")[0].startswith("policy.yaml:1: currency: no currency of ISO 4217 has this code")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "policy.yaml:1: must be a document with fields; `stream-app policy init` writes a template"),
        (b"- EUR", "policy.yaml:1: must be a document with fields; `stream-app policy init` writes a template"),
        (b"a: 1\nb: \xff", "policy.yaml:2: not UTF-8; save the file as UTF-8"),
        (b"currency: EUR\ncurrency: USD", "policy.yaml:2: the key currency occurs twice; keep one"),
        (b"currency: &x EUR\nshop: *x", "policy.yaml:1: references (&name, *name) are not supported; write the value out"),
        (b"currency: EUR\nrhythm: {default: [", "policy.yaml:2: not YAML: expected the node content, but found '<stream end>'"),
        (b"currency: EUR\n--- \ncurrency: USD", "policy.yaml:2: not YAML: but found another document"),
        (b"currency: !!python/name:os.system x", "policy.yaml:1: not YAML: could not determine a constructor for the tag"),
        (b'{"currency": "EUR", "currency": "USD"}', "policy.yaml:1: a key occurs twice in one object; send each key once"),
        (b'{"currency": "EUR",\n"version": 0}', "policy.yaml:2: version: must be at least 1"),
        (b"[" * 5000, "policy.yaml:1: "),
        (b"#" * 1_048_577, "policy.yaml:1: larger than 1 MiB; a policy is a small document"),
        (b"version: 2", "policy.yaml:1: currency: missing; add it"),
    ],
)
def test_texts_that_are_no_policy(text: bytes, expected: str) -> None:
    found = complaints(text)
    assert len(found) == 1
    assert found[0][: len(expected)] == expected


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass")))
def test_any_bytes_give_a_policy_error(content: bytes) -> None:
    try:
        read_policy_document(content, "p")
    except PolicyError as error:
        said = str(error)
    else:
        return
    assert said.startswith("p:")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=4,
)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*(line.split(":")[0] for line in (SKETCH + NOT_COMPUTED_YET).splitlines() if line[0].isalpha())]),
        VALUES,
        max_size=3,
    )
)
def test_any_value_in_any_section_gives_a_policy_error(changes: dict[str, Any]) -> None:
    document = yaml.safe_load(SKETCH + NOT_COMPUTED_YET) | {"live_since": "2026-03-01T00:00:00Z"} | changes
    try:
        read_policy_document(json.dumps(document).encode(), "p")
    except PolicyError as error:
        said = str(error)
    else:
        return
    assert all(line.startswith("p:") for line in said.splitlines())


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"])
def test_an_instant_that_utc_has_no_year_for(moment: str) -> None:
    fix = "name the moment from which reactions are wanted, or leave it out"
    expected = [f"policy.yaml:2: live_since: must lie in the years 1 to 9999 of UTC; {fix}"]
    assert complaints(f"currency: EUR\nlive_since: {moment}\n") == expected


@pytest.mark.parametrize(
    "name", ["posixrules", "Factory", "localtime", "posix/Europe/Amsterdam", "right/Europe/Amsterdam", "posix", "leapseconds"]
)
def test_what_lies_beside_the_zones_is_none(name: str) -> None:
    """Some of it says something else on another machine, or counts leap seconds, so that a worker and a replay would differ."""
    assert complaints(f"currency: EUR\ntime_zone: {name}\n") == [
        "policy.yaml:2: time_zone: must be an IANA time zone, like Europe/Amsterdam"
    ]
