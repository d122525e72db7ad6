"""One customer while a batch is taken in: what the table says of him, and what it will say."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from stream_app.domain.facts.state import DIMENSIONS
from stream_app.web.history.records import Profile, time_of

Name = tuple[str, str]
"""Shop and customer."""

_NOTHING: Final[dict[str, str | None]] = dict.fromkeys(DIMENSIONS)


class Person:
    """His row. `stored` is what the counts of the shop know of him."""

    def __init__(self, name: Name) -> None:
        self.name = name
        self.values = dict(_NOTHING)
        self.stored = dict(_NOTHING)
        self.sequence = self.whole = self.kept = 0
        self.effective_ms = self.recorded_ms = 0
        self.exists = False  # whether his row is to be
        self.dirty = False

    @classmethod
    def of(cls, row: Any) -> "Person":
        """From his row of the table."""
        person = cls((row["shop"], row["customer"]))
        person.values = {name: row[name] for name in DIMENSIONS}
        person.stored = dict(person.values)
        person.sequence, person.whole, person.kept = row["sequence"], row["whole"], row["kept"]
        person.effective_ms, person.recorded_ms = row["effective_ms"], row["recorded_ms"]
        person.exists = True
        return person

    def reach(self, sequence: int, effective_ms: int, recorded_ms: int) -> None:
        """His latest change is this one."""
        self.sequence, self.effective_ms, self.recorded_ms = sequence, effective_ms, recorded_ms
        self.exists = self.dirty = True

    def change(self, dimension: str, to: str | None, sequence: int) -> None:
        """A dimension has a new value; changes before this one may never have been seen."""
        self.values[dimension] = to
        if self.whole == sequence - 1:
            self.whole = sequence

    def stand(self, profile: Profile, recorded_ms: int, later: Callable[[], Iterable[tuple[str, str | None]]]) -> None:
        """He stands where a profile says, if that knows more than what was read of him; `later` changes came after the profile."""
        if profile.sequence <= self.whole:
            return
        self.values = {name: profile.statuses.get(name) for name in DIMENSIONS}
        self.dirty = True
        if profile.sequence >= self.sequence:
            self.reach(profile.sequence, time_of(profile.clock_at), recorded_ms)
        else:
            self.values.update(later())
        self.whole = self.sequence

    def forget(self) -> None:
        """He is nobody; what the counts know of him stays to be taken off."""
        self.values = dict(_NOTHING)
        self.sequence = self.whole = self.kept = 0
        self.exists, self.dirty = False, True

    def row(self) -> dict[str, Any]:
        """His row as it will be."""
        shop, customer = self.name
        return {
            "shop": shop,
            "customer": customer,
            **self.values,
            "sequence": self.sequence,
            "whole": self.whole,
            "kept": self.kept,
            "effective_ms": self.effective_ms,
            "recorded_ms": self.recorded_ms,
        }
