"""History that is loaded reaches those who were there before, too: under whatever version they stand, it starts no reaction."""

from tests.builders import at
from tests.unit.processor.rig import Rig, book, bought, told
from tests.unit.processor.test_policies import adopted, version


def test_who_still_stands_under_an_earlier_version_reacts_to_nothing_before_the_newest_is_live() -> None:
    def reactions(live_since_ms: int | None) -> tuple[list[str], list[str]]:
        policies = book(version(1, 10))
        rig = Rig(policies)
        rig.work(bought(at(0)), told(at(65)))
        policies.add("acme", at(70), version(2, 10, live_since_ms=live_since_ms))
        seen = len(rig.outputs)
        rig.work(bought(at(60)))
        assert adopted(rig) == "1"
        came = rig.outputs[seen:]
        return [one.event["type"] for one in came if one.topic == "win-back"], [
            one.event["origin"] for one in came if one.topic == "status-changes" and one.event["data"]["dimension"] == "lifecycle"
        ]

    assert reactions(None) == (["winback.withdrawn"], ["live"])
    assert reactions(at(5_000)) == ([], ["backfill"])
    assert reactions(at(64)) == (["winback.withdrawn"], ["live"]), "the newest was live by then"
