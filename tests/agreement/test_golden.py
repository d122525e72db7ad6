"""Golden histories: what released versions wrote for stored events, today's version writes too, to the byte, or says why not."""

import json
from copy import deepcopy
from itertools import zip_longest
from pathlib import Path

import pytest

from stream_app import __version__
from stream_app.codec.state import STATE_VERSION
from tests.fixtures.states import HERE as STATES
from tests.fixtures.states import changelog_lines
from tests.golden.record import HERE, expected, lacking, meaning, played, versions

FOLDERS = [file.parent for version in versions() for file in sorted(version.glob("*/events.jsonl"))]
RECORD = "record it: .venv/bin/python -m tests.golden.record (tests/golden/__init__.py says what becomes of the older ones)"
NEWEST = versions()[-1]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(HERE)))
def test_a_stored_history_is_published_as_it_was(folder: Path) -> None:
    then, now = expected(folder).splitlines(), played(folder).splitlines()
    assert len(then) > 10
    different = next((number for number, pair in enumerate(zip_longest(then, now), 1) if pair[0] != pair[1]), None)
    assert different is None, f"line {different} of out.jsonl differs: a bug, or a new meaning; then {RECORD}"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(HERE)))
def test_a_difference_is_explained(folder: Path) -> None:
    assert (folder / "now.jsonl").is_file() == (folder / "differs.md").is_file()
    if (folder / "now.jsonl").is_file():
        assert len((folder / "differs.md").read_text()) > 40
        assert folder.parent != NEWEST or NEWEST.name != __version__, "the present version's own folder is recorded anew instead"


def test_no_meaning_changes_without_a_new_golden_history() -> None:
    assert lacking(meaning(), json.loads((NEWEST / "meaning.json").read_text())) == [], RECORD


def test_every_kind_of_change_asks_for_one() -> None:
    now = meaning()
    for name, value in (("state_version", STATE_VERSION + 1), ("state", "another layout")):
        assert lacking(now | {name: value}, now) == [name]
    other = deepcopy(now)
    other["published"]["status.changed"] = "another schema"
    del other["published"]["winback.won"]
    assert lacking(other, now) == lacking(now, other) == ["status.changed", "winback.won"]


def test_the_histories_say_most_of_what_can_be_said() -> None:
    lines = [json.loads(line) for folder in FOLDERS for line in (folder / "out.jsonl").read_bytes().splitlines()]
    types = {line["event"]["type"] for line in lines if "event" in line}
    dimensions = {line["event"]["data"]["dimension"] for line in lines if "event" in line and line["event"]["type"] == "status.changed"}
    causes = {line["event"]["data"]["cause"]["kind"] for line in lines if "event" in line and line["event"]["type"] == "status.changed"}
    assert types >= {
        "status.changed",
        "status.will_change",
        "status.will_not_change",
        "customer.profile",
        "winback.opened",
        "contact.advised",
    }
    assert dimensions >= {"lifecycle", "churn_risk", "class", "segment", "service_level", "contact", "winback", "opportunity"}
    assert causes >= {"event", "time", "late", "void", "merge"}
    assert any("value_base64" in line for line in lines), "a rejected record"


def test_states_are_written_as_they_were() -> None:
    """To the byte, for the version of today; the older ones are gone on from (tests/unit/processor/test_stored_states.py)."""
    version = f"state-v{STATE_VERSION}"
    assert changelog_lines(version) == (STATES / version / "changelog.jsonl").read_text().splitlines(keepends=True), (
        f"states are laid out or filled in another way: see codec/state.py and {STATES / version}"
    )
