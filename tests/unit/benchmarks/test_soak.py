"""The soak's verdicts can fail: a leak is found among noise, and so is a change that is lost, doubled or another; and its day is a day."""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.soak.compare import differing_changes, differing_ends, garbage_lost
from benchmarks.soak.picture import draw
from benchmarks.soak.shops import SHOPS, write_policy
from benchmarks.soak.strikes import KINDS, plan
from benchmarks.soak.traffic import CANARY, DAY_MS, Day
from benchmarks.soak.truth import Chain, Final, digest
from benchmarks.soak.verdicts import Allowed, Series, alike, beside, flat, none_of, rests, second_part, slope
from stream_app.codec.policy import load_policy_file

BEGIN_MS = 1_763_700_000_000
ALLOWED = Allowed(10, 5)


def noisy(rise_per_s: float, seconds: int = 600) -> Series:
    """A series around 200 with noise, and now and then a burst."""
    chance = Random(3)
    return [(float(t), 200 + rise_per_s * t + chance.gauss(0, 4) + (300 if chance.random() < 0.03 else 0)) for t in range(seconds)]


def test_a_series_that_grows_is_found_and_a_flat_one_passes() -> None:
    assert flat("m", noisy(0.0), ALLOWED, 60).is_held
    leak = flat("m", noisy(0.05), ALLOWED, 60)
    assert not leak.is_held
    assert leak.figure == pytest.approx(30, abs=4)
    assert flat("m", noisy(-0.05), ALLOWED, 60).is_held
    assert slope(noisy(0.05)) == pytest.approx(0.05, abs=0.005)


def test_memory_that_a_filling_buffer_takes_is_no_leak_and_any_other_is() -> None:
    buffers = {at: 0.3 * at % 20 for at, _ in noisy(0.0)}
    filling = [(at, value + buffers[at]) for at, value in noisy(0.0)]
    kept = [(at, value + max(held for then, held in buffers.items() if then <= at)) for at, value in noisy(0.0)]
    for series in (filling, kept):
        assert flat("m", beside(series, buffers), ALLOWED, 60).is_held, "given back to the system or kept for the next time"
    leaking = [(at, value + 0.05 * at) for at, value in filling]
    assert not flat("m", second_part(beside(leaking, buffers)), ALLOWED, 60).is_held
    assert beside([(0.0, 9.0), (1.0, 9.0), (2.0, 9.0)], {0.0: 2.0, 1.0: 4.0}) == [(0.0, 7.0), (1.0, 5.0), (2.0, 5.0)]


def test_what_is_too_short_to_judge_fails() -> None:
    assert not flat("m", noisy(0.0, 20), ALLOWED, 60).is_held
    assert not flat("m", [], ALLOWED, 60).is_held
    assert [point[0] for point in second_part(noisy(0.0, 10))] == [5, 6, 7, 8, 9]


def test_lives_are_compared_at_one_age() -> None:
    lives = [[(100.0 * life + age, 50.0 + 30 * min(age, 20) + life * rise) for age in range(40)] for rise in (0,) for life in range(5)]
    assert alike("m", lives, (12, 20), ALLOWED).is_held
    growing = [[(at, value + 40 * number) for at, value in life] for number, life in enumerate(lives)]
    assert not alike("m", growing, (12, 20), ALLOWED).is_held
    assert not alike("m", lives[:1], (12, 20), ALLOWED).is_held, "one life proves nothing"


def test_a_lag_that_stays_is_found() -> None:
    assert rests(60, {"one": 3.0, "two": 59.0}).is_held
    assert not rests(60, {"one": 3.0, "two": None}).is_held
    assert not rests(60, {"one": 61.0}).is_held
    assert not rests(60, {}).is_held
    assert not none_of("m", [], 0).is_held


def change(number: int, before: str | None, after: str | None, dimension: str = "lifecycle") -> dict[str, Any]:
    data = {"dimension": dimension, "from": before, "to": after, "sequence": number}
    return {"id": f"{number:032x}", "type": "status.changed", "time": "2026-01-01T00:00:00.000Z", "data": data}


def test_a_change_that_is_lost_doubled_or_another_is_found() -> None:
    told = [digest(change(1, None, "active")), digest(change(2, "active", "inactive"))]
    place = ("status-changes", "harbour/c")
    assert differing_changes({place: told}, {place: told}, ["harbour/c"]) == []
    for worker in ({place: told[:1]}, {place: [*told, told[1]]}, {place: [told[0], digest(change(2, "active", None))]}, {}):
        assert len(differing_changes(worker, {place: told}, ["harbour/c"])) == 1
    assert differing_changes({}, {place: told}, ["harbour/d"]) == [], "who is not asked for is not compared"


