"""The read API in a test: a real server on a free port, over a real database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, web

from stream_app.feed import Topics
from stream_app.web.api.app import build_app
from stream_app.web.api.context import Context
from stream_app.web.api.files import Files
from stream_app.web.history.database import Database
from tests.unit.web.records import MemoryTopics


class Api:
    """Asks a server."""

    def __init__(self, address: str, session: ClientSession, context: Context) -> None:
        self.address = address
        self.session = session
        self.context = context

    async def get(self, path: str, answered: int = 200, /, **parameters: Any) -> Any:
        """The JSON answer, of this status."""
        async with self.session.get(f"{self.address}/api/v1/{path}", params=parameters) as response:
            document = await response.json(content_type=None)
            assert response.status == answered, document
            return document

    async def post(self, path: str, body: Any, status: int = 200, **parameters: Any) -> Any:
        """The JSON answer to a JSON body."""
        async with self.session.post(f"{self.address}/api/v1/{path}", json=body, params=parameters) as response:
            document = await response.json(content_type=None)
            assert response.status == status, document
            return document


@asynccontextmanager
async def api(
    database: Database, topics: Topics | None = None, *, token: str | None = None, per_second: int = 100_000, files: Files | None = None
) -> AsyncIterator[Api]:
    """The API, served."""
    context = Context(database, topics or MemoryTopics())
    runner = web.AppRunner(build_app(context, token, per_second, files), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession() as session:
        try:
            yield Api(f"http://127.0.0.1:{runner.addresses[0][1]}", session, context)
        finally:
            await runner.cleanup()
            context.close()
