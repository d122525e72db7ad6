"""Recording and alerting rules: valid, each alert seen to fire and clear, each with a runbook, about metrics that exist."""

import re
from typing import Any

import yaml

from tests.deploy.monitor import ROOT, RULES, promtool, registered, unknown_names

RUNBOOK = ROOT / "docs" / "runbook.md"


def rules(kind: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def names(kind: str) -> set[str]:
    return {str(rule[kind]) for rule in rules(kind)}


def test_the_rules_are_valid() -> None:
    assert f"{len(rules('alert')) + len(rules('record'))} rules found" in promtool("check", "rules", str(RULES))


def test_each_alert_fires_and_clears() -> None:
    tested = RULES.parent / "alerts_test.yml"
    assert "SUCCESS" in promtool("test", "rules", str(tested))
    seen: dict[str, list[bool]] = {}
    for group in yaml.safe_load(tested.read_text())["tests"]:
        for case in sorted(group.get("alert_rule_test", ()), key=lambda case: seconds(case["eval_time"])):
            seen.setdefault(case["alertname"], []).append(bool(case.get("exp_alerts")))
    assert set(seen) == names("alert")
    for alert, fired in seen.items():
        assert fired[0] is False, f"{alert}: not seen silent at first"
        assert re.search("10", "".join("1" if one else "0" for one in fired)), f"{alert}: not seen to fire and then to clear"


def seconds(time: str) -> int:
    return int(time[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[time[-1]]


def test_each_alert_says_what_to_do_in_the_runbook_and_the_runbook_has_no_other() -> None:
    sections = re.findall(r"^## (\w+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert set(sections) == names("alert")
    for rule in rules("alert"):
        notes = rule["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url"}
        assert notes["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_every_section_of_the_runbook_says_what_to_do_first() -> None:
    for section in re.split(r"^## ", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]:
        assert re.search(r"^(1\. |- )", section, re.MULTILINE), section.splitlines()[0]


def test_the_rules_ask_for_metrics_that_exist() -> None:
    recorded = names("record")
    for rule in [*rules("alert"), *rules("record")]:
        assert unknown_names(rule["expr"], recorded) == set(), rule


def test_a_metric_that_does_not_exist_is_noticed() -> None:
    assert unknown_names("rate(customer_status_nonsense_total[5m]) + job:customer_status_nonsense:rate5m", set()) == {
        "customer_status_nonsense_total",
        "job:customer_status_nonsense:rate5m",
    }
    assert unknown_names("rate(customer_status_commit_seconds_bucket[5m])", set()) == set()


def test_a_label_that_no_metric_has_is_not_asked_for() -> None:
    known = {"namespace", "job", "instance", "le", *(label for _, labels in registered().values() for label in labels)}
    for rule in [*rules("alert"), *rules("record")]:
        for group in re.findall(r"(?:by|on) \(([^)]*)\)", rule["expr"]):
            assert set(group.replace(" ", "").split(",")) <= known, rule


def test_no_other_file_under_deploy_has_rules_in_its_name() -> None:
    assert [file.name for file in (ROOT / "deploy").rglob("*rules*")] == ["rules.yml"]
