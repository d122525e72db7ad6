"""The stream of changes: resumed by number, and ended when it cannot be gone on with, so that its reader comes back."""

import asyncio
import json
from typing import Any

import pytest
from pg8000.exceptions import InterfaceError
from sqlalchemy import Connection

from stream_app.web.history.database import Database
from tests.unit.web.serving import Api, api
from tests.unit.web.test_filling import lives


async def test_the_stream_goes_on_after_the_last_event_that_came(database: Database) -> None:
    log = lives()
    log.into(database)
    async with api(database) as ask:
        first = await _listen(ask, {}, after=0)
        assert [one["sequence"] for one in first["changes"]] == [1, 2, 1, 3, 4, 2]
        waiting = asyncio.create_task(_listen(ask, {"Last-Event-ID": str(first["changes"][-1]["number"])}))
        log.changed("b", 3, "lifecycle", "inactive", "active", day=70)
        log.into(database)
        ask.context.tell()
        assert [(one["customer"], one["sequence"]) for one in (await waiting)["changes"]] == [("b", 3)]
        few = await _listen(ask, {}, after=0, per_second=2)
        assert ([one["sequence"] for one in few["changes"]], few["left_out"]) == ([2, 3], 5)
        async with ask.session.get(f"{ask.address}/api/v1/stream", headers={"Last-Event-ID": "x"}) as response:
            assert response.status == 400


@pytest.mark.parametrize("given", [{}, {"Last-Event-ID": "999999"}], ids=["none", "of another database"])
async def test_the_stream_says_at_once_where_it_can_be_resumed(sqlite: Database, given: dict[str, str]) -> None:
    lives().into(sqlite)
    async with api(sqlite) as ask, ask.session.get(f"{ask.address}/api/v1/stream", headers=given) as response:
        assert await response.content.readuntil(b"\n\n") == b"retry: 1000\nid: 6\n\n"


async def test_what_a_long_gap_leaves_out_is_known_by_numbers(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    lives().into(sqlite)
    monkeypatch.setattr("stream_app.web.api.stream._COUNTED_MAX", 3)
    async with api(sqlite) as ask:
        few = await _listen(ask, {}, after=0, per_second=2)
    assert ([one["sequence"] for one in few["changes"]], few["left_out"]) == ([4, 2], 4)


@pytest.mark.parametrize("error", [InterfaceError("network error"), KeyError("unforeseen")], ids=["the driver's own", "unforeseen"])
async def test_what_fails_in_the_middle_ends_the_stream(sqlite: Database, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second answer inside the first is read by nobody: the reader would wait for ever."""
    struck = 0

    def fails(*_: Any, **__: Any) -> Any:
        nonlocal struck
        struck += 1
        raise error

    async with api(sqlite) as ask, ask.session.get(f"{ask.address}/api/v1/stream") as response:
        await response.content.readuntil(b"event: pulse")
        monkeypatch.setattr("stream_app.web.api.stream._next", fails)
        async with asyncio.timeout(20):
            rest = await response.content.read()
    assert struck == 1
    assert b"HTTP" not in rest


async def test_errors_of_the_driver_are_a_database_that_is_away(sqlite: Database) -> None:
    def fails(_: Connection) -> Any:
        raise InterfaceError("network error")

    async with api(sqlite) as ask:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("stream_app.web.history.shops.all_shops", fails)
            assert "does not answer" in (await ask.get("overview", 503))["detail"]


async def _listen(ask: Api, headers: dict[str, str], **parameters: int) -> Any:
    """The first changes of a stream."""
    async with ask.session.get(f"{ask.address}/api/v1/stream", headers=headers, params=parameters) as response:
        kind = ""
        async with asyncio.timeout(20):
            async for line in response.content:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    kind = text.removeprefix("event: ")
                elif text.startswith("data: ") and kind == "changes":
                    return json.loads(text.removeprefix("data: "))
    raise AssertionError("the stream has ended")
