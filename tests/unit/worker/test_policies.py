"""Documents of the `policies` topic: what is wrong with one shop's is nobody else's affair."""

from typing import Any

import pytest

from stream_app.processor.policies import PolicyBook
from stream_app.telemetry.metrics import Metrics
from stream_app.worker.policies import PolicyFollower
from tests.unit.processor.rig import Record

GOOD = b'{"shop": "%s", "version": %d, "currency": "EUR"}'


class Topic:
    """A consumer that has these records."""

    def __init__(self, *records: Record) -> None:
        self._records = list(records)

    async def position(self, _: Any) -> int:
        return 0 if self._records else 1

    async def end_offsets(self, _: Any) -> dict[int, int]:
        return {0: 1}

    async def getmany(self, **_: Any) -> dict[int, list[Record]]:
        found, self._records = self._records, []
        return {0: found}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param(b"bad", b"nonsense", id="no document"),
        pytest.param(b"bad", b'{"shop": "bad", "currency": "EUR", "margin_pct": 200}', id="out of bounds"),
        pytest.param(b"bad", GOOD % (b"other", 1), id="another shop's"),
        pytest.param(b"bad", b"[" * 100_000, id="deeper than the stack"),
        pytest.param(b"bad", b'{"a": ' * 3_000, id="deeper than the stack, as YAML"),
        pytest.param(b"\xff", b"\xff\xfe", id="not UTF-8"),
        pytest.param(None, b"{}", id="no key"),
        pytest.param(b"bad", b'{"shop": "bad", "currency": "EUR", "version": 1e999}', id="no number"),
    ],
)
async def test_a_document_that_cannot_be_used_stops_nobody(key: bytes | None, value: bytes) -> None:
    book, metrics = PolicyBook(), Metrics()
    first, bad, last = Record(GOOD % (b"bad", 7), b"bad"), Record(value, key), Record(GOOD % (b"good", 3), b"good")
    await PolicyFollower(Topic(first, bad, last), [0], book, metrics).read_to_end()
    held = [book.current(shop) for shop in ("bad", "good")]
    assert [one and one[1].version for one in held] == [7, 3], "what held before still holds, and the next one is taken"
    assert metrics.registry.get_sample_value("customer_status_policy_errors_total") == 1
