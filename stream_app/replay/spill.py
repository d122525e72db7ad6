"""What a replay cannot hold in memory: compressed blocks, in files that have no name.

A file without a name is gone with the last process that has it open, however that ends: nothing is left behind.
"""

import errno
import marshal
import os
import tempfile
from typing import Any, Final

import lz4.block

from stream_app.errors import Failure

Place = tuple[int, int, int]
"""Where a block is: whose file, from which byte on, how many bytes."""

_PLAIN: Final = 2
"""The version of marshal that looks for no object twice, which here is none, and so takes half the time."""

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says when a disk has no room left."""


class Spill:
    """A file for each of `count` processes, made before they part: each writes its own, and reads all."""

    def __init__(self, count: int) -> None:
        self._files = [tempfile.TemporaryFile(buffering=0) for _ in range(count)]  # noqa: SIM115 - `close` closes them
        self._folder = tempfile.gettempdir()
        self._end = 0

    def put(self, index: int, content: bytes) -> Place:
        """Append a block to file `index`.

        Raises:
            Failure: the disk is full.
        """
        packed = memoryview(lz4.block.compress(content))
        start = self._end
        file: Any = self._files[index]
        try:
            while packed:
                written = os.pwrite(file.fileno(), packed, self._end)
                self._end += written
                packed = packed[written:]
        except OSError as error:
            if error.errno not in FULL:
                raise
            message = f"{self._folder}: no room for temporary files on this disk; free some, or name a folder on another one in TMPDIR"
            raise Failure(message) from None
        return index, start, self._end - start

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
        index, start, length = place
        file: Any = self._files[index]
        content: bytes = lz4.block.decompress(os.pread(file.fileno(), length, start))
        return content

    def close(self) -> None:
        """Give the disk back what the files took."""
        for file in self._files:
            file.close()
