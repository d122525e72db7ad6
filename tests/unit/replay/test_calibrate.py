"""From events to purchases, from purchases to a verdict, a policy and a page."""

import json
import re
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stream_app.codec.policy import read_policy
from stream_app.errors import Failure
from stream_app.replay.calibrate.propose import judge_data
from stream_app.replay.calibrate.report import write_report
from stream_app.replay.calibrate.run import calibrate
from tests.agreement.product import PROGRAM

POLICY = "currency: EUR\ntime_zone: Europe/Amsterdam\nmargin_pct: 50\nproduct_groups: {wine: [red]}\n"


def _event(kind: str, customer: str, time: str, data: dict[str, Any], event_id: str | None = None) -> dict[str, Any]:
    name = event_id or f"{kind}-{customer}-{time}-{data.get('order_id')}"
    return {"specversion": "1.0", "id": name, "source": "/shops/acme", "type": kind, "subject": customer, "time": time, "data": data}


def _order(
    customer: str, time: str, order_id: str, total: int = 1_000, category: str | None = None, currency: str = "EUR"
) -> dict[str, Any]:
    lines = [{"sku": "s", "category": category, "quantity": 1, "total_minor": total}] if category else []
    return _event("order.placed", customer, time, {"order_id": order_id, "currency": currency, "total_minor": total, "lines": lines})


def _write(folder: Path, events: list[dict[str, Any]], policy: str | None = None) -> tuple[Path, Path | None]:
    history = folder / "history.jsonl"
    history.write_text("".join(json.dumps(event) + "\n" for event in events) + "no json\n")
    if policy is None:
        return history, None
    (folder / "policy.yaml").write_text(policy)
    return history, folder / "policy.yaml"


def test_only_counting_orders_are_purchases(tmp_path: Path) -> None:
    events = [
        _event("order.cancelled", "b", "2025-01-05T00:00:00Z", {"order_id": "o-4"}),  # before its order
        _order("a", "2025-01-01T10:00:00Z", "o-1"),
        _order("a", "2025-01-01T10:00:00Z", "o-1"),  # a duplicate
        _order("a", "2025-01-11T10:00:00Z", "o-2"),
        _order("a", "2025-01-21T10:00:00Z", "o-3"),
        _event("order.refunded", "a", "2025-01-22T10:00:00Z", {"order_id": "o-3", "refund_id": "r", "amount_minor": 1_000}),
        _order("b", "2025-01-04T10:00:00Z", "o-4"),
        _order("b", "2025-02-01T10:00:00Z", "o-5"),
        _order("b", "2025-03-01T00:00:00Z", "o-6"),  # at --until
    ]
    found = calibrate([_write(tmp_path, events)[0]], None, date(2025, 3, 1))
    seen = found["observed"]
    assert (seen["orders"], seen["customers"], seen["from"], seen["to"]) == (3, 2, "2025-01-01", "2025-02-28")
    assert seen["left_out"] == {"after --until": 1, "duplicate": 1, "invalid_json": 1}
    bought = found["product_groups"]["default"]["purchases"]
    assert (bought["customers"], bought["occasions"], bought["repeat_rate_pct"], bought["one_time_pct"]) == (2, 3, 50.0, 50.0)
    assert bought["gap_days"]["p50"] == 10.0


def test_a_policy_gives_groups_zone_and_currency(tmp_path: Path) -> None:
    events = [
        _order("a", "2025-01-01T23:30:00Z", "o-1", category="red"),  # the 2nd of January in Amsterdam
        _order("a", "2025-01-12T12:00:00Z", "o-2", category="red"),
        _order("a", "2025-01-13T12:00:00Z", "o-3", category="hat"),
        _order("a", "2025-01-14T12:00:00Z", "o-4", currency="USD"),
    ]
    history, policy = _write(tmp_path, events, POLICY)
    found = calibrate([history], policy, None)
    assert found["observed"]["from"] == "2025-01-02"
    assert found["observed"]["left_out"]["another currency"] == 1
    assert {name: group["purchases"]["occasions"] for name, group in found["product_groups"].items()} == {"default": 1, "wine": 2}
    assert found["product_groups"]["wine"]["purchases"]["gap_days"]["mean"] == 10.0
    assert found["policy"] is None  # so thin, that nothing is proposed


