"""Telemetry reports: every metric, every log line's shape, and the port that shows them.

Owns: metrics (names, labels), the logging set-up, the HTTP server of `/metrics`, `/healthz`, `/readyz`.
Called by: engine, worker, demo.
May import: settings, errors. The only room that imports prometheus_client and structlog.
Start at: metrics.py.

No key, no customer id and no payload is ever a label or a field.
"""
