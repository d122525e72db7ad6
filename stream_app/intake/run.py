"""Whole files through a mapping: into JSON Lines of CloudEvents, which all other commands read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from stream_app.errors import Failure
from stream_app.intake.document import Mapping
from stream_app.intake.rows import read_rows
from stream_app.intake.shape import Complaint, Mapped, shape

COMPLAINTS_MAX: Final = 10
_TOLD_EVERY: Final = 5_000

Tell = Callable[[int], None]
"""Told how many rows have been read, now and then."""


@dataclass
class Intake:
    """What came of the files. `refused` counts rows; `complaints` tells about the first ten, with file and row."""

    files: list[Path] = field(default_factory=list)
    events: int = 0
    refused: int = 0
    complaints: list[str] = field(default_factory=list)

    def complain(self, file: Path, complaint: Complaint) -> None:
        """Count a row that gives no event."""
        self.refused += 1
        if len(self.complaints) < COMPLAINTS_MAX:
            self.complaints.append(f"{file}:{complaint.row}: {complaint.text}")


def map_files(files: Sequence[Path], mapping: Mapping, folder: Path, tell: Tell = lambda _: None) -> Intake:
    """Write the events of each file to a JSONL file of its own in `folder`.

    Raises:
        Failure: a file cannot be read at all. A row that cannot is refused, and all others are written.
    """
    done = Intake()
    rows = 0
    for index, file in enumerate(files):
        target = folder / f"{index}-{file.stem}.jsonl"
        done.files.append(target)
        with target.open("wb") as out:
            for found in shape(read_rows(file, mapping.delimiter), mapping):
                if isinstance(found, Mapped):
                    out.write(found.event + b"\n")
                    done.events += 1
                else:
                    done.complain(file, found)
                rows += 1
                if rows % _TOLD_EVERY == 0:
                    tell(rows)
    tell(rows)
    return done


def preview(files: Sequence[Path], mapping: Mapping, count: int) -> tuple[list[bytes], Intake]:
    """The first `count` events that the files would give, and what is wrong with the rows before them."""
    seen = Intake()
    events: list[bytes] = []
    for file in files:
        for found in islice(shape(read_rows(file, mapping.delimiter), mapping), 10_000):
            if isinstance(found, Complaint):
                seen.complain(file, found)
            else:
                events.append(found.event)
            if len(events) == count:
                return events, seen
    if not events and not seen.refused:
        raise Failure(f"{files[0]}: no row makes an event: compare the names of the columns and the words of `where` with the mapping")
    return events, seen
