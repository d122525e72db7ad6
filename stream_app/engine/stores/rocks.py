"""The store on disk: one RocksDB a partition, one shared write buffer for all of them.

No write-ahead log: after a crash the store stands at its last flush, which is a prefix of the changelog because one write
batch carries the states, the timers and the changelog offset; the restore reads on from that offset.
"""

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from rocksdict import Rdict, RdictIter, WriteBatch, WriteOptions

from stream_app.engine.stores.files import SharedMemory, rewrite
from stream_app.engine.stores.layout import AFTER_NAME, DEADLINE_BYTES, END_OF_NAME, META, STATE, TIMER, fill, read_timer, timers_of
from stream_app.engine.stores.owner import IDENTITY_KEY, Identity
from stream_app.engine.stores.store import Changes, Timer
from stream_app.errors import UnitError
from stream_app.telemetry.logs import get_logger

_POSITION, _CLEANED = META + b"position", META + b"cleaned"
_SPOILT = "spoilt"
_FAMILY = "default"
_CORRUPTION = "Corruption"
__all__ = ["RocksStore", "SharedMemory"]
_log = get_logger(__name__)


class _Position(msgspec.Struct, array_like=True):
    offset: int | None
    marker: bytes | None
    timers: int
    written_ms: int
    erased: int = 0
    is_read: bool = False


