"""docs/start.md, followed to the letter: an export with columns that the page has never seen ends in a policy that was made for it."""

import json
import os
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from tests.agreement.product import PROGRAM

PAGE = Path(__file__).parents[2] / "docs" / "start.md"
BUYERS = 700


def _commands() -> list[str]:
    """The page's commands up to the policy, as they stand there."""
    return [line.strip() for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("    stream-app ")]


def _till() -> tuple[str, str]:
    """A till's export: blanks in names, a point for thousands, words where one expects numbers."""
    random = Random(7)
    rows = []
    for buyer in range(BUYERS):
        day = datetime(2024, 1, 1) + timedelta(days=random.randint(0, 500))  # noqa: DTZ001 - a till knows no zone
        rhythm = random.choice((20, 45, 90))
        while day < datetime(2025, 11, 1) and random.random() < 0.8:  # noqa: DTZ001
            rows.append((day, f"Pas {9000 + buyer}"))
            day += timedelta(days=random.expovariate(1 / rhythm) + 1)
    rows.sort()
    lines = ["Ticket nr.;Kaart lid;Moment;Afdeling;Totaal bedrag;Medewerker"]
    for number, (moment, pass_) in enumerate(rows):
        euro = f"€ 1.0{number % 90 + 10},50" if number % 50 == 0 else f"€ {number % 90 + 5},95"
        lines.append(f'T{number};{pass_};{moment:%d/%m/%Y %H:%M};{("Kaas", "Vlees")[number % 2]};"{euro}";Kassa {number % 3}')
    return "\n".join(lines) + "\n", "EUR"


def _warehouse() -> tuple[str, str]:
    """A table of a data warehouse: names in English, times with an offset, several rows an order."""
    random = Random(8)
    rows = []
    for buyer in range(BUYERS):
        day = datetime(2024, 1, 1) + timedelta(days=random.randint(0, 500))  # noqa: DTZ001
        while day < datetime(2025, 11, 1) and random.random() < 0.8:  # noqa: DTZ001
            rows.append((day, f"{buyer:08x}"))
            day += timedelta(days=random.expovariate(1 / 40) + 1)
    rows.sort()
    lines = ["basket_key,member_key,sold_at,line_value,units,product_family,product_key"]
    for number, (moment, member) in enumerate(rows):
        at = f"{moment:%Y-%m-%dT%H:%M:%S}+01:00"
        lines += [
            f"{number},{member},{at},{number % 60 + 3}.{line}9,{line},{('tea', 'coffee')[line % 2]},P{number % 80}" for line in (1, 2)
        ]
    return "\n".join(lines) + "\n", "USD"


@pytest.mark.parametrize("export", [_till, _warehouse])
def test_the_page_leads_from_an_unknown_export_to_a_policy(tmp_path: Path, export: object) -> None:
    assert callable(export)
    text, currency = export()
    (tmp_path / "export.csv").write_text(text, encoding="utf-8")
    environment = {"PATH": f"{PROGRAM.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "STREAM_APP_CACHE_DIR": os.devnull, "LANG": "C.UTF-8"}
    commands = _commands()
    assert [command.split()[1] for command in commands] == ["mapping", "publish", "calibrate", "policy", "replay", "compare"]
    for command in commands:
        ours = command.replace("--currency EUR", f"--currency {currency}")  # the page asks for that
        done = subprocess.run(ours, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    policy = (tmp_path / "calibration" / "policy.yaml").read_text(encoding="utf-8")
    assert re.search(rf"^currency: {currency}\b", policy, re.MULTILINE), "made for this file"
    changes = [json.loads(line) for line in (tmp_path / "changes.jsonl").read_text(encoding="utf-8").splitlines()]
    lost = [line for line in changes if line["topic"] == "status-changes" and line["event"]["data"].get("to") == "inactive"]
    assert len(lost) > BUYERS / 4, "customers turn away in this history"
    assert not [line for line in changes if line["topic"] == "dead-letters"]
    assert "<svg" in (tmp_path / "calibration" / "report.html").read_text(encoding="utf-8")
