"""Dashboards: provisioned as Grafana wants them, every query about metrics that exist, and answered by a Prometheus that scrapes ours."""

import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from stream_app.telemetry.ingest import IngestMetrics
from stream_app.telemetry.metrics import Metrics, UnitSeen
from stream_app.telemetry.server import MetricsServer, Shown
from stream_app.telemetry.webhooks import WebhookMetrics
from tests.deploy.monitor import ROOT, RULES, tool, unknown_names

GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
VARIABLES = {"$__rate_interval": "1m", "$__range": "1h"}
LIMIT_S = 30.0
NEEDS_A_WEEK = re.compile(r"7d|14d")


def queries(dashboard: Path) -> list[str]:
    panels = json.loads(dashboard.read_text())["panels"]
    found = [target["expr"] for panel in panels for target in panel["targets"]]
    for variable, value in VARIABLES.items():
        found = [query.replace(variable, value) for query in found]
    return found


def recorded() -> dict[str, str]:
    return {
        rule["record"]: rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"] if "record" in rule
    }


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_asks_for_metrics_that_exist(dashboard: Path) -> None:
    for query in queries(dashboard):
        assert "$" not in query
        assert unknown_names(query, set(recorded())) == set(), query


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_is_whole(dashboard: Path) -> None:
    found = json.loads(dashboard.read_text())
    assert found["uid"] == f"stream-app-{dashboard.stem}"
    assert len({panel["id"] for panel in found["panels"]}) == len(found["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in found["panels"]:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells


def test_they_are_provisioned_from_where_they_are_mounted() -> None:
    provider = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "stream-app.yml").read_text())["providers"][0]
    source = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text())["datasources"][0]
    mounts = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]["volumes"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounts
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")


def busy(metrics: Metrics) -> None:
    """A second of everything that can happen."""
    counts: dict[tuple[str, ...], int] = {
        ("events", "order.placed"): 90, ("derived", "referral.converted"): 1, ("rejections", "invalid_json"): 1, ("duplicates",): 2,
        ("suppressed",): 1, ("erasures",): 1, ("changes", "lifecycle", "event"): 5, ("changes", "class", "time"): 5, ("rekeyed",): 1,
        ("forgotten", "dedup"): 1, ("deadlines",): 5, ("evaluations", "closed"): 1, ("swept",): 1, ("turns", "lost"): 60,
        ("false_alarms",): 3,
    }  # fmt: skip
    metrics.unit(UnitSeen(0, 100, counts, 0.01, 0.02))
    metrics.timers(0, 7, 1.5)
    metrics.lag("orders", 0, 9)
    metrics.restore(0, 0)
    metrics.restore_eta(0)
    metrics.sweep(0, 8)
    metrics.policy_error()
    metrics.ready(True)


def connected(taken: IngestMetrics, given: WebhookMetrics) -> None:
    """A second of requests, and of deliveries."""
    taken.answered("events", 202, 0.01)
    taken.stored("events", 5, 1)
    taken.refused("track", ["invalid_data"])
    taken.throttled("rate")
    taken.produced(5, 0.01)
    taken.watch(lambda: 10, lambda: True)
    given.attempt("crm", "delivered", 0.1)
    given.attempt("crm", "failed", 0.1)
    given.waiting("crm", 3)
    given.up("crm", up=True)


class Prometheus:
    """A real one that scrapes a few addresses every half a second."""

    def __init__(self, directory: Path, targets: dict[str, int]) -> None:
        self.port = free_port()
        config = {
            "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
            "rule_files": [str(RULES)],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]} for job, target in targets.items()
            ],
        }
        (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
        command = [tool("prometheus"), f"--config.file={directory / 'prometheus.yml'}", f"--storage.tsdb.path={directory / 'data'}"]
        with (directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"], stdout=log, stderr=log
            )

    def ask(self, query: str) -> list[Any]:
        """The result of a query; an answer that is no success raises."""
        with urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{urlencode({'query': query})}", timeout=10) as answer:
            found = json.load(answer)
        assert found["status"] == "success", found
        return list(found["data"]["result"])

    def scrapes(self) -> int:
        """How often it has scraped."""
        found = self.ask("min(count_over_time(up[1m]))")
        return int(found[0]["value"][1]) if found else 0

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(is_so: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + LIMIT_S
    while time.monotonic() < ends:
        try:
            if is_so():
                return
        except (URLError, ConnectionError):
            pass  # it does not answer yet
        time.sleep(0.1)
    pytest.fail(what)


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Prometheus]:
    metrics = Metrics()
    metrics.buffers(lambda: {"states": 1 << 20, "writes": 2 << 20})
    metrics.endings({})
    taken, given = IngestMetrics(), WebhookMetrics()
    busy(metrics)
    connected(taken, given)
    shown: dict[str, Shown] = {"stream-app-worker": metrics, "stream-app-ingest": taken, "stream-app-webhooks": given}
    servers = {job: MetricsServer(one, "127.0.0.1", 0, waits_for=lambda: None, alive=lambda: True) for job, one in shown.items()}
    running = Prometheus(tmp_path, {job: server.port for job, server in servers.items()})
    try:
        for scrapes in range(2, 6):
            until(lambda least=scrapes: running.scrapes() >= least, "it must scrape")  # type: ignore[misc]
            busy(metrics)
            connected(taken, given)
        yield running
    finally:
        running.stop()
        for server in servers.values():
            server.close()


def test_every_query_is_answered_from_what_is_really_scraped(prometheus: Prometheus) -> None:
    """Also that each finds something: a label that does not exist, or a join that matches nothing, answers with nothing."""
    rates = "job:customer_status_records:rate5m"
    until(lambda: bool(prometheus.ask(rates)), "the rules must be evaluated")
    answers = {query: prometheus.ask(query) for dashboard in DASHBOARDS for query in queries(dashboard)}
    empty = [query for query, answer in answers.items() if not answer]
    assert len(answers) > 30
    assert [query for query in empty if not NEEDS_A_WEEK.search(query)] == []
    assert float(prometheus.ask(rates)[0]["value"][1]) > 0
    assert prometheus.ask("ALERTS{alertname='CustomerStatusDown'}") == []
