"""States that earlier versions have stored are gone on from, and those of later versions are left alone."""

import json
from typing import Any

import pytest

from stream_app.codec.state import STATE_VERSION, decode_state, encode_state
from stream_app.domain.facts.state import NEVER, State
from stream_app.engine.stores.frame import deadline_of, state_of
from stream_app.engine.stores.marker import MARKER_KEY, Marker, decode_marker, encode_marker
from stream_app.engine.stores.store import Changes
from stream_app.errors import VersionError
from tests.builders import at
from tests.fixtures.states import VERSIONS, changelog, half, rig_of
from tests.unit.processor.rig import Output, Rig, bought

NOT_REMEMBERED: dict[str, dict[str, Any]] = {"state-v1": {"touched_ms": NEVER}}
"""Columns that a version had nothing for: what stands in them is as near as it comes."""


def restored(version: str) -> Rig:
    """A partition as a takeover finds it: the stored frames, and the marker's memo."""
    rig, records = rig_of(version), dict(changelog(version))
    rig.memo = decode_marker(records.pop(MARKER_KEY)).memo
    arm = [(deadline, key) for key, framed in records.items() if (deadline := deadline_of(framed))]
    rig.store.apply(Changes(records, arm))
    rig.restart()
    return rig


def said(outputs: list[Output]) -> list[tuple[str, Any]]:
    return [(output.topic, json.loads(output.value or b"null")) for output in outputs]


def test_every_version_that_was_released_has_a_fixture() -> None:
    assert [f"state-v{number}" for number in range(1, STATE_VERSION + 1)] == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stored_changelog_goes_on_as_if_nothing_had_happened(version: str) -> None:
    whole, later = rig_of(version), restored(version)
    first, second = half(version, first=True), half(version, first=False)
    whole.work(*first)
    before = len(whole.outputs)
    whole.work(*second)
    later.work(*second)
    assert len(later.outputs) > 100
    assert said(later.outputs) == said(whole.outputs[before:])
    customers = {record.key for record in first + second if record.key}
    assert {key: stored(later, key, version) for key in customers} == {key: stored(whole, key, version) for key in customers}


def stored(rig: Rig, key: bytes, version: str) -> State | None:
    """A customer's state, without what the version did not remember."""
    framed = rig.store.get(key)
    if framed is None:
        return None
    state = decode_state(state_of(framed))
    for name, value in NOT_REMEMBERED.get(version, {}).items():
        setattr(state, name, value)
    return state


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stored_state_is_written_anew_as_the_newest(version: str) -> None:
    states = [state_of(framed) for key, framed in changelog(version) if key != MARKER_KEY]
    assert len(states) > 20
    assert {encoded[0] for encoded in states} == {int(version.removeprefix("state-v"))}
    for encoded in states:
        state = decode_state(encoded)
        assert encode_state(state)[0] == STATE_VERSION
        assert decode_state(encode_state(state)) == state


def test_the_memo_names_the_version_and_a_newer_one_is_refused() -> None:
    rig = Rig()
    rig.work(bought(at(0)))
    assert rig.memo["states"] == STATE_VERSION
    rig.memo["states"] = STATE_VERSION + 1
    with pytest.raises(VersionError, match="newer version of stream-app"):
        rig.restart()


def test_a_marker_without_the_version_is_of_version_1() -> None:
    rig = Rig()
    rig.work(bought(at(0)))
    del rig.memo["states"]
    rig.restart()
    rig.work(bought(at(1)))
    assert rig.state() is not None


def test_a_marker_of_a_newer_layout_is_refused() -> None:
    with pytest.raises(VersionError, match=r"marker .* newer version of stream-app \(layout 2, this one knows 1\): run"):
        decode_marker(encode_marker(Marker({}, {}, 2)))
