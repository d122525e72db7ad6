"""The speed at which the demo's year goes by."""

import asyncio
import time
from typing import Any

import pytest

from stream_app.demo import pace
from stream_app.demo.pace import DAY_MS, Pace


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A wall clock that moves only by sleeping."""

    class Clock:
        now = 100.0
        slept = 0

        def monotonic(self) -> float:
            return self.now

        async def sleep(self, seconds: float) -> None:
            self.now += seconds
            self.slept += 1

    told = Clock()
    monkeypatch.setattr(time, "monotonic", told.monotonic)
    monkeypatch.setattr(asyncio, "sleep", told.sleep)
    return told


def allowed(told: Pace, time_ms: int) -> int:
    return asyncio.run(told.allow(time_ms))


def test_a_day_lasts_as_long_as_the_speed_says(clock: Any) -> None:
    told = Pace()
    assert allowed(told, 0) == 0
    for speed in (1, 30):
        told.speed = speed
        before, began = told.at_ms or 0, clock.now
        reached = allowed(told, before + DAY_MS)
        assert reached >= before + DAY_MS
        assert clock.now - began == pytest.approx(1 / speed, abs=pace._LOOK_S)


def test_as_fast_as_it_goes_waits_for_nothing_and_is_asked_again_soon(clock: Any) -> None:
    told = Pace()
    told.speed = None
    began = clock.now
    reached = allowed(told, 1_000 * DAY_MS)
    assert (clock.now, reached) == (began, 1_000 * DAY_MS + DAY_MS // 2)
    assert told.at_ms == 1_000 * DAY_MS


def test_weeks_without_an_event_are_skipped(clock: Any) -> None:
    told = Pace()
    allowed(told, 0)
    began = clock.now
    allowed(told, 60 * DAY_MS)
    assert clock.now - began <= 2 / pace.FIRST_SPEED + pace._LOOK_S


def test_nothing_passes_while_it_is_paused(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Pace()
    allowed(told, 0)
    told.paused = True
    sleep = clock.sleep

    async def sleep_and_go_on_after_a_while(seconds: float) -> None:
        await sleep(seconds)
        if clock.slept == 500:
            assert told.at_ms == 0
            told.paused = False

    monkeypatch.setattr(asyncio, "sleep", sleep_and_go_on_after_a_while)
    allowed(told, DAY_MS)
    assert clock.slept > 500
