"""How processes of one data directory have ended: counted in a file, since a fatal error takes the process and its counters with it."""

import json
from contextlib import suppress
from pathlib import Path

from stream_app.errors import FatalError

OTHER = "other"
KINDS = (*sorted(kind.__name__ for kind in FatalError.__subclasses__()), OTHER)
"""What an ending is counted as: a fatal error by its name, anything else as `other`."""


class Endings:
    """The fatal errors that have ended processes here, by kind."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / "fatal-errors.json"

    def read(self) -> dict[str, int]:
        """So many of each kind; a file that cannot be read counts as none."""
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {kind: count for kind in KINDS if isinstance(count := found.get(kind), int)} if isinstance(found, dict) else {}

    def add(self, error: BaseException) -> None:
        """Count an ending; whatever hinders that must not hinder the end."""
        name = type(error).__name__
        kind = name if name in KINDS else OTHER
        counts = self.read()
        counts[kind] = counts.get(kind, 0) + 1
        part = self._file.with_suffix(".part")
        with suppress(OSError):
            part.write_text(json.dumps(counts), encoding="utf-8")
            part.replace(self._file)
