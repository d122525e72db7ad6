"""History that is loaded reaches those who were there before, too: under whatever version they stand, it starts no reaction."""

from stream_app.processor.policies import PolicyBook
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


def live_since(made: PolicyBook, shop: str = "acme") -> int | None:
    found = made.current(shop)
    assert found is not None
    return found[1].live_since_ms


def test_a_version_that_does_not_say_keeps_silent_what_was_silent_before_it() -> None:
    """History may be loaded and not be folded yet when the shop's next version comes, which knows nothing of the loading."""
    made = book(version(1, 10))
    assert live_since(made) is None
    made.add("acme", at(50), version(2, 10, live_since_ms=at(9_000)))
    made.add("acme", at(70), version(3, 20))
    assert live_since(made) == at(70), "the loading was given up: from here on it is live"
    made.add("acme", at(80), version(4, 30))
    assert live_since(made) == at(70)
    made.add("acme", at(90), version(5, 40, live_since_ms=at(20)))
    assert live_since(made) == at(20), "it says so itself"
    made.add("*", at(0), version(6, 50, shop=None))
    made.put("acme", at(95), None)
    assert live_since(made) == at(20), "under the default policy, too"
    assert live_since(made, "other") is None


def test_history_folded_under_a_later_version_that_does_not_say_mails_nobody() -> None:
    made = book(version(1, 10), version(2, 10, live_since_ms=at(500)))
    made.add("acme", at(600), version(3, 10))
    rig = Rig(made)
    rig.work(bought(at(0)), told(at(60)))
    assert [change[1] for change in rig.changes()] == ["active", "inactive"]
    assert rig.of("win-back") == []
    rig.work(bought(at(700)))
    assert [one.event["type"] for one in rig.of("win-back")] == ["winback.won"]
