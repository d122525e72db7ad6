"""Brokers under test: the embedded Kafka with a second door that advertises the address of a proxy."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stream_app.demo.broker import HOST, EmbeddedBroker, free_port
from stream_app.settings import load_settings


class TwoDoorBroker(EmbeddedBroker):
    """The embedded broker; who comes in by `side_port` is told to come back to `proxy_port`."""

    side_port = 0
    proxy_port = 0

    def _configure(self) -> Path:
        config = super()._configure()
        self.side_port = self.side_port or free_port(self.port)
        self.proxy_port = self.proxy_port or free_port(self.port, self.side_port)
        text = config.read_text(encoding="utf-8")
        for name, more in (
            ("listeners=", f"SIDE://{HOST}:{self.side_port}"),
            ("advertised.listeners=", f"SIDE://{HOST}:{self.proxy_port}"),
            ("listener.security.protocol.map=", "SIDE:PLAINTEXT"),
        ):
            text = text.replace(f"\n{name}", f"\n{name}{more},")
        config.write_text(text + "inter.broker.listener.name=PLAINTEXT\n", encoding="utf-8")
        return config


@asynccontextmanager
async def broker_on(tmp_path: Path, port: int) -> AsyncIterator[EmbeddedBroker]:
    """A broker that this test may kill."""
    broker = EmbeddedBroker(tmp_path / "kafka", load_settings().cache_dir, port)
    await asyncio.to_thread(broker.start)
    try:
        yield broker
    finally:
        await asyncio.to_thread(broker.stop)
