"""The published schemas are current, and say what the program does: no more is accepted, nothing else is published."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from stream_app.codec.events import decode_record
from stream_app.codec.policy import encode_policy_document, read_policy_document
from stream_app.codec.schemas import SUFFIX, check_schemas, make_schemas, write_schemas
from stream_app.codec.schemas.asyncapi import make_asyncapi
from stream_app.domain.events import EVENT_TYPES, Event
from stream_app.replay.run import replay
from tests.oracle.histories import history
from tests.unit.codec.samples import DATA, envelope
from tests.unit.codec.test_policy import NOT_COMPUTED_YET, SKETCH
from tests.unit.codec.test_rejections import DATA_CASES

SCHEMAS = make_schemas()
VALIDATORS = {
    name.removesuffix(SUFFIX): Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for name, schema in SCHEMAS.items()
}
REPOSITORY = Path(__file__).parents[3]


def test_the_files_are_current() -> None:
    assert check_schemas(REPOSITORY / "schemas") == [], "run `stream-app schemas`"


def test_drift_is_found_and_mended(tmp_path: Path) -> None:
    directory = tmp_path / "schemas"
    assert write_schemas(directory) == sorted([*SCHEMAS, "asyncapi.json"])
    assert check_schemas(directory) == []
    (directory / f"order.placed{SUFFIX}").write_text("{}")
    (directory / f"order.lost{SUFFIX}").write_text("{}")
    (directory / f"policy{SUFFIX}").unlink()
    stale = [f"order.lost{SUFFIX}", f"order.placed{SUFFIX}", f"policy{SUFFIX}"]
    assert check_schemas(directory) == stale
    assert write_schemas(directory) == stale
    assert check_schemas(directory) == []


def test_asyncapi_refers_to_what_is_there() -> None:
    document = make_asyncapi(SUFFIX)
    messages = document["components"]["messages"]
    assert {message["payload"]["schema"]["$ref"].removeprefix("./") for message in messages.values()} == set(SCHEMAS) - {
        f"envelope{SUFFIX}"
    }
    for name, channel in document["channels"].items():
        assert document["operations"][name]["channel"] == {"$ref": f"#/channels/{name}"}
        for kind, message in channel["messages"].items():
            assert kind == "rejected" or (message == {"$ref": f"#/components/messages/{kind}"} and kind in messages)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_samples_are_valid(event_type: str) -> None:
    for extra in ({}, {"traceparent": "x"}):
        VALIDATORS[event_type].validate(envelope(event_type) | extra)
        VALIDATORS["envelope"].validate(envelope(event_type) | extra)


# JSON Schema takes 1.0 for an integer.
STRUCTURAL = [case for case in DATA_CASES if not isinstance(case[1].get("total_minor"), float)]


@pytest.mark.parametrize(("event_type", "changes", "detail"), STRUCTURAL)
def test_rejected_data_is_invalid(event_type: str, changes: dict[str, Any], detail: str) -> None:
    assert not VALIDATORS[event_type].is_valid(envelope(event_type, data={**(DATA[event_type] or {}), **changes})), detail


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-(2**53), -(2**53) + 1, -1, 0, 1, 2, 100, 101, 2**53 - 1, 2**53]),
    st.sampled_from([0.5, -1.5]),
    st.sampled_from(["", "x", "x" * 128, "x" * 129, "a/b", "a\nb", "EUR", "email", "outbound", "positive", "brochure", "idea", "a\u0085"]),
)
LINE = st.fixed_dictionaries(
    {}, optional={"sku": SCALARS, "quantity": SCALARS, "total_minor": SCALARS, "category": SCALARS, "extra": SCALARS}
)
TIMES = st.sampled_from(
    [
        *(
            "2026-03-01T10:15:00+01:00",
            "2026-03-01t10:15:00z",
            "2026-03-01T10:15:00.123456789Z",
            "0000-01-01T00:00:00-23:59",
            "2016-12-31T23:59:60Z",
        ),
        *(
            "2026-03-01",
            "2026-03-01T10:15:00",
            "2026-03-01 10:15:00Z",
            "2026-13-01T10:15:00Z",
            "2026-03-32T10:15:00Z",
            "2026-03-01T24:00:00Z",
        ),
        *(
            "2026-03-01T10:15Z",
            "2026-03-01T10:15:61Z",
            "2026-03-01T10:15:00.Z",
            "2026-03-01T10:15:00+24:00",
            "2026-03-01T10:15:00+0100",
            "now",
            "",
            5,
        ),
    ]
)
VALUES = st.one_of(
    SCALARS, TIMES, st.lists(SCALARS | LINE, max_size=2), st.dictionaries(st.sampled_from(["a", "x" * 129, ""]), SCALARS, max_size=2)
)


@settings(deadline=None, max_examples=500)
@given(st.sampled_from(sorted(EVENT_TYPES)), st.data())
def test_a_schema_accepts_what_the_decoder_accepts(event_type: str, data: st.DataObject) -> None:
    fields = sorted({*(DATA[event_type] or {}), *VALIDATORS[event_type].schema["properties"]["data"]["properties"]})
    changes = data.draw(st.dictionaries(st.sampled_from([*fields, "extra"]), VALUES, max_size=2))
    dropped = data.draw(st.sets(st.sampled_from([*fields, "extra"]), max_size=1))
    content = {name: value for name, value in {**(DATA[event_type] or {}), **changes}.items() if name not in dropped}
    event = envelope(event_type) | {"data": data.draw(st.sampled_from([content, content, content, None, 5, []]))}
    event |= data.draw(st.dictionaries(st.sampled_from(["id", "subject", "specversion", "extra"]), SCALARS, max_size=1))
    event |= data.draw(st.dictionaries(st.just("time"), TIMES, max_size=1))
    accepted = isinstance(decode_record(None, json.dumps(event).encode(), (), 0), Event)
    assert VALIDATORS[event_type].is_valid(event) == accepted, event


@pytest.mark.parametrize("text", [SKETCH, SKETCH + NOT_COMPUTED_YET, "currency: EUR"])
def test_policies_are_valid(text: str) -> None:
    VALIDATORS["policy"].validate(json.loads(encode_policy_document(read_policy_document(text.encode(), "p"))))


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "eur"},
        {"version": 0},
        {"extra": 1},
        {"rhythm": {"default": {"method": "fixed", "days": 0}}},
        {"rhythm": {"default": {"method": "magic"}}},
        {"criteria": [{"measure": "orders", "bands": {}}]},
        {"criteria": [{"measure": "orders", "bands": {"one": 1}}]},
        {"labels": {"A": "x", "B": "y"}},
        {"segments": [{"name": "x", "when": [{"measure": "score"}]}]},
        {"segments": [{"name": "x", "when": [{"measure": "score", "is": 1, "below": 2}]}]},
    ],
)
def test_unusable_policies_are_invalid(change: dict[str, Any]) -> None:
    document = yaml.safe_load("currency: EUR") | change
    assert not VALIDATORS["policy"].is_valid(document)


@pytest.mark.parametrize("seed", range(12))
def test_everything_that_is_published_is_valid(tmp_path: Path, seed: int) -> None:
    told = history(seed, shuffled=bool(seed % 2))
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in told.events))
    (tmp_path / "policy.json").write_text(json.dumps(told.document))
    replay([tmp_path / "events.jsonl"], tmp_path / "policy.json", tmp_path / "out.jsonl", processes=1)
    seen = set()
    for line in (tmp_path / "out.jsonl").read_text().splitlines():
        published = json.loads(line)
        if published["topic"] != "dead-letters":
            event = published["event"]
            VALIDATORS[event["type"]].validate(event)
            seen.add(event["type"])
    assert {"status.changed", "customer.profile"} <= seen
