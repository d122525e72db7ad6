"""Bodies from templates: what is filled in how, and what is refused before anything is sent."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stream_app.worker.webhooks.endpoints import Endpoint
from stream_app.worker.webhooks.shape import fill
from tests.unit.worker.test_webhook_endpoints import endpoint

EVENT = json.dumps(
    {
        "specversion": "1.0",
        "id": "i-1",
        "source": "/shops/acme",
        "type": "status.changed",
        "subject": 'c/"42" ${id}',
        "time": "2026-03-01T09:15:00.000Z",
        "origin": "live",
        "data": {"dimension": "class", "from": None, "to": "A", "sequence": 7, "reason": {"code": "x", "measures": {"score": 81}}},
    }
).encode()


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ({}, {}),
        ({"a": 1, "b": [True, None, 1.5], "c": {"d": "plain"}}, {"a": 1, "b": [True, None, 1.5], "c": {"d": "plain"}}),
        ({"a": "${id}", "b": "${shop}", "c": "${data.sequence}"}, {"a": "i-1", "b": "acme", "c": 7}),
        ({"a": "no. ${data.sequence} of ${shop}"}, {"a": "no. 7 of acme"}),
        (
            {"a": "${data.from}", "b": "${data.from:-none}", "c": "${data.from:-}", "d": "[${data.from}]"},
            {"a": None, "b": "none", "c": "", "d": "[]"},
        ),
        ({"a": "${data.reason.measures}", "b": "${data.reason.measures.score} points"}, {"a": {"score": 81}, "b": "81 points"}),
        ({"a": "${data.reason.nothing.here}", "b": "${data.to.deeper:-x}"}, {"a": None, "b": "x"}),
        ({"status_${data.dimension}": "${data.to}"}, {"status_class": "A"}),
        ({"a": "${subject}"}, {"a": 'c/"42" ${id}'}),
        ({"a": "<${subject}>"}, {"a": '<c/"42" ${id}>'}),
        ({"a": "$5 {b} $id"}, {"a": "$5 {b} $id"}),
    ],
)
def test_what_a_template_becomes(template: dict[str, Any], body: dict[str, Any]) -> None:
    assert json.loads(fill(endpoint(body=template).body, EVENT)) == body


DEEP: list[Any] = []
DEEP.append(DEEP)
WIDE: list[Any] = ["x"] * 30


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("text", "must be a mapping"),
        ({"a": "${nothing}"}, "there is no ${nothing}"),
        ({"a": "${specversion}"}, "there is no ${specversion}"),
        ({"a": "${id.more}"}, "there is no ${id.more}"),
        ({"a": "${data}"}, "there is no ${data}"),
        ({"a": "${data.dimensoin}"}, "no event of these types has ${data.dimensoin}"),
        ({"${data.dimensoin}": 1}, "no event of these types has ${data.dimensoin}"),
        ({"a": "${id"}, "a place is"),
        ({"a": "${}"}, "a place is"),
        ({"a": "${__import__('os')}"}, "a place is"),
        ({"a": "${data.to:-${id}}"}, "a place is"),
        ({1: "a"}, "every name must be a text"),
        ({"a": DEEP}, "deeper than"),
        ({"a": [WIDE] * 30}, "more than 500 parts"),
    ],
)
def test_a_template_that_cannot_be_used(template: Any, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        endpoint(body=template)
    assert said in str(refused.value)


def test_only_fields_of_the_types_that_it_gets() -> None:
    assert endpoint(types=["winback.opened"], body={"a": "${data.budget_minor}"})
    with pytest.raises(ValidationError, match="no event of these types"):
        endpoint(types=["status.changed"], body={"a": "${data.budget_minor}"})


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Host": "x"}, "cannot be set"),
        ({"webhook-id": "x"}, "cannot be set"),
        ({"content-length": "1"}, "cannot be set"),
        ({"a b": "x"}, "cannot be set"),
        ({"a": "x\r\nb: y"}, "one line"),
        ({"a": ""}, "one line"),
    ],
)
def test_headers_that_cannot_be_set(headers: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        endpoint(headers=headers)
    assert said in str(refused.value)


def test_a_key_in_a_file_is_sent_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("Bearer hush-hush\n")
    given = {"name": "crm", "url": "https://x.example/", "header_files": {"Authorization": tmp_path / "key"}, "headers": {"X-A": "b"}}
    one = Endpoint.model_validate(given)
    assert one.sent_headers == {"authorization": "Bearer hush-hush", "x-a": "b", "content-type": "application/cloudevents+json"}
    assert "hush" not in repr(one)
    with pytest.raises(ValidationError, match="cannot be read"):
        Endpoint.model_validate({**given, "header_files": {"authorization": tmp_path / "none"}})
    (tmp_path / "key").write_text("hush\nhush")
    with pytest.raises(ValidationError, match="one line") as refused:
        Endpoint.model_validate(given)
    assert "hush" not in str(refused.value)
