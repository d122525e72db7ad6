"""The recipes of docs/recipes.md, on events that we published, against each tool's documented requests (`recipes/*.json`)."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from jsonschema import Draft202012Validator

from stream_app.domain.facts.state import DIMENSIONS
from stream_app.replay.run import replay
from stream_app.worker.watch import TOPICS
from stream_app.worker.webhooks.endpoints import Endpoint, read_endpoints, read_event
from stream_app.worker.webhooks.queue import Event
from stream_app.worker.webhooks.sender import Sender
from stream_app.worker.webhooks.shape import fill

ROOT = Path(__file__).parents[2]
FIXTURE = max((ROOT / "tests" / "fixtures").glob("state-v*"))
SHAPES = {file.stem: json.loads(file.read_text()) for file in (Path(__file__).parent / "recipes").glob("*.json")}
YEARS_LATER_MS = 1_830_000_000_000
TOOLS = sorted(set(SHAPES) - {"kafka-connect"})
HEADINGS = {"Klaviyo": "klaviyo", "Brevo": "brevo", "HubSpot": "hubspot", "Mautic": "mautic", "Kafka Connect, HTTP sink": "kafka-connect"}


def recipe(tool: str) -> str:
    """The block of configuration under a tool's heading."""
    parts = re.split(r"^## (.+)$", (ROOT / "docs" / "recipes.md").read_text(), flags=re.MULTILINE)
    blocks = {
        HEADINGS[name]: re.findall(r"```(?:yaml|json)\n(.*?)```", text, re.DOTALL)
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    assert set(blocks) == set(SHAPES)
    (block,) = blocks[tool]
    return str(block)


def validator(tool: str) -> Draft202012Validator:
    return Draft202012Validator(SHAPES[tool]["body"], format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What a worker publishes in the topics that webhooks read, for a year of some customers and the silence after it."""
    out = tmp_path_factory.mktemp("recipes") / "out.jsonl"
    replay([FIXTURE / "history.jsonl"], FIXTURE / "policy.yaml", out, YEARS_LATER_MS, processes=1)
    lines = [json.loads(line) for line in out.read_bytes().splitlines()]
    return [json.dumps(line["event"]).encode() for line in lines if line["topic"] in TOPICS]


def endpoints(tool: str, folder: Path) -> list[Endpoint]:
    """The recipe as the command reads it, with the keys in files of ours."""
    secret = folder / "secret"
    secret.write_text(SHAPES[tool]["secret"] + "\n")
    (folder / "webhooks.yaml").write_text(recipe(tool).replace(f"/run/secrets/{tool}", str(secret)))
    return read_endpoints(folder / "webhooks.yaml")


def at(pointer: str, body: Any) -> Any:
    for name in pointer.split("/")[1:]:
        body = body[int(name)] if isinstance(body, list) else body[name]
    return body


@pytest.mark.parametrize("tool", SHAPES)
def test_the_shape_takes_the_documents_own_example(tool: str) -> None:
    Draft202012Validator.check_schema(SHAPES[tool]["body"])
    validator(tool).validate(SHAPES[tool]["example"])


@pytest.mark.parametrize("tool", SHAPES)
def test_the_shape_refuses_a_plain_cloud_event(tool: str, published: list[bytes]) -> None:
    assert not validator(tool).is_valid(json.loads(published[0]))


@pytest.mark.parametrize("tool", TOOLS)
def test_every_request_is_one_that_the_tool_documents(tool: str, published: list[bytes], tmp_path: Path) -> None:
    shape, check = SHAPES[tool], validator(tool)
    for endpoint in endpoints(tool, tmp_path):
        assert endpoint.url == shape["url"]
        for name, pattern in shape["headers"].items():
            assert re.search(pattern, endpoint.sent_headers[name]), name
        taken = [value for value in published if (said := read_event(value)) and endpoint.takes(said)]
        assert {json.loads(value)["type"] for value in taken} == set(endpoint.types or ()), "the history has every type that it asks for"
        for value in taken:
            event, body = json.loads(value), json.loads(fill(endpoint.body, value))
            check.validate(body)
            assert at(shape["identifier"], body) == event["subject"]
            assert "${" not in json.dumps(body)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_value_that_is_lost_is_valid_too(tool: str, published: list[bytes], tmp_path: Path) -> None:
    event = next(event for event in map(json.loads, published) if event["type"] == "status.changed")
    event["data"] |= {"from": None, "to": None}
    status = endpoints(tool, tmp_path)[0]
    for dimension in status.dimensions or DIMENSIONS:
        event["data"]["dimension"] = dimension
        validator(tool).validate(json.loads(fill(status.body, json.dumps(event).encode())))


async def test_what_is_sent_is_what_was_checked(published: list[bytes], tmp_path: Path) -> None:
    got: list[tuple[str, str, dict[str, str], bytes]] = []

    async def answer(request: web.Request) -> web.Response:
        got.append((request.method, request.path, {name.lower(): text for name, text in request.headers.items()}, await request.read()))
        return web.Response(status=202)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        for tool in TOOLS:
            (folder := tmp_path / tool).mkdir()
            (folder / "secret").write_text(SHAPES[tool]["secret"])
            given = yaml.safe_load(recipe(tool).replace(f"/run/secrets/{tool}", str(folder / "secret")))["endpoints"][0]
            path = "/" + given["url"].split("/", 3)[3]
            here = Endpoint.model_validate({**given, "url": f"http://127.0.0.1:{runner.addresses[0][1]}{path}", "allow_private": True})
            value = next(value for value in published if (said := read_event(value)) and here.takes(said))
            async with Sender(here) as sender, asyncio.timeout(10):
                sent = await sender.post(Event(("status-changes", 0, 0), b"k", "id-1", "status.changed", value, 0), 1_700_000_000)
            assert sent.delivered
            method, arrived, headers, body = got[-1]
            assert (method, arrived, body) == ("POST", path, fill(given["body"], value))
            for name, pattern in SHAPES[tool]["headers"].items():
                assert re.search(pattern, headers[name])
            assert "webhook-signature" not in headers, "nothing is signed without a secret"
            assert headers["webhook-id"] == "id-1"
    finally:
        await runner.cleanup()


def test_the_connector_reads_what_was_committed_from_our_topics_and_posts_it_as_it_is() -> None:
    config = json.loads(recipe("kafka-connect"))
    validator("kafka-connect").validate(config)
    given = config["config"]
    assert set(given["topics"].split(",")) <= set(TOPICS)
    assert given["consumer.override.isolation.level"] == "read_committed"
    assert given["http.headers.content.type"] == "application/cloudevents+json"
    assert (given["value.converter"].rpartition(".")[2], given["batching.enabled"]) == ("StringConverter", "false")