@pytest.mark.parametrize(
    ("buyers", "days", "thrice", "missing"),
    [
        (500, 180, 1, []),
        (499, 180, 1, ["1 more buyers (499 of 500)"]),
        (500, 150, 1, ["30 more days (150 of 180)"]),
        (500, 180, 0, ["customers who have bought three times (none has)"]),
    ],
)
def test_verdict(buyers: int, days: int, thrice: int, missing: list[str]) -> None:
    verdict = judge_data({"customers": buyers, "with_3_occasions": thrice}, days)
    assert (verdict["missing"], verdict["enough"]) == (missing, not missing)
    assert all(text in verdict["text"] for text in missing)


def _shop(buyers: int) -> list[dict[str, Any]]:
    """Everybody buys every 20 or 30 days, a third stops after the first purchase, a third after the third."""
    events = []
    for number in range(buyers):
        for repeat in range((1, 3, 9)[number % 3]):
            day = date.fromordinal(date(2025, 1, 1).toordinal() + number % 30 + repeat * (20 + 10 * (number % 2)))
            events.append(_order(f"c{number}", f"{day}T12:00:00Z", f"o-{number}-{repeat}", 1_000 + 10 * (number % 50), "red"))
    return events


@pytest.mark.parametrize("policy", [POLICY + "version: 4\n", None], ids=["with a policy", "without"])
def test_the_proposed_policy_can_be_published(policy: str | None, tmp_path: Path) -> None:
    history, file = _write(tmp_path, _shop(600), policy)
    found = calibrate([history], file, None, 10.0)
    name = "default" if policy is None else "wine"
    group = found["product_groups"][name]
    assert group["verdict"]["enough"]
    document, compiled = read_policy(found["policy"].encode(), "proposed")
    assert document.currency == "EUR"
    assert document.version == (1 if policy is None else 5)
    rhythm = compiled.default_rhythm if policy is None else compiled.rhythms["wine"]
    assert group["proposed"]["method"] == {"Fixed": "fixed", "OwnRhythm": "own_rhythm", "Alive": "alive"}[type(rhythm).__name__]
    page = write_report(found)
    assert "<svg" in page
    assert group["verdict"]["text"] in page
    assert not re.search(r"(?:src|href)=|url\(|@import|<script", page)  # it loads nothing


def test_a_report_shows_names_as_text(tmp_path: Path) -> None:
    """A group may be called anything; the page shows it and runs nothing."""
    policy = 'currency: EUR\nproduct_groups: {"<script>x": [red]}\n'
    history, file = _write(tmp_path, _shop(30), policy)
    page = write_report(calibrate([history], file, None))
    assert "&lt;script&gt;x" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (
            [_order("a", "2025-01-01T10:00:00Z", "o-1"), _order("a", "2025-01-02T10:00:00Z", "o-2", currency="USD")],
            "several currencies (EUR, USD)",
        ),
        ([_event("contact.made", "a", "2025-01-01T10:00:00Z", {"channel": "email", "direction": "inbound"})], "no order counts"),
    ],
)
def test_what_cannot_be_studied_is_said_in_one_line(events: list[dict[str, Any]], words: str, tmp_path: Path) -> None:
    with pytest.raises(Failure) as told:
        calibrate([_write(tmp_path, events)[0]], None, None)
    assert words in str(told.value)


def test_the_command(tmp_path: Path) -> None:
    history, policy = _write(tmp_path, _shop(600), POLICY)
    command = [str(PROGRAM), "calibrate", str(history), "--policy", str(policy)]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["product_groups"]) == {"wine"}
    assert not (tmp_path / "calibration").exists()
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "calibration" / "report.html").stat().st_size > 5_000
    checked = subprocess.run(
        [str(PROGRAM), "policy", "check", "calibration/policy.yaml"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert checked.returncode == 0, checked.stderr
    done = subprocess.run([*command, "--until", "soon"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (2, "stream-app: --until soon: not a date, such as 2026-03-01\n")
