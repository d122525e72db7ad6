"""What a partition knows of time survives a restart, in the marker."""

import json

from stream_app.domain.facts.state import NEVER
from stream_app.processor.streams import Streams


def test_a_restart_keeps_times_and_those_to_whom_nothing_is_owed() -> None:
    memo = {"acme": [500, NEVER, 400, ["acme/c-1", NEVER], ["acme/c-2", 300]], "b": [7, 9, NEVER]}
    streams = Streams(0)
    streams.resume(memo)
    assert json.loads(json.dumps(streams.memo())) == memo


def test_a_spared_customer_is_not_owed_anything_after_a_restart() -> None:
    streams = Streams(0)
    streams.resume({"acme": [500, NEVER, 400, ["acme/c-1", 340]]})
    stream = streams.get("acme")
    assert stream is not None
    first = streams.begin([300])
    assert not streams.has_passed(stream, 350, b"acme/c-1", -1, first)
    assert streams.has_passed(stream, 340, b"acme/c-1", -1, first)
    assert streams.has_passed(stream, 350, b"acme/c-2", -1, first)


def test_too_many_spared_customers_do_not_travel() -> None:
    streams = Streams(0)
    streams.resume({"acme": [500, NEVER, 400, *([f"acme/c-{number}", 0] for number in range(1_001))]})
    assert streams.memo() == {"acme": [500, NEVER, 400]}
