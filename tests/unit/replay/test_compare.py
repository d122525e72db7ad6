"""Two policies over one history: nothing beside itself, a mirror when swapped, and exactly the difference of two replays."""

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stream_app.replay.compare.report import write_report
from stream_app.replay.compare.run import compare
from tests.agreement.product import PROGRAM, Output, replay
from tests.oracle.cdnow import orders

A = {
    "currency": "USD", "rhythm": {"default": {"method": "fixed", "days": 60}},
    "criteria": [{"measure": "value_now", "weight": 1, "bands": {0: 20, 2000: 50, 8000: 100}}],
    "classes": {"by": "score", "A": 70, "B": 40},
}  # fmt: skip
B = A | {"rhythm": {"default": {"method": "own_rhythm", "prior_days": 40, "factor_pct": 200}}, "classes": {"by": "score", "A": 90, "B": 30}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The events of 200 customers and both policies."""
    place = tmp_path_factory.mktemp("compare")
    with (place / "history.jsonl").open("w") as file:
        file.writelines(json.dumps(event) + "\n" for event in orders() if int(event["subject"]) <= 200)
    for name, document in (("a", A), ("b", B)):
        (place / f"{name}.json").write_text(json.dumps(document))
    return place


def _compare(folder: Path, one: str, other: str) -> dict[str, Any]:
    return compare([folder / "history.jsonl"], folder / f"{one}.json", folder / f"{other}.json")


def _mirror(value: Any) -> Any:
    if isinstance(value, list):
        return [_mirror(one) for one in value]
    if isinstance(value, dict):
        swapped = {"a": "b", "b": "a", "a_since": "b_since", "b_since": "a_since", "a_reason": "b_reason", "b_reason": "a_reason"}
        return {swapped.get(name, name): _mirror(one) for name, one in value.items()}
    return value


def _sorted(found: dict[str, Any]) -> dict[str, Any]:
    for rows in found["difference"]["transitions"].values():
        rows.sort(key=lambda row: (str(row["a"]), str(row["b"])))
    return found


def test_a_policy_beside_itself_is_no_difference(folder: Path) -> None:
    found = _compare(folder, "a", "a")
    assert found["difference"] == {"is_same": True, "figures": {}, "transitions": {}, "moves": [], "months": [], "customers_affected": 0}
    assert found["customers"] == []
    assert found["a"] == found["b"]
    assert found["a"]["alarms"] > 0
    assert "No difference" in write_report(found, "a", "a")


def test_b_beside_a_is_the_mirror_of_a_beside_b(folder: Path) -> None:
    found = _compare(folder, "a", "b")
    assert not found["difference"]["is_same"]
    assert _sorted(_mirror(found)) == _sorted(_compare(folder, "b", "a"))


def _lifecycle(output: Output) -> list[tuple[str | None, str | None]]:
    return [
        (change["data"]["from"], change["data"]["to"])
        for told in output.customers.values()
        for change in told.changes
        if change["data"]["dimension"] == "lifecycle"
    ]


def test_its_numbers_are_the_difference_of_two_replays(folder: Path, tmp_path: Path) -> None:
    found = _compare(folder, "a", "b")
    events = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    one, other = replay(tmp_path, events, A), replay(tmp_path, events, B)
    assert len(one.customers) == found["a"]["customers"] == 200
    turns = _lifecycle(one), _lifecycle(other)
    for side, output, moves in zip("ab", (one, other), turns, strict=True):
        assert found[side]["changes"] == sum(len(told.changes) for told in output.customers.values())
        assert found[side]["alarms"] == moves.count(("active", "inactive"))
        assert found[side]["reversed"] == moves.count(("inactive", "active"))
        opened = [event for told in output.customers.values() for event in told.reactions if event["type"] == "winback.opened"]
        assert found[side]["winback"]["winback.opened"] == len(opened)
        assert found[side]["winback_budget_minor"] == sum(event["data"]["budget_minor"] for event in opened)
    crossed: Counter[tuple[str, str | None, str | None]] = Counter()
    for who, told in one.customers.items():
        here, there = told.profile["data"]["statuses"], other.customers[who].profile["data"]["statuses"]
        crossed.update((dimension, here[dimension], there[dimension]) for dimension in here if here[dimension] != there[dimension])
    shown = {(name, row["a"], row["b"]): row["customers"] for name, rows in found["difference"]["transitions"].items() for row in rows}
    assert shown == crossed != Counter()
    for row in found["difference"]["moves"]:
        if row["dimension"] == "lifecycle":
            assert (row["a"], row["b"]) == tuple(moves.count((row["from"], row["to"])) for moves in turns)
    months = [row for row in found["difference"]["months"] if (row["from"], row["to"]) == ("active", "inactive")]
    assert sum(row["b"] - row["a"] for row in months) == found["b"]["alarms"] - found["a"]["alarms"]


def test_the_most_affected_say_why(folder: Path) -> None:
    customers = _compare(folder, "a", "b")["customers"]
    assert 0 < len(customers) <= 20
    counts = [len(one["dimensions"]) for one in customers]
    assert counts == sorted(counts, reverse=True)
    assert all(row["a_reason"] or row["b_reason"] for one in customers for row in one["dimensions"])


def test_the_command(folder: Path) -> None:
    command = [str(PROGRAM), "compare", "history.jsonl", "--policy", "a.json"]
    told = subprocess.run([*command, "--policy", "b.json"], capture_output=True, text=True, cwd=folder, check=False)
    assert told.returncode == 0, told.stderr
    page = (folder / "comparison.html").read_text()
    assert "turns to inactive" in page
    assert not re.search(r"(?:src|href)=|url\(|@import|<script", page)
    told = subprocess.run([*command, "--policy", "b.json", "--json"], capture_output=True, text=True, cwd=folder, check=False)
    assert json.loads(told.stdout)["difference"]["customers_affected"] > 0
    told = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert (told.returncode, told.stderr) == (2, "stream-app: --policy is given 1 times: give it twice, A and B\n")
