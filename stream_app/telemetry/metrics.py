"""Every metric of the program. Names begin with `customer_status_`, units are base units, and no label names a customer."""

from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from stream_app.telemetry.endings import KINDS

_BATCH_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
BUFFERS = ("states", "writes")
_COMMIT_BUCKETS = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0)


class UnitSeen(Struct):
    """What there is to observe of a committed unit of work.

    Attributes:
        partition: its partition number.
        records: how many records it applied.
        counts: what the processor counted, by name and labels.
        fold_s: how long making it took.
        commit_s: how long the transaction and the store took.
    """

    partition: int
    records: int
    counts: Mapping[tuple[str, ...], int]
    fold_s: float
    commit_s: float


class Metrics:
    """The metrics of one process; everything is observed once a unit of work, never once a record."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        name = "customer_status_"
        self._counters = {
            "events": Counter(name + "events", "events applied", ["type"], registry=registry),
            "rejections": Counter(name + "rejections", "records rejected", ["code"], registry=registry),
            "duplicates": Counter(name + "duplicates", "events seen before", registry=registry),
            "changes": Counter(name + "changes", "status changes published", ["dimension", "cause"], registry=registry),
            "rekeyed": Counter(name + "rekeyed", "records sent on to the right partition", registry=registry),
            "derived": Counter(name + "derived", "events sent to another customer", ["type"], registry=registry),
            "forgotten": Counter(name + "forgotten", "facts beyond the policy's horizons", ["what"], registry=registry),
            "suppressed": Counter(name + "suppressed", "events dropped because they are from before an erasure", registry=registry),
            "erasures": Counter(name + "erasures", "customers erased", registry=registry),
            "deadlines": Counter(name + "deadlines", "deadlines fired", registry=registry),
            "rule_errors": Counter(name + "rule_errors", "evaluations that a rule has broken off", registry=registry),
            "evaluations": Counter(name + "evaluations", "evaluation days closed, cut-offs, late values", ["what"], registry=registry),
            "swept": Counter(name + "swept", "customers that the sweep has brought under a new policy", registry=registry),
            "turns": Counter(name + "turns", "live turns of lifecycle that insights have counted", ["kind"], registry=registry),
            "false_alarms": Counter(name + "false_alarms", "of the live turns to lost, those who bought again", registry=registry),
        }
        self._records = Counter(name + "records", "records applied", ["partition"], registry=registry)
        self._units = Counter(name + "units", "units of work committed", ["partition"], registry=registry)
        self._batch = Histogram(name + "batch_seconds", "time to fold a unit of work", buckets=_BATCH_BUCKETS, registry=registry)
        self._commit = Histogram(name + "commit_seconds", "time to commit a unit of work", buckets=_COMMIT_BUCKETS, registry=registry)
        self._lag = Gauge(name + "lag_records", "records not yet applied", ["topic", "partition"], registry=registry)
        self._timers = Gauge(name + "timers_pending", "timers armed, about", ["partition"], registry=registry)
        self._overdue = Gauge(name + "deadline_overdue_seconds", "how late the last deadlines fired", ["partition"], registry=registry)
        self._restore = Gauge(name + "restore_records_left", "changelog records still to be restored", ["partition"], registry=registry)
        self._restore_eta = Gauge(name + "restore_eta_seconds", "when everything will be restored at the present rate", registry=registry)
        self._sweep = Gauge(
            name + "sweep_states_left", "states that a sweep has still to look at, at most about", ["partition"], registry=registry
        )
        self._buffers = Gauge(name + "buffered_bytes", "memory that caches and write buffers take", ["buffer"], registry=registry)
        self._policy_errors = Counter(name + "policy_errors", "policy documents that could not be used", registry=registry)
        self._fatal = Counter(name + "fatal_errors", "fatal errors that have ended a process here", ["error"], registry=registry)
        self._ready = Gauge(name + "ready", "1 when the worker processes its partitions", registry=registry)

    def unit(self, seen: UnitSeen) -> None:
        """A unit of work was committed."""
        self._units.labels(seen.partition).inc()
        self._records.labels(seen.partition).inc(seen.records)
        self._batch.observe(seen.fold_s)
        self._commit.observe(seen.commit_s)
        for (what, *labels), count in seen.counts.items():
            counter = self._counters[what]
            (counter.labels(*labels) if labels else counter).inc(count)

    def timers(self, partition: int, pending: int, overdue_s: float) -> None:
        """The timers of a partition after a unit of work."""
        self._timers.labels(partition).set(pending)
        self._overdue.labels(partition).set(overdue_s)

    def lag(self, topic: str, partition: int, records: int) -> None:
        """How many records of an input are not yet applied."""
        self._lag.labels(topic, partition).set(records)

    def restore(self, partition: int, left: int) -> None:
        """How many changelog records are still to be restored."""
        self._restore.labels(partition).set(left)

    def restore_eta(self, eta_s: int) -> None:
        """In how many seconds everything will be restored, 0 when it is."""
        self._restore_eta.set(eta_s)

    def sweep(self, partition: int, left: int) -> None:
        """About how many states a sweep has still to look at, 0 when there is none."""
        self._sweep.labels(partition).set(left)

    def buffers(self, held: Callable[[], Mapping[str, int]]) -> None:
        """Who knows how many bytes each buffer holds; asked when the metrics are read, from any thread."""
        for buffer in BUFFERS:
            self._buffers.labels(buffer).set_function(partial(_part, held, buffer))

    def policy_error(self) -> None:
        """A policy document could not be used."""
        self._policy_errors.inc()

    def endings(self, counts: Mapping[str, int]) -> None:
        """How processes here have ended before this one; said once, when it begins."""
        for kind in KINDS:
            self._fatal.labels(kind).inc(counts.get(kind, 0))

    def ready(self, ready: bool) -> None:
        """Whether the worker processes its partitions."""
        self._ready.set(int(ready))

    def forget(self, partition: int) -> None:
        """A partition was given away: its gauges must not stand still here."""
        number = str(partition)
        for gauge in (self._timers, self._overdue, self._restore, self._lag, self._sweep):
            gauge.remove_by_labels({"partition": number})


def _part(held: Callable[[], Mapping[str, int]], buffer: str) -> float:
    return held()[buffer]