def test_who_stands_otherwise_is_found() -> None:
    one, other = Final({"class": "A"}, {"orders": 1}), Final({"class": "B"}, {"orders": 1})
    assert differing_ends({"c": one}, [{"c": other}, {"c": one}]) == []
    assert differing_ends({"c": one}, [{"c": other}]) == ["c: class A, replay B"]
    assert differing_ends({}, [{"c": one}]) == ["c: only the replay knows him"]
    assert differing_ends({"c": one}, [{}]) == ["c: only the worker knows him"]


def test_a_hole_and_a_broken_chain_are_found_and_an_erasure_ends_a_life() -> None:
    chain = Chain()
    assert chain.follow(change(1, None, "active")) is None
    assert chain.follow(change(3, "active", "inactive")) == "sequence 3 where 2 is next"
    assert chain.follow(change(4, "active", "inactive")) == "lifecycle from active where it was inactive"
    assert chain.follow({"type": "erasure.completed", "data": {}}) is None
    assert chain.follow(change(1, None, "active")) is None


def test_garbage_that_is_lost_or_doubled_is_found() -> None:
    expected, published = {b"x": "invalid_json"}, Counter({b"x": 2})
    assert garbage_lost(published, expected, Counter({("invalid_json", b"x"): 1})) == []
    for letters in ({}, {("invalid_json", b"x"): 3}, {("invalid_data", b"x"): 2}):
        assert len(garbage_lost(published, expected, letters)) == 1


def test_a_day_is_the_same_for_a_seed_and_tells_the_tidy_in_order() -> None:
    days = [Day(5, begin_ms=BEGIN_MS, seconds=60, customers=800, rate=200, partitions=4) for _ in range(2)]
    told = [[*day.past(), *(line for tick in range(day.ticks) for line in day.tick(tick)), *day.end()] for day in days]
    assert told[0] == told[1]
    day, lines = days[0], told[0]
    assert set(day.counts) >= {
        "garbage",
        "duplicate",
        "late",
        "misrouted",
        "customer.merged",
        "customer.erased",
        "referral.made",
        "order again",
    }
    latest: dict[bytes, int] = {}
    seen: set[bytes] = set()
    for line in lines:
        if line.value not in seen and line.value not in day.garbage and line.key.decode() not in day.untidy and b"/" in line.key:
            assert latest.get(line.key, 0) < line.time_ms, "in time order, and never two at once"
            latest[line.key] = line.time_ms
        seen.add(line.value)
    assert all(CANARY in line.key.decode() for line in lines if b"/" in line.key)
    assert max(line.time_ms for line in lines) == BEGIN_MS + DAY_MS
    assert day.rate_at(0) != day.rate_at(day.ticks // 2), "days have nights"


@pytest.mark.parametrize("shop", SHOPS)
def test_every_version_of_a_policy_can_be_used(shop: str, tmp_path: Path) -> None:
    for version in (1, 2, 3):
        assert load_policy_file(write_policy(tmp_path, shop, version)).version == version


def test_a_long_run_has_every_strike_and_a_short_one_some() -> None:
    assert {strike.kind for strike in plan(1, 1_800)} == set(KINDS)
    dues = [strike.due_s for strike in plan(1, 1_800)]
    assert dues == sorted(dues)
    assert len(plan(1, 120)) < len(dues)
    assert plan(1, 1_800) != plan(2, 1_800)


def test_the_report_shows_verdicts_and_strikes() -> None:
    strikes = [{**strike.told(), "at_s": strike.due_s, "failed": "it did not strike"} for strike in plan(1, 60)]
    verdict = rests(60, {"kill": None})._asdict()
    result = {"events": 1, "shops": 4, "minutes": 1.0, "seed": 1, "strikes": strikes, "verdicts": [verdict], "how": "h", "date": "d"}
    result |= {"machine": {"cores": 2, "processor": "p"}, "versions": {"commit": "c", "rules": "compiled"}}
    samples = [
        {"t": t, "published": 100 * t, "lag": 0, "insights lag": 0, "w1": {"rss_mib": 100, "records": 90 * t, "cpu_s": t}}
        for t in range(60)
    ]
    page = draw(result, samples)
    assert "not everything held" in page
    assert "it did not strike" in page
    assert page.count('class="mark"') == len(strikes) * 4, "in each plot that has points"
