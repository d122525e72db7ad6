"""One process delivers at a time: two would send everything twice, and a customer's events out of order.

All of them are in one consumer group, and the one that gets the only partition of the retries delivers. The others stand by. A process
that gives it up ends its couriers first; one that is killed is waited for as long as a session lasts, unless it starts again itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from stream_app.engine.connection import client_options
from stream_app.settings import Settings
from stream_app.telemetry.logs import get_logger
from stream_app.worker.topics import webhook_retries_name

_POLL_MS: Final = 250
_AGAIN_S: Final = 1.0
_STOP_S: Final = 2.0
_CANCEL_S: Final = 0.2
_log: Final = get_logger(__name__)


async def end(task: "asyncio.Task[Any]") -> None:
    """Cancel a task until it has ended, whatever it ends with.

    Once is not enough: in Python 3.11 `wait_for`, which the client uses, loses a cancel that comes together with the result.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_CANCEL_S)


class Leader(ConsumerRebalanceListener):  # type: ignore[misc]
    """Takes part in the group, and starts and stops the couriers by what the group says."""

    def __init__(self, settings: Settings, start: Callable[[], None], stop: Callable[[], Awaitable[None]]) -> None:
        """`start` is called when we are to deliver; `stop` when we are no longer, and returns when nothing is under way."""
        self._settings = settings
        self._start = start
        self._stop = stop
        self.leads = False
        self._closing = False

    async def run(self) -> None:
        """Take part until it is cancelled; a broker that is away is waited for."""
        while True:
            consumer = self._consumer()
            try:
                await consumer.start()
                consumer.subscribe([self._settings.topic(webhook_retries_name(self._settings))], listener=self)
                while True:  # nothing is read; only who asks stays in the group
                    consumer.pause(*consumer.assignment())
                    await consumer.getmany(timeout_ms=_POLL_MS)
                    await asyncio.sleep(_POLL_MS / 1000)
            except (KafkaError, OSError) as error:
                _log.warning("webhooks stand by: the broker is lost", error=type(error).__name__)
                await self.on_partitions_revoked(())
                await asyncio.sleep(_AGAIN_S)
            except asyncio.CancelledError:
                self._closing = True  # the client may still be given the partition while it stops
                raise
            finally:
                stopping = asyncio.create_task(consumer.stop())
                await asyncio.wait({stopping}, timeout=_STOP_S)  # it waits for a rebalance that is under way, which may take a session
                await end(stopping)

    async def on_partitions_revoked(self, _revoked: Collection[TopicPartition]) -> None:
        """Others may deliver from now on, so nothing of ours may be under way."""
        if self.leads:
            self.leads = False
            await self._stop()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Deliver, if it is us."""
        if self._closing:
            return
        if assigned and not self.leads:
            self.leads = True
            self._start()
        elif not assigned:
            _log.info("webhooks started to stand by: another process delivers")

    def _consumer(self) -> Any:
        return AIOKafkaConsumer(
            **client_options(self._settings),
            client_id="stream-app",
            group_id=f"{self._settings.id}-webhooks",
            group_instance_id=f"{self._settings.instance}-webhooks",
            session_timeout_ms=self._settings.session_timeout_ms,
            heartbeat_interval_ms=max(100, self._settings.session_timeout_ms // 10),
            enable_auto_commit=False,
            auto_offset_reset="latest",
        )
