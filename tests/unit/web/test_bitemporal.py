"""What was the status at one time, as was known at another: a table, and a second opinion that goes through time step by step."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.web.history.changes import known_statuses


class Row(NamedTuple):
    """A change as far as the question needs it."""

    sequence: int
    after: str | None
    effective_ms: int
    recorded_ms: int
    revokes: str | None = None
    dimension: str = "lifecycle"

    @property
    def id(self) -> str:
        return f"c{self.sequence}"


ACTIVE = Row(1, "active", 10, 11)
LOST = Row(2, "inactive", 50, 51)
# A late order of time 30 comes at 70: he was never lost.
FOUND = Row(3, "active", 50, 70, "c2")
# It is cancelled at 90: he was lost all the same.
LOST_AGAIN = Row(4, "inactive", 50, 90, "c3")
STORY = [ACTIVE, LOST, FOUND, LOST_AGAIN]

TABLE = [
    # time, known at, status, by which change
    (9, 999, None, None),  # before anything took effect
    (10, 999, "active", 1),  # that moment included
    (49, 999, "active", 1),
    (50, 999, "inactive", 4),  # as is known at last
    (10, 10, None, None),  # nothing was known yet
    (999, 10, None, None),
    (10, 11, "active", 1),  # written at that very moment: known
    (50, 50, "active", 1),  # the loss had taken effect, and nobody knew
    (50, 51, "inactive", 2),
    (50, 69, "inactive", 2),
    (50, 70, "active", 3),  # taken back
    (49, 70, "active", 1),
    (50, 89, "active", 3),
    (50, 90, "inactive", 4),  # taken back in turn: the first loss holds again, and so does the last
]


@pytest.mark.parametrize(("at_ms", "known_ms", "status", "sequence"), TABLE)
def test_the_status_at_a_time_as_was_known_at_another(at_ms: int, known_ms: int, status: str | None, sequence: int | None) -> None:
    decides = known_statuses(STORY, at_ms, known_ms)["lifecycle"]
    assert (decides and decides.after, decides and decides.sequence) == (status, sequence)


def test_what_is_taken_back_late_never_was() -> None:
    # Lost at 50, and a late order of time 60 that is known at 80 takes it back with effect from 60.
    story = [ACTIVE, LOST, Row(3, "active", 60, 80, "c2")]
    assert known_statuses(story, 55, 79)["lifecycle"].after == "inactive"
    assert known_statuses(story, 55, 80)["lifecycle"].after == "active", "between the two he was lost only as far as was known then"


def test_dimensions_do_not_touch_each_other() -> None:
    story = [ACTIVE, Row(2, "A", 20, 21, dimension="class"), Row(3, None, 30, 31, dimension="class")]
    assert {name: row and row.after for name, row in known_statuses(story, 25, 99).items() if row} == {"lifecycle": "active", "class": "A"}
    lost = known_statuses(story, 30, 99)["class"]
    assert (lost.sequence, lost.after) == (3, None), "a value that was lost is known to be none"


def slowly(rows: Sequence[Row], at_ms: int, known_ms: int) -> str | None:
    """The same by writing the changes down one after another, and striking out what each takes back."""
    holds: dict[str, bool] = {}
    by_id = {row.id: row for row in rows}

    def set_holds(name: str, value: bool) -> None:
        holds[name] = value
        revokes = by_id[name].revokes
        if revokes is not None and revokes in holds:
            set_holds(revokes, not value)

    written = [row for row in rows if row.recorded_ms <= known_ms]
    for row in written:
        set_holds(row.id, True)
    told = [row for row in written if holds[row.id] and row.effective_ms <= at_ms]
    return told[-1].after if told else None


@given(
    steps=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), max_size=8),
    at_ms=st.integers(0, 30),
    known_ms=st.integers(0, 30),
)
def test_any_story_agrees_with_the_second_opinion(steps: list[tuple[int, int, bool]], at_ms: int, known_ms: int) -> None:
    rows: list[Row] = []
    effective_ms = recorded_ms = 0
    for number, (passed, written, revokes) in enumerate(steps, 1):
        effective_ms, recorded_ms = effective_ms + passed, recorded_ms + written
        # A change takes back the latest one before it.
        rows.append(Row(number, f"s{number}", effective_ms, recorded_ms, f"c{number - 1}" if revokes and number > 1 else None))
    decides = known_statuses(rows, at_ms, known_ms)["lifecycle"]
    assert (decides and decides.after) == slowly(rows, at_ms, known_ms)
