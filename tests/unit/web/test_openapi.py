"""The OpenAPI document is true: schemathesis asks what it allows and what it does not, and holds every answer against it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from stream_app.web.api.openapi import openapi_document
from stream_app.web.history.database import Database
from tests.unit.web.serving import api
from tests.unit.web.test_filling import lives
from tests.unit.web.test_trial import HISTORY, topics

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
schema = schemathesis.openapi.from_dict(openapi_document()).exclude(path="/api/v1/stream")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in a thread of its own, over a database with a few customers."""
    directory: Path = tmp_path_factory.mktemp("openapi")
    database = Database("", directory)
    lives().into(database)
    found: list[str] = []
    ready, loop, end = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with api(database, topics(HISTORY)) as ask:
            found.append(ask.address)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(20)
    yield found[0]
    loop.call_soon_threadsafe(end.set)
    thread.join(20)
    loop.close()
    database.close()


@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_the_document_says(case: schemathesis.Case[Any], address: str) -> None:
    case.call_and_validate(base_url=address, checks=CHECKS)


def test_the_document_is_openapi_and_names_every_path() -> None:
    document = openapi_document()
    assert json.loads(json.dumps(document)) == document
    assert document["openapi"].startswith("3.1")
    assert len(document["paths"]) == 12
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert {"200", "400", "401", "403", "429", "503"} <= set(operation["responses"]), path
