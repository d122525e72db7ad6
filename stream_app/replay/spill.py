"""What a replay cannot hold in memory, and what its processes hand each other: blocks, in files that have no name.

A file without a name is gone with the last process that has it open, however that ends: nothing is left behind.
"""

import errno
import marshal
import os
import tempfile
from typing import Any, Final

import lz4.block

from stream_app.errors import Failure

Place = tuple[int, int, int, bool]
"""Where a block is: whose file, from which byte on, how many bytes, and whether it is compressed."""

_PLAIN: Final = 2
"""The version of marshal that looks for no object twice, which here is none, and so takes half the time."""

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says when a disk has no room left."""


class Spill:
    """A file for each of `count` processes, made before they part: each writes its own, and reads all."""

    def __init__(self, count: int, plain_bytes: int = 0) -> None:
        """Each process's first `plain_bytes` stay as they are: the system holds so much in memory, and compressing it costs time."""
        self._files = [tempfile.TemporaryFile(buffering=0) for _ in range(count)]  # noqa: SIM115 - `close` closes them
        self._folder = tempfile.gettempdir()
        self._end = 0
        self._plain_bytes = plain_bytes

    def put(self, index: int, content: bytes) -> Place:
        """Append a block to file `index`.

        Raises:
            Failure: the disk is full.
        """
        start = self._end
        is_packed = start + len(content) > self._plain_bytes
        left = memoryview(lz4.block.compress(content) if is_packed else content)
        file: Any = self._files[index]
        try:
            while left:
                written = os.pwrite(file.fileno(), left, self._end)
                self._end += written
                left = left[written:]
        except OSError as error:
            if error.errno not in FULL:
                raise
            message = f"{self._folder}: no room for temporary files on this disk; free some, or name a folder on another one in TMPDIR"
            raise Failure(message) from None
        return index, start, self._end - start, is_packed

    def put_object(self, index: int, content: Any) -> Place:
        """Append a block that is made of numbers, texts, bytes, tuples and lists."""
        return self.put(index, marshal.dumps(content, _PLAIN))

    def get_object(self, place: Place) -> Any:
        """What was put there: our own process wrote it, moments ago."""
        return marshal.loads(self.get(place))  # noqa: S302  # nosec B302

    def forget(self, index: int) -> None:
        """Nobody reads what is in file `index`, and it begins anew."""
        os.ftruncate(self._files[index].fileno(), 0)
        self._end = 0

    def get(self, place: Place) -> bytes:
        """The content of a block."""
        index, start, length, is_packed = place
        file: Any = self._files[index]
        content = os.pread(file.fileno(), length, start)
        return lz4.block.decompress(content) if is_packed else content

    def close(self) -> None:
        """Give the disk back what the files took."""
        for file in self._files:
            file.close()
