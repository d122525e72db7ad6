"""Prometheus and its promtool, from Debian's package, and what is known of our metrics."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from stream_app.telemetry.ingest import IngestMetrics
from stream_app.telemetry.metrics import Metrics
from stream_app.telemetry.webhooks import WebhookMetrics
from tests import packages

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
CATALOGUE = ROOT / "docs" / "metrics.md"
NAME = re.compile(r"\bcustomer_status_[a-z_]+")
RECORDED = re.compile(r"\b[a-z_]+:customer_status_[a-z_]+:[a-z0-9_]+")
_PARTS = ("_bucket", "_count", "_sum")


def tool(name: str) -> str:
    """Where a program of the package is; it is installed if we may, else the test is skipped."""
    packages.fetch()
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}: apt-get install prometheus")
    return found


def promtool(*arguments: str) -> str:
    """What promtool says; the test fails when it complains."""
    done = subprocess.run([tool("promtool"), *arguments], cwd=RULES.parent, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@cache
def registered() -> dict[str, tuple[str, frozenset[str]]]:
    """Every metric that the code registers: name as scraped -> type and labels."""
    found = {}
    registries = (Metrics().registry, IngestMetrics().registry, WebhookMetrics().registry)
    for collector in (each for registry in registries for each in registry._collector_to_names):
        kind = str(collector._type)  # type: ignore[attr-defined]
        name = str(collector._name) + ("_total" if kind == "counter" else "")  # type: ignore[attr-defined]
        found[name] = kind, frozenset(collector._labelnames)  # type: ignore[attr-defined]
    return found


@cache
def catalogue() -> dict[str, tuple[str, str, frozenset[str], str]]:
    """The rows of docs/metrics.md: name -> type, unit, labels, meaning."""
    rows = re.findall(r"^\| `(customer_status_\w+)` \| (\w+) \| ([^|]+) \|([^|]*)\| ([^|]+) \|$", CATALOGUE.read_text(), re.MULTILINE)
    return {name: (kind, unit.strip(), frozenset(re.findall(r"`(\w+)`", labels)), meaning) for name, kind, unit, labels, meaning in rows}


def unknown_names(expression: str, recorded: set[str]) -> set[str]:
    """The metrics of a query that are neither in the catalogue nor recorded by a rule."""
    asked = set(RECORDED.findall(expression))
    raw = {
        re.sub(rf"({'|'.join(_PARTS)})$", "", name) if name not in registered() else name
        for name in NAME.findall(RECORDED.sub("", expression))
    }
    return (asked - recorded) | (raw - set(catalogue()))
