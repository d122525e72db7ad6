"""Verdicts beside figures, customers made cheaply, and rates read from markers."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks import run
from benchmarks.history import make_history
from benchmarks.measurements import replay
from benchmarks.place import Place
from benchmarks.product.inputs import POLICY, synthetic
from benchmarks.product.shop import Step, rate, rate_once_warm
from benchmarks.product.states import END_MS, frames_of
from benchmarks.product.traffic import percentile
from benchmarks.report import print_table, verdicts
from stream_app.codec.state import decode_state
from stream_app.engine.stores.frame import deadline_of, state_of

RESULT: dict[str, Any] = {
    "w1": {"ours": 120_000, "kafka_streams_eos": 100_000, "quix": 100_000, "faust": None},
    "full_domain": 30_000,
    "latency_p99_ms": {"1000": 50.0, "5000": 251.0},
    "rss_mib": {"1m": 399},
    "ingest": {
        "single": {"events_per_s": 2_001, "p99_ms": 20.0, "lost": 0},
        "batches_of_100": {"events_per_s": 19_999, "p99_ms": 101.0, "lost": 0},
        "killed": {"answered": 1_000, "cut_off": 100, "lost": 1},
    },
}


def test_a_quick_run_leaves_out_what_it_cannot_tell() -> None:
    every = run.measured(quick=False)
    assert every == tuple(run.MEASUREMENTS)
    assert run.measured(quick=True) == tuple(name for name in every if name != "growth")


def test_every_figure_has_a_verdict_and_a_missing_one_has_none() -> None:
    found = {line["what"]: line["verdict"] for line in verdicts(RESULT)}
    assert found == {
        "W1, ours over kafka_streams_eos": "reached",
        "W1, ours over quix": "missed",
        "full domain over Kafka Streams exactly_once_v2 doing W1": "missed",
        "p99 ms from event to change at 5 000 events/s": "missed",
        "events a second in the full domain, one worker of 2 processes": "reached",
        "single-event requests a second to ingest": "reached",
        "p99 ms of those": "reached",
        "events a second to ingest, in batches of 100": "missed",
        "p99 ms of such a batch": "missed",
        "answered events that ingest has lost, one kill -9 included": "missed",
        "resident MiB at 1 M customers": "reached",
    }


def test_the_table_says_what_was_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    runs = {"ours": {"what": "w", "orders": 10, "events_per_s": [1], "spread_pct": 0, "cpu_us_per_event": 1.0, "rss_mib": 1}}
    result = {
        **RESULT,
        "w1": {"ours": 1, "faust": None},
        "w1_runs": {**runs, "faust": {"what": "w", "fault": "not installed: no network"}},
        "w1_how": "so",
        "date": "2026-01-01",
        "quick": True,
        "machine": {"cores": 2, "processor": "p", "memory_gib": 4, "python": "3.11"},
        "versions": {"commit": "c", "rules": "python", "kafka": "4"},
        "seconds": {"all": 1.0},
        "faults": {"growth": "AssertionError: no"},
    }
    print_table({**result, "targets": verdicts(result)})
    printed = capsys.readouterr().out
    assert "not installed: no network" in printed
    assert "not measured: growth: AssertionError: no" in printed
    assert "missed" in printed


def test_only_known_measurements_are_named() -> None:
    assert run._names("w1, latency") == ("w1", "latency")
    with pytest.raises(argparse.ArgumentTypeError, match="speed"):
        run._names("w1,speed")


def test_a_figure_that_cannot_be_taken_does_not_cost_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(place: Place) -> dict[str, Any]:
        raise AssertionError("no figure")

    @contextmanager
    def nowhere(**given: Any) -> Iterator[Place]:
        yield Place("nowhere:1", Path(), **given)

    monkeypatch.setattr(run, "fresh_place", nowhere)
    monkeypatch.setattr(run, "MEASUREMENTS", {"broken": broken, "fine": lambda place: {"rss_mib": {"1m": 500}}})
    result = run.run(("broken", "fine"), quick=True)
    assert result["faults"] == {"broken": "AssertionError: no figure"}
    assert result["targets"][0]["verdict"] == "missed"
    assert json.loads(json.dumps(result)) == result


def test_made_customers_are_the_products_own() -> None:
    frames = frames_of(POLICY, make_history(60, 5, seed=2), END_MS)
    assert len(frames) == 5
    for framed in frames:
        assert decode_state(state_of(framed)).counting > 0
        assert deadline_of(framed) == 0 or deadline_of(framed) > END_MS  # what was due has fired


def test_the_rate_is_between_the_first_unit_of_work_and_the_last() -> None:
    assert rate([Step(1_000, 400), Step(1_500, 900), Step(3_000, 2_400)]) == 1_000


def test_the_rate_once_warm_is_that_of_the_second_half() -> None:
    """From the last unit of work that was not beyond the half: what a second process adds when it is ready is seen whole."""
    steps = [Step(1_000, 0), Step(2_000, 400), Step(3_000, 1_000), Step(3_200, 1_400), Step(3_500, 2_000)]
    assert rate(steps) == 800
    assert rate_once_warm(steps) == 2_000
    assert rate_once_warm([Step(1_000, 100), Step(2_000, 900)]) == 800, "of two units there is but one way"
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 3.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 99) == 4.0


def test_a_replay_is_measured_on_a_tiny_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "complete_journey", lambda: synthetic(tmp_path, 40_000)._replace(name="complete_journey"))
    found = replay.measure(Place("nowhere:1", tmp_path, quick=True, rounds=1))
    assert found["replay_events_per_s_core"] > 0