class RocksStore:
    """The states and timers of one partition in RocksDB."""

    def __init__(self, path: Path, identity: Identity, memory: SharedMemory) -> None:
        """Open the store at `path`, or start an empty one when what lies there cannot be used.

        Args:
            path: the directory of this partition alone.
            identity: whose states it must hold.
            memory: the cache and buffers to share.
        """
        self.path = path
        self.wiped: str | None = None
        self._memory = memory
        self._identity = identity
        self._position = _Position(None, None, 0, 0)
        self._cleaned = 0
        self._cleaning = threading.Lock()
        self._no_log = WriteOptions()
        self._no_log.disable_wal = True  # type: ignore[method-assign,assignment]  # its type stub is wrong: an attribute
        reason = self._open()
        if reason is not None:
            self.wipe(reason)

    @property
    def offset(self) -> int | None:
        """The next changelog offset to apply; None for an empty store."""
        return self._position.offset

    @property
    def marker(self) -> bytes | None:
        """The newest marker applied."""
        return self._position.marker

    @property
    def is_read(self) -> bool:
        """Whether the newest changes were read from the changelog."""
        return self._position.is_read

    @property
    def timers(self) -> int:
        """About how many timers are armed, stale ones included."""
        return self._position.timers

    @property
    def written_ms(self) -> int:
        """When something was last written."""
        return self._position.written_ms

    def get(self, key: bytes) -> bytes | None:
        """The frame stored under `key`."""
        try:
            framed: bytes | None = self._db.get(STATE + key)
        except Exception as error:  # rocksdict raises bare Exception
            raise self._spoilt(error) from error
        return framed

    def get_many(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """The frames stored under `keys`, in their order."""
        try:
            frames: Any = self._db.get([STATE + key for key in keys])
        except Exception as error:  # rocksdict raises bare Exception
            raise self._spoilt(error) from error
        return list(frames)

    def apply(self, changes: Changes) -> None:
        """Write all of `changes` in one batch."""
        batch = WriteBatch(raw_mode=True)
        fill(batch, changes.states, changes.disarm, changes.arm)
        position = self._position
        self._position = _Position(
            position.offset if changes.offset is None else changes.offset,
            position.marker if changes.marker is None else changes.marker,
            max(0, position.timers + len(changes.arm) - len(changes.disarm)),
            int(time.time() * 1000),
            position.erased + changes.erases,
            position.is_read if changes.offset is None else changes.is_read,
        )
        batch.put(_POSITION, msgspec.msgpack.encode(self._position))
        try:
            self._db.write(batch, self._no_log)
        except Exception as error:  # rocksdict raises bare Exception; its text names a file and a cause, never a key
            if _CORRUPTION in str(error):
                raise self._spoilt(error) from error
            raise UnitError(
                f"the store cannot be written ({error}): make room in {self.path.parent}, then start the worker again"
            ) from error

    def timers_from(self, timeline: str, start: Timer) -> Iterator[Timer]:
        """The timers of `timeline` from `start` on, ascending; close the iterator before the next `apply`."""
        prefix = timers_of(timeline)
        cut = len(prefix)
        entries = self._db.iter()
        try:
            entries.seek(prefix + start[0].to_bytes(DEADLINE_BYTES, "big") + start[1])
            while self._valid(entries):
                entry: bytes = entries.key()
                if not entry.startswith(prefix):
                    return
                yield read_timer(entry, cut)
                entries.next()
        finally:
            del entries  # a living iterator would keep the database's lock after `close`

    def first_timers(self) -> dict[str, int]:
        """Each timeline that has timers, and the earliest deadline on it."""
        found: dict[str, int] = {}
        entries = self._db.iter()
        try:
            entries.seek(TIMER)
            while self._valid(entries):
                entry: bytes = entries.key()
                if not entry.startswith(TIMER):
                    break
                end = entry.index(END_OF_NAME, 2)  # a name that is no shop's begins with the byte that ends names
                name, deadline = entry[1:end], entry[end + 1 : end + 1 + DEADLINE_BYTES]
                found[name.decode("utf-8", "surrogateescape")] = int.from_bytes(deadline, "big")
                entries.seek(TIMER + name + AFTER_NAME)
        finally:
            del entries
        return found

    def states_after(self, key: bytes, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """At most `limit` keys that begin with `prefix` and come after `key`, ascending, with their frames."""
        begin = STATE + prefix
        found: list[tuple[bytes, bytes]] = []
        entries = self._db.iter()
        try:
            entries.seek(max(begin, STATE + key + b"\x00"))  # the least that comes after it
            while len(found) < limit and self._valid(entries) and entries.key().startswith(begin):
                found.append((entries.key()[len(STATE) :], entries.value()))
                entries.next()
        finally:
            del entries  # a living iterator would keep the database's lock after `close`
        return found

    def size(self) -> int:
        """About how many states there are."""
        return max(0, int(self._db.property_int_value("rocksdb.estimate-num-keys") or 0) - self.timers)

    @property
    def is_clean(self) -> bool:
        """Whether nothing of an erased key is left in any file."""
        return self._cleaned >= self._position.erased

    def clean(self) -> None:
        """Rewrite all files without what was deleted from them; ends early, and is owed again, when the store is closed."""
        with self._cleaning:
            erased = self._position.erased
            try:
                rewrite(self._db)
                batch = WriteBatch(raw_mode=True)
                batch.put(_CLEANED, msgspec.msgpack.encode(erased))
                self._db.write(batch, self._no_log)
                self._db.flush()  # the first manifest that does not name the old files
            except Exception as error:  # noqa: BLE001 - rocksdict raises bare Exception; what cannot be written will be tried again
                _log.warning("store not cleaned", error_type=type(error).__name__)
                return
            self._cleaned = erased

    def wipe(self, reason: str) -> None:
        """Throw everything away and start empty; `reason` is for the log."""
        self.wiped = reason or None
        self._close_quietly()
        shutil.rmtree(self.path, ignore_errors=True)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._db = self._opened()
        except Exception as error:  # an OSError of ours, or rocksdict's bare Exception
            raise UnitError(f"the store cannot be made ({error}): make room in {self.path.parent}, then start the worker again") from error
        self._position, self._cleaned = _Position(None, None, 0, int(time.time() * 1000)), 0
        batch = WriteBatch(raw_mode=True)
        batch.put(IDENTITY_KEY, msgspec.json.encode(self._identity))
        batch.put(_POSITION, msgspec.msgpack.encode(self._position))
        self._db.write(batch, self._no_log)

    def close(self) -> None:
        """Flush and let go of the files."""
        if self._cleaning.acquire(blocking=False):
            try:
                self._db.close()
            finally:
                self._cleaning.release()
            return
        self._db.flush()
        self._db.cancel_all_background(False)  # the cleaning, which the next life begins again
        with self._cleaning, suppress(Exception):  # nothing is left to flush, and a cancelled database says so by an error
            self._db.close()

    def _opened(self) -> Rdict:
        options = self._memory.options()
        # Without a name to them, a store that is there already gets the options of its first life, and a block cache of its own.
        return Rdict(str(self.path), options, {_FAMILY: options})

    def _open(self) -> str | None:
        """Open what is there; the reason not to use it, or None."""
        if not (self.path / "CURRENT").exists():
            return ""
        if (self.path / _SPOILT).exists():
            return "unreadable (an earlier life has seen it)"
        try:
            self._db = self._opened()
            owner = self._db.get(IDENTITY_KEY)
            if owner is None:
                return ""  # it was never flushed
            identity = msgspec.json.decode(owner, type=Identity)
            position = msgspec.msgpack.decode(self._db.get(_POSITION) or b"", type=_Position)
            self._cleaned = msgspec.msgpack.decode(self._db.get(_CLEANED) or b"\x00", type=int)
        except Exception as error:  # noqa: BLE001 - rocksdict raises bare Exception; whatever is wrong, the changelog has it all
            return f"unreadable ({type(error).__name__})"
        if identity != self._identity:
            return "of another owner"
        self._position = position
        return None

    def _valid(self, entries: RdictIter) -> bool:
        """Whether the iterator stands on an entry; an unreadable table is an error, and not the end."""
        if entries.valid():
            return True
        try:
            entries.status()
        except Exception as error:  # rocksdict raises bare Exception
            raise self._spoilt(error) from error
        return False

    def _spoilt(self, error: Exception) -> UnitError:
        """What is read is not what was written: let the next start throw the store away."""
        (self.path / _SPOILT).touch()
        return UnitError(f"the store cannot be read ({error}); start the worker again, and it is rebuilt from the changelog")

    def _close_quietly(self) -> None:
        database = self.__dict__.pop("_db", None)
        if database is not None:
            database.close()
