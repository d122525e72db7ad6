"""A TCP proxy between worker and broker, in a thread of its own, that can cut, delay, and go deaf in the middle of a conversation."""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

from stream_app.demo.broker import HOST

_PIECE_BYTES = 64 << 10
_END_LIMIT_S = 5.0


class Proxy:
    """Listens on `port` and connects to `target`."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.delay_s = 0.0
        self.cuts = 0
        self.delayed = 0
        self.swallowed = 0
        self._target = target
        self._deaf: set[asyncio.StreamWriter] = set()
        self._pairs: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._refusing = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> int:
        """Reset every connection; new ones are welcome. Returns how many there were."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    def refuse(self, refusing: bool) -> None:
        """Whether new connections are closed at once."""
        self._refusing = refusing

    def go_deaf(self) -> int:
        """Half-open every connection: it stays, what the worker sends is taken, and no answer comes. New ones work."""
        return asyncio.run_coroutine_threadsafe(self._deafen(), self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, HOST, self.port)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=_END_LIMIT_S)

    async def _cut(self) -> int:
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for writer in pair:
                writer.transport.abort()
        self.cuts += len(pairs)
        return len(pairs)

    async def _deafen(self) -> int:
        deaf = {writer for pair in self._pairs for writer in pair}
        self._deaf |= deaf
        return len(deaf) // 2

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(HOST, self._target)
        pair = writer, back
        self._pairs.append(pair)
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        if pair in self._pairs:
            self._pairs.remove(pair)
        for end in pair:
            end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await source.read(_PIECE_BYTES):
                if self.delay_s:
                    self.delayed += 1
                    await asyncio.sleep(self.delay_s)
                if sink in self._deaf:
                    self.swallowed += len(piece)
                    continue
                sink.write(piece)
                await sink.drain()
        if sink not in self._deaf:
            sink.transport.abort()
