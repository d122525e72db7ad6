"""`ingest` in a test: a real server on a free port, over a log in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

from aiohttp import ClientSession, web

from stream_app.errors import BrokerUnavailableError
from stream_app.feed import Entry
from stream_app.telemetry.ingest import IngestMetrics
from stream_app.web.ingest.app import build_ingest
from stream_app.web.ingest.keys import Access, read_access
from stream_app.web.ingest.openapi import openapi_document
from stream_app.web.ingest.wire import set_up

KEY, OTHER_KEY = "acme-" + "k" * 20, "other-" + "k" * 20
SHOPIFY_SECRET, WOO_SECRET = "shpss_0123456789abcdef", "woo secret of twenty chars"
KEYS = {
    "acme": {"keys": [KEY], "shopify": SHOPIFY_SECRET, "woocommerce": WOO_SECRET},
    "other": {"keys": [OTHER_KEY], "events_per_s": 5},
}
STATUSES = {path: set(methods["post"]["responses"]) for path, methods in openapi_document()["paths"].items()}


class MemoryLog:
    """Keeps what it is given; `is_away`: never says that it is stored; while `held` is not set, it keeps its word back."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.waiting_bytes = 0
        self.is_away = False
        self.held = asyncio.Event()
        self.held.set()
        self.asked = asyncio.Event()

    def waits_for(self) -> str | None:
        return "Kafka" if self.is_away else None

    async def append(self, entries: Sequence[Entry]) -> None:
        if self.is_away:
            raise BrokerUnavailableError("away")
        self.asked.set()
        await self.held.wait()
        self.entries += entries

    def events(self) -> list[Any]:
        return [json.loads(entry.value) for entry in self.entries]


class Door:
    """Knocks."""

    def __init__(self, address: str, session: ClientSession, log: MemoryLog, metrics: IngestMetrics) -> None:
        self.address, self.session, self.log, self.metrics = address, session, log, metrics

    async def post(self, path: str, body: Any, kind: str | None = "application/json", key: str | None = KEY, **headers: str) -> Any:
        """Status and document; the status must be one that the OpenAPI document names."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if kind is not None:
            given["Content-Type"] = kind
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        skip = ["Content-Type"] if kind is None else []
        async with self.session.post(self.address + path, data=BytesIO(data), headers=given, skip_auto_headers=skip) as response:
            document = await response.json(content_type=None)
            named = "/v1/webhooks/{platform}/{shop}" if path.startswith("/v1/webhooks/") else path
            assert str(response.status) in STATUSES[named], document
            self.retry_after = response.headers.get("Retry-After")
            self.answer_type = response.content_type
            return response.status, document

    def counted(self, name: str, **labels: str) -> float:
        """What a metric stands at."""
        return self.metrics.registry.get_sample_value(f"customer_status_ingest_{name}", labels) or 0.0


@asynccontextmanager
async def door(
    access: Access | str | None = "keys", *, per_second: int = 100_000, waiting_bytes_max: int = 64 << 20
) -> AsyncIterator[Door]:
    """A server with the keys above, or with `access`."""
    log, metrics = MemoryLog(), IngestMetrics()
    who = read_access(json.dumps(KEYS).encode(), per_second) if isinstance(access, str) else access
    app = build_ingest(log, who, metrics, per_second=per_second, waiting_bytes_max=waiting_bytes_max)
    runner = await set_up(app, 0.1)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession() as session:
        try:
            yield Door(f"http://127.0.0.1:{runner.addresses[0][1]}", session, log, metrics)
        finally:
            log.held.set()
            await runner.cleanup()
