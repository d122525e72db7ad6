"""CDNOW as published: the parameters of the papers, the counts of the frontier, and the product's own replay beside them."""

import json
import subprocess
from importlib.metadata import files
from math import log
from pathlib import Path
from typing import Any

import pytest

from tests.agreement.product import PROGRAM, replay
from tests.oracle.cdnow import CUSTOMERS, orders

WEEK = 7


def _sample() -> set[str]:
    """The master numbers of the 1/10 sample's 2 357 customers."""
    path = next(path for path in files("lifetimes") or () if path.name == "CDNOW_sample.txt")
    return {line.split()[0] for line in Path(str(path.locate())).read_text().splitlines() if line.strip()}


def _calibrate(folder: Path, events: list[dict[str, Any]], *options: str) -> dict[str, Any]:
    history = folder / "history.jsonl"
    history.write_text("".join(json.dumps(event) + "\n" for event in events))
    done = subprocess.run([str(PROGRAM), "calibrate", str(history), "--json", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["product_groups"]["default"]
    return found


@pytest.fixture(scope="module")
def sample() -> list[dict[str, Any]]:
    kept = _sample()
    assert len(kept) == 2_357
    return [event for event in orders() if event["subject"] in kept]


def test_the_published_parameters(sample: list[dict[str, Any]], tmp_path: Path) -> None:
    """MBG: Batislam et al. (2007); BG: Fader, Hardie and Lee (2005); Gamma-Gamma: Fader and Hardie (2013), in dollars."""
    found = _calibrate(tmp_path, sample, "--until", "1997-10-01")
    mbg, bg, spend = found["mbg_nbd"], found["bg_nbd"], found["gamma_gamma"]
    for fit, values in (
        (mbg, {"r": 0.52484, "alpha_days": 6.18299 * WEEK, "a": 0.89136, "b": 1.61400}),
        (bg, {"r": 0.2426, "alpha_days": 4.4135 * WEEK, "a": 0.7929, "b": 2.4258}),
    ):
        for name, value in values.items():
            assert fit[name] == pytest.approx(value, rel=0.005)
            assert 0 < fit["standard_errors"][name] < value
    assert mbg["log_likelihood"] == pytest.approx(-9582.13, abs=0.02)
    assert bg["log_likelihood"] == pytest.approx(-9582.43, abs=0.02)
    assert (spend["p"], spend["q"], spend["v"] / 100) == pytest.approx((6.25, 3.74, 15.44), rel=0.01)
    assert spend["customers"] == 946
    assert log(WEEK) > 0  # the likelihood is that of weeks; in days it is lower by this much a repeat


def test_the_frontier_of_all_customers(tmp_path: Path) -> None:
    events = list(orders())
    found = _calibrate(tmp_path, events)
    assert found["purchases"]["customers"] == CUSTOMERS
    rows = {row["parameters"]["days"]: (row["alarms"], row["reversed"]) for row in found["frontier"] if row["method"] == "fixed"}
    assert (rows[60], rows[90], rows[180]) == ((36_814, 15_739), (31_773, 11_504), (23_403, 5_193))


def test_the_frontier_is_what_a_replay_publishes(sample: list[dict[str, Any]], tmp_path: Path) -> None:
    """One setting of each method, for a quarter of the sample: turns to inactive, and turns back, counted from the product's changes."""
    kept = set(sorted({event["subject"] for event in sample})[::4])
    sample = [event for event in sample if event["subject"] in kept]
    frontier = _calibrate(tmp_path, sample)["frontier"]
    chosen = [next(row for row in frontier if row["method"] == method and row["alarms"] > 100) for method in ("fixed", "own_rhythm")]
    chosen.append(next(row for row in frontier if row["method"] == "alive" and row["parameters"]["theta"] == 0.5))
    for row in chosen:
        output = replay(tmp_path, sample, {"currency": "USD", "rhythm": {"default": {"method": row["method"], **row["parameters"]}}})
        turns = [
            (change["data"]["from"], change["data"]["to"])
            for told in output.customers.values()
            for change in told.changes
            if change["data"]["dimension"] == "lifecycle"
        ]
        assert (turns.count(("active", "inactive")), turns.count(("inactive", "active"))) == (row["alarms"], row["reversed"])
