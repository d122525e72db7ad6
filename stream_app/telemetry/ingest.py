"""The metrics of `stream-app ingest`. No label names a shop or a customer: the values of each are few and known."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

FORMS = ("events", "track", "batch", "shopify", "woocommerce", "other")
"""The values of the label `form`: how a request was written."""

_REQUEST_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class IngestMetrics:
    """What is counted of requests; observed once a request and once a batch, never once an event."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        name = "customer_status_ingest_"
        self._requests = Counter(name + "requests", "requests answered", ["form", "status"], registry=registry)
        self._seconds = Histogram(
            name + "request_seconds", "time from a request to its answer", ["form"], buckets=_REQUEST_BUCKETS, registry=registry
        )
        self._events = Counter(name + "events", "events, by what became of them", ["form", "outcome"], registry=registry)
        self._rejections = Counter(name + "rejections", "events refused", ["form", "code"], registry=registry)
        self._throttled = Counter(name + "throttled", "requests told to come later", ["why"], registry=registry)
        self._records = Counter(name + "records", "records stored in Kafka", registry=registry)
        self._batches = Histogram(
            name + "produce_seconds", "time until Kafka has stored a batch", buckets=_REQUEST_BUCKETS, registry=registry
        )
        self._waiting = Gauge(name + "waiting_bytes", "bytes that wait for Kafka", registry=registry)
        self._ready = Gauge("customer_status_ready", "1 when events can be stored", registry=registry)

    def answered(self, form: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(form, str(status)).inc()
        self._seconds.labels(form).observe(seconds)

    def stored(self, form: str, events: int, ignored: int) -> None:
        """The events of a request are stored; `ignored` of its parts are none of ours."""
        if events:
            self._events.labels(form, "accepted").inc(events)
        if ignored:
            self._events.labels(form, "ignored").inc(ignored)

    def refused(self, form: str, codes: Iterable[str]) -> None:
        """Events of a request cannot be stored, for these reasons."""
        for code in codes:
            self._events.labels(form, "rejected").inc()
            self._rejections.labels(form, code).inc()

    def throttled(self, why: str) -> None:
        """A request was told to come later: `rate`, or `waiting` when too much waits for Kafka."""
        self._throttled.labels(why).inc()

    def produced(self, records: int, seconds: float) -> None:
        """Kafka has stored a batch."""
        self._records.inc(records)
        self._batches.observe(seconds)

    def watch(self, waiting_bytes: Callable[[], int], is_ready: Callable[[], bool]) -> None:
        """Where the gauges look when they are asked."""
        self._waiting.set_function(waiting_bytes)
        self._ready.set_function(lambda: float(is_ready()))
