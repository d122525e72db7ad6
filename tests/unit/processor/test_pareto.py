"""Classes by pareto on several partitions: cut-offs of the whole shop, taken once, and everybody comes under them."""

from dataclasses import replace
from typing import Any

from stream_app.domain.pareto import ParetoClasses
from stream_app.domain.policy import Fixed, Policy
from stream_app.processor.policies import PolicyBook
from tests.builders import at, policy
from tests.unit.processor.rig import Rigs, book, bought, iso, told, watermark

EVERY = 30
FIRST = 30 - (20_000 + 719_163) % EVERY
"""The first evaluation day of the tables."""


def by_pareto(every: int = EVERY, version: int = 1, **changes: Any) -> Policy:
    bare: dict[str, Any] = {"labels": None, "service_levels": None, "classes": None, "rhythms": {}, "downgrade_dwell_days": 0}
    bare |= {"default_rhythm": Fixed(2_000), "shop": None, "version": version, "hash": f"{version:032}", "horizon_days": 1}
    return policy(**(bare | {"pareto": ParetoClasses(80, 95, every)} | changes))


def shop(partitions: int, policies: PolicyBook | None = None) -> Rigs:
    """Customers of 8 000, 1 000, 700, 200 and 100, spread over the partitions."""
    rigs = Rigs(partitions, policies or book(by_pareto()))
    for n, margin in enumerate((8_000, 1_000, 700, 200, 100)):
        rigs.work(bought(at(1) + n, f"c-{n}", total_minor=margin * 100 // 40))
    return rigs


def pass_time(rigs: Rigs, days: float, sweep: int = 100) -> None:
    """A watermark in every partition, and what comes of it."""
    for rig in rigs.rigs:
        rig.work(replace(watermark(at(days)), partition=rig.partition))
    rigs.deliver()
    for rig in rigs.rigs:
        rig.work(sweep=sweep)
    rigs.deliver()


def classes(rigs: Rigs) -> dict[str, tuple[str | None, str, str]]:
    """The latest change of everybody's class: to what, when, why."""
    return {one[0]: one[1:] for rig in rigs.rigs for one in rig.changes("class")}


def test_the_cut_offs_are_those_of_the_whole_shop_on_however_many_partitions() -> None:
    found = []
    for partitions in (1, 2, 3, 5, 8):
        rigs = shop(partitions)
        assert classes(rigs) == {}, "before the first cut-offs there is no class"
        pass_time(rigs, FIRST + 1)
        found.append(classes(rigs))
    when = (iso(FIRST), "policy")
    assert found[0] == {"c-0": ("A", *when), "c-1": ("B", *when), "c-2": ("B", *when), "c-3": ("C", *when), "c-4": ("C", *when)}
    assert all(one == found[0] for one in found)


def test_who_passes_the_day_before_the_others_is_judged_when_all_have() -> None:
    rigs = shop(3)
    early = rigs.of("c-0")
    early.work(replace(watermark(at(FIRST + 5)), partition=early.partition))
    rigs.deliver()
    assert classes(rigs) == {}, "the other partitions have not closed the day"
    pass_time(rigs, FIRST + 5)
    assert classes(rigs)["c-0"] == ("A", iso(FIRST), "policy")


def test_nobody_moves_because_others_buy_until_the_next_evaluation() -> None:
    rigs = shop(3)
    pass_time(rigs, FIRST + 1)
    before = classes(rigs)
    rigs.work(bought(at(FIRST + 2), "c-9", total_minor=2_000_000))
    pass_time(rigs, FIRST + EVERY - 1)
    assert classes(rigs) == {**before, "c-9": ("A", iso(FIRST + 2), "event")}, "who is new is judged by the cut-offs in force"
    pass_time(rigs, FIRST + EVERY)
    after = classes(rigs)
    assert after["c-0"] == ("C", iso(FIRST + EVERY), "policy")
    assert after["c-9"] == before_of(after, "c-9", "A", FIRST + 2, "event")


def before_of(found: dict[str, tuple[str | None, str, str]], name: str, to: str, day: float, why: str) -> tuple[str | None, str, str]:
    assert name in found
    return to, iso(day), why


def test_values_are_frozen_and_the_own_value_is_not() -> None:
    """The cut-offs stand; whose own value reaches one climbs at once."""
    rigs = shop(2)
    pass_time(rigs, FIRST + 1)
    rigs.work(bought(at(FIRST + 3), "c-4", total_minor=2_000))
    assert classes(rigs)["c-4"] == ("B", iso(FIRST + 3), "event"), "100 + 800 reach 700"
    change = [one.event["data"] for one in rigs.of("c-4").of("status-changes") if one.event["data"]["dimension"] == "class"][-1]
    assert change["reason"] == {
        "code": "share_of_value",
        "measures": {"value_total": 900},
        "thresholds": {"A": 8_004, "B": 700, "evaluated_at": iso(FIRST), "A_pct": 80, "B_pct": 95, "downgrade_dwell_days": 0},
    }
    assert change["counterfactual"] == {"measure": "value_total", "at_least": 8_004, "to": "A"}
    assert change["valid_until"] == iso(FIRST + EVERY)
    profile = rigs.of("c-4").of("customer-profiles")[-1].event["data"]
    assert profile["cut_offs"] == {"A": 8_004, "B": 700, "evaluated_at": iso(FIRST)}


def test_a_shop_that_begins_on_a_running_worker_has_classes_in_its_history() -> None:
    """Its policy was published long after its customers bought; nobody can stand under an older one, so no day waits for the sweep."""
    policies = book(by_pareto(shop="other"))
    rigs = Rigs(2, policies)
    for rig in rigs.rigs:
        rig.work(replace(watermark(at(1), shop="other"), partition=rig.partition))
    policies.add("acme", at(4_000), by_pareto(shop="acme", version=2))
    for n, margin in enumerate((8_000, 1_000)):
        rigs.work(bought(at(1) + n, f"c-{n}", total_minor=margin * 100 // 40))
    pass_time(rigs, FIRST + 1)
    when = (iso(FIRST), "policy")
    assert classes(rigs) == {"c-0": ("A", *when), "c-1": ("B", *when)}


def test_restarts_between_any_two_units_change_nothing() -> None:
    whole, cut = shop(3), shop(3)
    pass_time(whole, FIRST + 1)
    pass_time(whole, FIRST + EVERY + 1)
    for days in (FIRST + 1, FIRST + EVERY + 1):
        for rig in cut.rigs:
            rig.work(replace(watermark(at(days)), partition=rig.partition), limit=1)
            for _ in range(40):
                rig.restart()
                rig.work(limit=1)
        while hops := cut.hops():
            for partition, record in hops:
                cut.rigs[partition].restart()
                cut.rigs[partition].work(record)
                cut.rigs[partition].restart()
        for rig in cut.rigs:
            for _ in range(4):
                rig.work(sweep=1)
                rig.restart()
    assert classes(cut) == classes(whole)
    ends = [[rig.state(f"c-{n}") for rig in rigs.rigs] for rigs in (whole, cut) for n in range(5)]
    assert ends[:5] == ends[5:]
    counted = [sum(rig.counts().get(("evaluations", "taken"), 0) for rig in rigs.rigs) for rigs in (whole, cut)]
    assert counted == [2, 2]


def test_a_value_that_comes_after_the_day_is_closed_changes_no_cut_off() -> None:
    rigs = shop(2)
    pass_time(rigs, FIRST + 1)
    before = classes(rigs)
    rigs.work(bought(at(2), "c-late", total_minor=9_000_000))
    pass_time(rigs, FIRST + 2)
    assert {name: one for name, one in classes(rigs).items() if name != "c-late"} == before
    assert sum(rig.counts().get(("evaluations", "late"), 0) for rig in rigs.rigs) == 1


def test_by_the_wall_clock_partitions_without_a_customer_answer_too() -> None:
    rigs = Rigs(6, book(by_pareto(clock="wall")))
    rigs.work(bought(at(1), "c-0"))
    for _ in range(2):
        for rig in rigs.rigs:
            rig.work(wall=at(FIRST) + 1)
        rigs.deliver()
        for rig in rigs.rigs:
            rig.work(wall=at(FIRST) + 1, sweep=10)
    assert classes(rigs) == {"c-0": ("A", iso(FIRST), "policy")}


def test_cut_offs_outlive_a_new_version_until_its_own_are_taken() -> None:
    policies = book(by_pareto())
    rigs = shop(2, policies)
    pass_time(rigs, FIRST + 1)
    policies.add("*", at(FIRST + 2), by_pareto(10, version=2, pareto=ParetoClasses(50, 60, 10)))
    pass_time(rigs, FIRST + 5)
    assert classes(rigs)["c-1"] == ("B", iso(FIRST), "policy"), "frozen: only what is asked of the next evaluation has changed"
    rigs.work(told(at(FIRST + 6), "c-1"))
    pass_time(rigs, FIRST + 11)
    found = classes(rigs)
    assert found["c-1"] == ("C", iso(FIRST + 10), "policy"), "8 000 alone are 60 % of 10 000"
    policies.add("*", at(FIRST + 12), by_pareto(version=3, pareto=None))
    pass_time(rigs, FIRST + 13)
    assert {one[0] for one in classes(rigs).values()} == {None}
    policies.add("*", at(FIRST + 14), by_pareto(version=4))
    pass_time(rigs, FIRST + 15)
    assert {one[0] for one in classes(rigs).values()} == {None}, "cut-offs of long ago are not taken up again"
    pass_time(rigs, FIRST + EVERY)
    assert classes(rigs)["c-0"] == ("A", iso(FIRST + EVERY), "policy")
