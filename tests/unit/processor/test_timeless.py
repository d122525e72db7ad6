"""An event that moves no clock changes nothing that time decides: the copy of an event, or an order in another currency."""

import pytest

from tests.builders import at
from tests.unit.processor.rig import Record, Rig, book, bought, told
from tests.unit.processor.test_policies import adopted, version


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(bought(at(75), event_id="first"), id="a copy with a later time"),
        pytest.param(bought(at(75), event_id="other", currency="USD"), id="another currency"),
    ],
)
def test_an_event_that_moves_no_clock_brings_no_version(again: Record) -> None:
    """As in a replay: the order that comes after it, but is from before the version, is judged under the old one."""
    told_of: list[list[tuple[str, str | None, str, str]]] = []
    for extra in ((), (again,)):
        policies = book(version(1, 100))
        rig = Rig(policies)
        rig.work(bought(at(50), event_id="first"))
        policies.add("acme", at(70), version(2, 60))
        rig.work(*extra, fire=False)
        assert adopted(rig) == "1"
        rig.work(bought(at(60)), fire=False)
        rig.work(told(at(80)))
        told_of.append(rig.changes("churn_risk") + rig.changes())
        assert rig.counts().get(("duplicates",), 0) + rig.counts().get(("rejections", "currency_mismatch"), 0) == len(extra)
    assert told_of[0] == told_of[1]
