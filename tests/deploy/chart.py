"""The chart as Helm renders it, without a cluster."""

import subprocess
import sys
from typing import Any

import yaml

from tests.deploy.monitor import ROOT

CHART = ROOT / "deploy" / "helm" / "stream-app"
EVERYTHING: dict[str, Any] = {
    "ingest": {"enabled": True},
    "webhooks": {"enabled": True},
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
    "keda": {"enabled": True},
    "strimzi": {"topics": {"enabled": True}, "users": {"enabled": True}},
}

Manifest = dict[str, Any]

# A process of its own: Helm's library is Go's, and brings its own threads and signal handlers.
_RENDER = """
import sys, yaml, helm_python
values = yaml.safe_load(sys.stdin)
with helm_python.Chart.load(sys.argv[1]) as chart:
    chart.validate_schema(values)
    rendered = chart.render(values, name="demo", namespace="shop")
print(yaml.safe_dump({name: text for name, text in rendered.items() if name.endswith(".yaml")}))
"""
_LINT = "import sys, json, helm_python; print(json.dumps(helm_python.lint(sys.argv[1])))"


class ChartError(Exception):
    """Helm refuses; the text is what it says."""


def _helm(program: str, given: str = "") -> str:
    done = subprocess.run([sys.executable, "-c", program, str(CHART)], input=given, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise ChartError(done.stderr)
    return done.stdout


def lint() -> Manifest:
    """What `helm lint` says: messages with a severity (1: info, 2: warning, 3: error), and errors."""
    return dict(yaml.safe_load(_helm(_LINT)))


def render(values: dict[str, Any] | None = None) -> list[Manifest]:
    """Every manifest of a release `demo` in the namespace `shop`.

    Raises:
        ChartError: the values are not as the schema wants them, or a template fails.
    """
    files = yaml.safe_load(_helm(_RENDER, yaml.safe_dump(values or {})))
    return [manifest for text in files.values() for manifest in yaml.safe_load_all(text) if manifest]


def of(kind: str, manifests: list[Manifest]) -> list[Manifest]:
    """Those of one kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]
