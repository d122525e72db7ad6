"""The metrics catalogue, the port that shows it, and log lines that quote nobody."""

import io
import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from stream_app.errors import Failure
from stream_app.telemetry.logs import Seldom, configure_logging, get_logger
from stream_app.telemetry.metrics import Metrics, UnitSeen
from stream_app.telemetry.server import MetricsServer
from tests.pages import page

CATALOGUE = {
    "customer_status_events_total": {"type"},
    "customer_status_rejections_total": {"code"},
    "customer_status_duplicates_total": set(),
    "customer_status_changes_total": {"dimension", "cause"},
    "customer_status_rekeyed_total": set(),
    "customer_status_forgotten_total": {"what"},
    "customer_status_deadlines_total": set(),
    "customer_status_suppressed_total": set(),
    "customer_status_erasures_total": set(),
    "customer_status_records_total": {"partition"},
    "customer_status_units_total": {"partition"},
    "customer_status_batch_seconds_count": set(),
    "customer_status_commit_seconds_count": set(),
    "customer_status_lag_records": {"topic", "partition"},
    "customer_status_timers_pending": {"partition"},
    "customer_status_deadline_overdue_seconds": {"partition"},
    "customer_status_restore_records_left": {"partition"},
    "customer_status_restore_eta_seconds": set(),
    "customer_status_buffered_bytes": {"buffer"},
    "customer_status_policy_errors_total": set(),
    "customer_status_rule_errors_total": set(),
    "customer_status_swept_total": set(),
    "customer_status_sweep_states_left": {"partition"},
    "customer_status_ready": set(),
    "customer_status_turns_total": {"kind"},
    "customer_status_false_alarms_total": set(),
    "customer_status_fatal_errors_total": {"error"},
}


def observed() -> Metrics:
    metrics = Metrics()
    counts: Counter[tuple[str, ...]] = Counter({
        ("events", "order.placed"): 3, ("rejections", "invalid_json"): 1, ("duplicates",): 2, ("changes", "lifecycle", "event"): 1,
        ("rekeyed",): 1, ("forgotten", "dedup"): 4, ("deadlines",): 5, ("suppressed",): 6, ("erasures",): 1, ("swept",): 6,
        ("turns", "lost"): 2, ("false_alarms",): 1,
    })  # fmt: skip
    metrics.unit(UnitSeen(0, 3, counts, 0.01, 0.02))
    metrics.timers(0, 7, 1.5)
    metrics.lag("orders", 0, 9)
    metrics.restore(0, 0)
    metrics.sweep(0, 8)
    metrics.buffers(lambda: {"states": 1, "writes": 2})
    metrics.endings({"UnitError": 2})
    metrics.ready(True)
    return metrics


def test_the_catalogue_is_what_is_exported() -> None:
    found: dict[str, set[str]] = {}
    for family in observed().registry.collect():
        for sample in family.samples:
            if not sample.name.endswith(("_created", "_bucket", "_sum")):
                found.setdefault(sample.name, set()).update(sample.labels)
    assert found == CATALOGUE


def test_a_unit_is_counted_by_its_labels() -> None:
    registry = observed().registry
    assert registry.get_sample_value("customer_status_events_total", {"type": "order.placed"}) == 3
    assert registry.get_sample_value("customer_status_changes_total", {"dimension": "lifecycle", "cause": "event"}) == 1
    assert registry.get_sample_value("customer_status_duplicates_total") == 2
    assert registry.get_sample_value("customer_status_deadline_overdue_seconds", {"partition": "0"}) == 1.5


def test_a_partition_given_away_leaves_no_gauge_behind() -> None:
    metrics = observed()
    metrics.timers(1, 3, 0)
    metrics.forget(0)
    partitions = {
        sample.labels["partition"]
        for family in metrics.registry.collect()
        if family.type == "gauge"
        for sample in family.samples
        if "partition" in sample.labels
    }
    assert partitions == {"1"}


def test_the_port_shows_metrics_health_and_readiness() -> None:
    state: dict[str, Any] = {"waits_for": "restoring, 7 records left", "alive": True}
    server = MetricsServer(observed(), "127.0.0.1", 0, waits_for=lambda: state["waits_for"], alive=lambda: state["alive"])
    try:
        assert page(server.port, "/healthz") == (200, "ok")
        assert page(server.port, "/readyz") == (503, "not ready: restoring, 7 records left")
        state |= {"waits_for": None, "alive": False}
        assert page(server.port, "/healthz") == (503, "stuck")
        assert page(server.port, "/readyz") == (200, "ready")
        status, body = page(server.port, "/metrics")
        assert status == 200
        assert 'customer_status_lag_records{partition="0",topic="orders"} 9.0' in body
        assert page(server.port, "/")[0] == 404
        with pytest.raises(Failure, match=r"STREAM_APP_METRICS_PORT"):
            MetricsServer(Metrics(), "127.0.0.1", server.port, waits_for=lambda: None, alive=bool)
    finally:
        server.close()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("json", "info")
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)


def test_a_line_is_one_json_document(lines: io.StringIO) -> None:
    get_logger("stream_app.test.one").info("unit committed", partition=3)
    line = json.loads(lines.getvalue())
    assert (line["event"], line["partition"], line["level"]) == ("unit committed", 3, "info")


def test_an_error_is_logged_without_its_text(lines: io.StringIO) -> None:
    try:
        raise ValueError("customer-42 lives in Utrecht")
    except ValueError:
        logging.getLogger("aiokafka.consumer").exception("fetch failed")
    assert "Utrecht" not in lines.getvalue()
    line = json.loads(lines.getvalue())
    assert line["error_type"] == "ValueError"
    assert "test_an_error_is_logged_without_its_text" in line["at"][-1]


def test_the_clients_are_not_heard_below_warning(lines: io.StringIO) -> None:
    for name in ("faust.transport", "aiokafka", "mode"):
        logging.getLogger(name).info("payload: secret")
        logging.getLogger(name).debug("payload: secret")
    assert lines.getvalue() == ""


def test_what_a_library_repeats_is_said_once_in_ten_seconds(lines: io.StringIO) -> None:
    now = 0.0
    logging.getLogger().handlers[0].filters[:] = [Seldom(lambda: now)]
    for node in range(3):
        logging.getLogger("aiokafka").error("Unable connect to node with id %s: %s", node, "refused")
    logging.getLogger("aiokafka").error("Unable to update metadata from %s", [1])
    get_logger("stream_app.test.one").info("ours")
    get_logger("stream_app.test.one").info("ours")
    now = 10.0
    logging.getLogger("aiokafka").error("Unable connect to node with id %s: %s", 4, "refused")
    assert [json.loads(line)["event"] for line in lines.getvalue().splitlines()] == [
        "Unable connect to node with id 0: refused",
        "Unable to update metadata from [1]",
        "ours",
        "ours",
        "Unable connect to node with id 4: refused (and 2 more like it)",
    ]
