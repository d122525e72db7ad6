"""The process of `stream-app webhooks`: one courier for each endpoint, while it is the process that delivers, until a signal comes."""

import asyncio
import signal
from collections.abc import Sequence
from typing import Any

from stream_app.settings import Settings
from stream_app.telemetry.logs import configure_logging, get_logger
from stream_app.telemetry.server import MetricsServer
from stream_app.telemetry.webhooks import WebhookMetrics
from stream_app.worker.cluster import partitions_of, producer, reader
from stream_app.worker.preflight import lock_data_dir
from stream_app.worker.topics import webhook_retries_name
from stream_app.worker.watch import TOPICS
from stream_app.worker.webhooks.courier import Courier
from stream_app.worker.webhooks.endpoints import Endpoint
from stream_app.worker.webhooks.leader import Leader, end
from stream_app.worker.webhooks.retries import gone_key

_log = get_logger(__name__)


def run_webhooks(settings: Settings, endpoints: Sequence[Endpoint]) -> None:
    """Deliver until SIGTERM or SIGINT; what is on its way then is waited for.

    Raises:
        Failure: another process has the data directory, the broker does not answer, a topic is missing, or the metrics port cannot be
            bound.
    """
    configure_logging(settings.log_format, settings.log_level)
    lock_data_dir(settings.data_dir / "webhooks")  # the group knows us by a name that is made of it
    asyncio.run(_run(settings, endpoints))


async def enable(settings: Settings, name: str) -> None:
    """Forget that an endpoint said 410."""
    async with producer(settings) as client:
        await client.send_and_wait(settings.topic(webhook_retries_name(settings)), None, key=gone_key(name), partition=0)


class _Couriers:
    """The couriers of this process while it delivers."""

    def __init__(self, settings: Settings, endpoints: Sequence[Endpoint], metrics: WebhookMetrics) -> None:
        self._settings = settings
        self._endpoints = endpoints
        self._metrics = metrics
        self._running: list[tuple[Courier, asyncio.Task[None]]] = []
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        """Begin to deliver."""
        _log.info("webhooks started", endpoints=len(self._endpoints))
        for endpoint in self._endpoints:
            courier = Courier(self._settings, endpoint, self._metrics)
            task = asyncio.create_task(courier.run(), name=f"webhooks {endpoint.name}")
            task.add_done_callback(self._ended)
            self._running.append((courier, task))

    async def stop(self) -> None:
        """Begin nothing more, and wait for what is on its way."""
        running, self._running = self._running, []
        for courier, _ in running:
            courier.stop()
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)

    def waits_for(self) -> str | None:
        """What is not ready yet; a process that stands by is."""
        late = sum(not courier.ready for courier, _ in self._running)
        return f"{late} endpoints are not connected to the broker" if late else None

    def _ended(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.failed.done():
            self.failed.set_exception(error)  # our own mistake: the process ends, and says so


async def _run(settings: Settings, endpoints: Sequence[Endpoint]) -> None:
    async with reader(settings) as client:
        await partitions_of(client, settings, *TOPICS, webhook_retries_name(settings))
    metrics = WebhookMetrics()
    couriers = _Couriers(settings, endpoints, metrics)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    server = None
    if settings.metrics_port:
        host, port = settings.metrics_host, settings.metrics_port
        server = MetricsServer(metrics, host, port, waits_for=couriers.waits_for, alive=lambda: True)
    leading = asyncio.create_task(Leader(settings, couriers.start, couriers.stop).run(), name="webhooks leader")
    waiting = asyncio.create_task(stopped.wait())
    try:
        # Also when every endpoint is gone we stay: a supervisor would start us again.
        ends: list[asyncio.Future[Any]] = [leading, couriers.failed]
        await asyncio.wait([waiting, *ends], return_when=asyncio.FIRST_COMPLETED)
        for ended in ends:
            if ended.done():
                await ended
    finally:
        waiting.cancel()
        leading.cancel()
        await couriers.stop()
        await end(leading)
        await couriers.stop()  # what was started meanwhile
        if server is not None:
            server.close()
