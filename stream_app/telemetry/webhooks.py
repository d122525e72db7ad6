"""The metrics of `stream-app webhooks`. Labels are the names in the endpoint file, a hundred at most, and four outcomes."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class WebhookMetrics:
    """What one process delivers."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        name = "customer_status_webhook_"
        self._attempts = Counter(
            name + "deliveries", "attempts: delivered, failed, dropped, gone", ["endpoint", "outcome"], registry=registry
        )
        self._seconds = Histogram(name + "delivery_seconds", "time of an attempt", ["endpoint"], buckets=_BUCKETS, registry=registry)
        self._waiting = Gauge(name + "waiting_events", "events that were read and are not settled", ["endpoint"], registry=registry)
        self._up = Gauge(name + "endpoint_up", "0 when an endpoint is down or gone", ["endpoint"], registry=registry)

    def attempt(self, endpoint: str, outcome: str, seconds: float) -> None:
        """An attempt has ended: `delivered`, `failed`, `dropped` (it was the event's last), or `gone`."""
        self._attempts.labels(endpoint, outcome).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def waiting(self, endpoint: str, events: int) -> None:
        """How many events were read and are not settled."""
        self._waiting.labels(endpoint).set(events)

    def up(self, endpoint: str, *, up: bool) -> None:
        """Whether an endpoint takes events."""
        self._up.labels(endpoint).set(int(up))
