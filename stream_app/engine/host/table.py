"""The table as Faust sees it: a changelog that keeps inputs co-partitioned, and a recovery that the engine runs."""

import asyncio
from typing import TYPE_CHECKING, Any

import faust
from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.recovery import RebalanceAgain, ServiceStopped
from faust.tables.recovery import Recovery as FaustRecovery
from faust.types import TP
from mode import Service

from stream_app.errors import StalledError

if TYPE_CHECKING:
    from stream_app.engine.stream import Engine


class Table(faust.Table[Any, Any]):
    """A registered table whose contents live in the engine's stores, one a partition."""

    def persisted_offset(self, tp: TP) -> int | None:  # noqa: ARG002
        """The engine's stores keep their offsets themselves."""
        return None

    def apply_changelog_batch(self, batch: Any) -> None:
        """Nothing comes this way: the changelog is paused in Faust's client."""


class Recovery(FaustRecovery):
    """Runs the engine's takeover in place of Faust's recovery, which can end in silence or wait for ever."""

    @property
    def _engine(self) -> "Engine":
        engine: Engine = self.app.engine  # type: ignore[attr-defined]
        return engine

    @Service.task
    async def _restart_recovery(self) -> None:
        while not self.should_stop:
            if await self.wait_for_stopped(self.signal_recovery_start.wait()):
                break
            self.signal_recovery_start.clear()
            generation = self._generation_id
            try:
                self._set_recovery_started()
                await self._wait(self._engine.take_over(self.app.consumer.assignment()))
                await self._wait(self.on_recovery_completed(generation))
            except RebalanceAgain:
                continue
            except ServiceStopped:
                break
            except Exception as error:  # noqa: BLE001 - a recovery that failed must end the process, not only this task
                self._engine.fail(error)
                break

    @Service.task
    async def _slurp_changelogs(self) -> None:
        """The restore reads changelogs itself."""

    @Service.task
    async def _publish_stats(self) -> None:
        """The restore reports itself."""

    async def _wait(self, coro: Any, timeout: Any = None) -> None:
        """Wait for `coro`, and give up when the service stops, a new rebalance begins, or time is up.

        Raises:
            RebalanceAgain: another rebalance has begun.
            ServiceStopped: the worker stops.
            StalledError: `timeout` seconds have passed.
        """
        work = asyncio.ensure_future(coro)
        again = asyncio.ensure_future(self.signal_recovery_start.wait())
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            done, _ = await asyncio.wait({work, again, stopped}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if work in done:
                work.result()
            elif stopped in done:
                raise ServiceStopped
            elif again in done:
                raise RebalanceAgain
            else:
                raise StalledError(f"taking partitions over has not ended within {timeout:.0f} s; start the worker again")
        finally:
            for task in (work, again, stopped):
                task.cancel()
            await asyncio.gather(work, again, stopped, return_exceptions=True)


class TableManager(FaustTableManager):
    """Starts at once, and with the recovery above."""

    @property
    def recovery(self) -> FaustRecovery:
        """The recovery service."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Register the table; the stock version sleeps a second first."""
        await asyncio.sleep(0)
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()
