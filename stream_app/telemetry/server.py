"""One port for whoever watches: `/metrics`, `/healthz` (the process lives) and `/readyz` (it processes its partitions).

It serves from a thread of its own, so that it also answers while the event loop is busy or stuck.
"""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from stream_app.errors import Failure

_TEXT = "text/plain; charset=utf-8"


class Shown(Protocol):
    """Metrics of a process, of whatever it does."""

    registry: CollectorRegistry


class MetricsServer:
    """Serves the metrics of one process until it is closed."""

    def __init__(self, metrics: Shown, host: str, port: int, *, waits_for: Callable[[], str | None], alive: Callable[[], bool]) -> None:
        """Bind the port and serve.

        Args:
            metrics: what to show.
            host: the address to bind.
            port: the port to bind.
            waits_for: why the worker does not process its partitions yet, None when it does.
            alive: whether the event loop still runs.

        Raises:
            Failure: the port cannot be bound.
        """
        pages: dict[str, Callable[[], tuple[int, str, bytes]]] = {
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry)),
            "/healthz": lambda: _word(alive(), "ok", "stuck"),
            "/readyz": lambda: _readiness(waits_for()),
        }
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(pages))
        except OSError as error:
            raise Failure(
                f"metrics: {host}:{port} cannot be bound ({error.strerror}): set STREAM_APP_METRICS_PORT to a free port, or 0, "
                "and STREAM_APP_METRICS_HOST to an address of this machine"
            ) from None
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is bound."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _word(good: bool, yes: str, no: str) -> tuple[int, str, bytes]:
    return (200, _TEXT, yes.encode()) if good else (503, _TEXT, no.encode())


def _readiness(waits_for: str | None) -> tuple[int, str, bytes]:
    return _word(waits_for is None, "ready", f"not ready: {waits_for}")


def _handler(pages: dict[str, Callable[[], tuple[int, str, bytes]]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            status, kind, body = page() if page else (404, _TEXT, b"not found")
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the stock signature
            """Requests for metrics are not worth a line."""

    return Handler
