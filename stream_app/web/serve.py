"""The process of `stream-app serve`: the database, what fills it, and what answers from it."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from aiohttp import web

from stream_app.errors import BrokerUnavailableError, ConfigError, Failure, TopicError
from stream_app.feed import Topics
from stream_app.settings import Settings, read_serve_token
from stream_app.telemetry.logs import get_logger
from stream_app.web.api.app import build_app
from stream_app.web.api.context import Context
from stream_app.web.api.guard import is_loopback
from stream_app.web.history.changes import newest_number
from stream_app.web.history.database import LOST, Database
from stream_app.web.history.filling import Filling

_PULSE_S: Final = 1.0
_SMOOTH_S: Final = 3.0
_SHUTDOWN_S: Final = 2.0
_log: Final = get_logger(__name__)


def check_serving(settings: Settings) -> str | None:
    """The token that requests must bear; None when only this machine can reach us.

    Raises:
        ConfigError: others could reach us, and there is no token.
    """
    token = read_serve_token(settings)
    if token is None and not is_loopback(settings.serve_host):
        raise ConfigError(
            f"STREAM_APP_SERVE_TOKEN: missing, and {settings.serve_host} can be reached by others; expected: a secret of at least 16 bytes"
        )
    return token


@asynccontextmanager
async def serving(
    settings: Settings, topics: Topics, mount: Callable[[web.Application], None] | None = None
) -> AsyncIterator[tuple[str, "asyncio.Task[None]"]]:
    """Serve until the block ends; gives the page's address, and the task that fills the database, which ends by failing alone.

    Raises:
        ConfigError: the token is missing, or the database's URL is wrong.
        Failure: the port cannot be bound, or the database not be used.
    """
    token = check_serving(settings)
    secret = None if settings.history_url is None else settings.history_url.get_secret_value()
    database = await asyncio.to_thread(Database, secret or "", settings.data_dir)
    tasks: list[asyncio.Task[None]] = []
    context: Context | None = None
    runner: web.AppRunner | None = None
    try:
        context = Context(database, topics)
        filling = Filling(database, topics, context.tell)
        context.waits_for = lambda: filling.waits_for
        app = build_app(context, token, settings.serve_rate)
        if mount is not None:
            mount(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S, handle_signals=False)
        await runner.setup()
        tasks = [asyncio.create_task(filling.run(), name="filling"), asyncio.create_task(_feel_pulse(context), name="pulse")]
        yield await bind(runner, settings.serve_host, settings.serve_port, "serve"), tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if runner is not None:
            await runner.cleanup()
        if context is not None:
            context.close()
        await asyncio.to_thread(database.close)


async def serve(settings: Settings, topics: Topics, say: Callable[[str], None]) -> None:
    """Serve until a signal comes.

    Args:
        settings: where to bind, which database, which topics.
        topics: the topics.
        say: is told the page's address once it answers.

    Raises:
        ConfigError: the token is missing, or the database's URL is wrong.
        Failure: the port cannot be bound, the database not be used, or it was filled from other topics.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serving(settings, topics) as (address, filling):
        say(f"the page is at {address}, the API under {address}api/v1/; Ctrl-C stops it")
        waiting = asyncio.create_task(stopped.wait())
        await asyncio.wait([waiting, filling], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if filling.done():
            filling.result()


async def bind(runner: web.AppRunner, host: str, port: int, command: str) -> str:
    """Listen; gives the address.

    Raises:
        Failure: the port cannot be bound.
    """
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        raise Failure(f"{command}: {host}:{port} cannot be bound ({error.strerror}): give another with --host and --port") from None
    bound = runner.addresses[0]
    shown = f"[{bound[0]}]" if ":" in str(bound[0]) else bound[0]
    return f"http://{shown}:{bound[1]}/"


async def _feel_pulse(context: Context) -> None:
    """Measure about once a second how fast it goes."""
    tempo = context.tempo
    while True:
        samples: list[tuple[float, int, int]] = []
        try:
            async for pulse in context.topics.pulses():
                tempo.pulse, tempo.lag_records = pulse, pulse.lag_records
                with suppress(*LOST):
                    number = await asyncio.to_thread(_newest, context.database)
                    samples.append((time.monotonic(), pulse.applied, number))
                while len(samples) > 2 and samples[-1][0] - samples[0][0] > _SMOOTH_S:
                    del samples[0]
                if len(samples) > 1:
                    (then, events, changes), (now, events_now, changes_now) = samples[0], samples[-1]
                    tempo.events_per_second = round(max(0, events_now - events) / (now - then), 1)
                    tempo.changes_per_second = round(max(0, changes_now - changes) / (now - then), 1)
                await asyncio.sleep(_PULSE_S)
        except (BrokerUnavailableError, TopicError):
            tempo.pulse = tempo.lag_records = tempo.events_per_second = tempo.changes_per_second = None
            await asyncio.sleep(_PULSE_S)


def _newest(database: Database) -> int:
    with database.reading() as connection:
        return newest_number(connection)
