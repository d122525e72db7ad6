"""Changes in words: when a language is asked for, and only then."""

import asyncio
from typing import Any

from stream_app.web.history.database import Database
from tests.unit.web.records import Log
from tests.unit.web.serving import api


async def test_changes_are_told_in_the_language_that_is_asked_for(database: Database) -> None:
    log = Log()
    log.changed("c-1", 1, "lifecycle", None, "active", day=1)
    log.into(database)
    async with api(database) as ask:

        async def told(path: str, **parameters: Any) -> Any:
            return (await ask.get(path, **parameters))["changes"][0]

        for path, about in (("changes", {}), ("customer", {"id": "c-1"}), ("customer/changes", {"id": "c-1"})):
            plain = await told(path, **about)
            assert "says" not in plain
            english, dutch = [(await told(path, **about, language=code))["says"] for code in ("en", "nl")]
            assert english[0].startswith("because ")
            assert dutch[0].startswith("want ")
            assert len(dutch) == len(english) >= 2
            assert await told(path, **about, language="nl") == plain | {"says": dutch}
            in_euros = (await told(path, **about, language="nl", currency="EUR"))["says"]
            assert "123456" in dutch[0]
            assert "1.234,56 EUR" in in_euros[0]
            assert await told(path, **about, currency="EUR") == plain
        refused = await ask.get("changes", 400, language="de")
        assert refused["field"] == "language"
        refused = await ask.get("changes", 400, language="en", currency="euro")
        assert (refused["field"], "ISO 4217" in refused["detail"] + refused.get("fix", "")) == ("currency", True)


async def test_the_stream_tells_them_too(database: Database) -> None:
    log = Log()
    log.changed("c-1", 1, "lifecycle", None, "active", day=1)
    log.into(database)
    asked = {"language": "nl", "after": "0", "per_second": "5"}
    async with api(database) as ask, asyncio.timeout(10), ask.session.get(f"{ask.address}/api/v1/stream", params=asked) as answer:
        async for line in answer.content:
            if line.startswith(b'data: {"changes"'):
                assert b'"says":["want ' in line
                break
