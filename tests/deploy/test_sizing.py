"""The figures of docs/sizing.md are those that were measured, and not of long ago."""

import json
import re
from typing import Any

import pytest

from tests.deploy.monitor import ROOT

MEASURED = json.loads((ROOT / "benchmarks" / "results" / "quick.json").read_text())
ROWS = re.findall(r"^\| ([^|]+) \| (-?[0-9. ]+) \| `([\w.]+)` \|$", (ROOT / "docs" / "sizing.md").read_text(), re.MULTILINE)
OFF = 1.6
"""Two runs of one program may differ so much; another program's figures would differ more."""


def figure(path: str) -> float:
    found: Any = MEASURED
    for name in path.split("."):
        found = found[name]
    return float(found)


@pytest.mark.parametrize(("what", "told", "path"), ROWS, ids=[row[2] for row in ROWS])
def test_a_figure_is_the_one_that_was_measured(what: str, told: str, path: str) -> None:
    said, measured = float(told.replace(" ", "")), figure(path)
    if path.endswith("_pct"):  # a difference of two figures
        assert abs(said - measured) < 30, what
    else:
        assert 1 / OFF < said / measured < OFF, what


def test_the_table_is_read() -> None:
    assert len(ROWS) >= 13
