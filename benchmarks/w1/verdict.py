"""What a system has published and stored, against the reference; and how fast it was, by the broker's own clock.

The topic of changes has LogAppendTime, so each change carries the moment at which the broker wrote it. A change says how far the
system had come in its input: to the order that caused it. The rate is that of the second half of the orders: start-up and warm-up
are excluded, for the compiler of Java as for the caches of the others, and no system measures itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.w1.orders import Reference, class_of

COMPLAINTS_MAX = 3


@dataclass(frozen=True)
class Said:
    """One published change; `before`, `count` and `sum_minor` are None where a system cannot say them."""

    at_ms: int
    customer: str
    after: str
    before: str | None = None
    count: int | None = None
    sum_minor: int | None = None


Totals = Mapping[str, tuple[int, int, str]]
"""Count, sum and class by customer, as a system has stored them."""


def wrong_changes(reference: Reference, said: Iterable[Said], *, full: bool) -> list[str]:
    """Complaints about the published changes: missing, doubled, invented, out of order or with wrong sums.

    Args:
        reference: what is right.
        said: in log order.
        full: False for a system that looks at its sums now and then: it may skip a class in passing, but must arrive.
    """
    complaints: list[str] = []
    latest: dict[str, str] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for change in said:
        seen[change.customer, change.after] += 1
        expected = reference.changes.get((change.customer, change.after))
        if expected is None:
            complaints.append(f"{change.customer}: a change to {change.after} that never was")
        elif full and (change.before, change.count, change.sum_minor) != (expected.before, expected.count, expected.sum_minor):
            complaints.append(
                f"{change.customer}: to {change.after} with {change.count} orders of {change.sum_minor}, from {change.before}"
            )
        if latest.get(change.customer, "D") <= change.after:
            complaints.append(f"{change.customer}: {change.after} after {latest.get(change.customer)}")
        latest[change.customer] = change.after
    complaints += [f"{customer}: to {after} {times} times" for (customer, after), times in seen.items() if times > 1]
    if full:
        complaints += [f"{customer}: no change to {after}" for customer, after in reference.changes if (customer, after) not in seen]
    complaints += [
        f"{customer}: ends in {latest.get(customer)}, not in {class_of(total)}"
        for customer, (_, total) in reference.totals.items()
        if latest.get(customer) != class_of(total)
    ]
    return complaints


def wrong_totals(reference: Reference, totals: Totals) -> list[str]:
    """Complaints about the stored counts, sums and classes."""
    complaints = []
    for customer, (count, total) in reference.totals.items():
        expected = count, total, class_of(total)
        if totals.get(customer) != expected:
            complaints.append(f"{customer}: stored {totals.get(customer)}, not {expected}")
    complaints += [f"{customer}: stored, but unknown" for customer in totals if customer not in reference.totals]
    return complaints


def complete(reference: Reference, said: Iterable[Said]) -> bool:
    """Whether every customer has arrived in the final class."""
    latest = {change.customer: change.after for change in said}
    return all(latest.get(customer) == class_of(total) for customer, (_, total) in reference.totals.items())


def rate(reference: Reference, said: Iterable[Said]) -> float:
    """Orders a second from the last moment at which no more than half of them were done to the end."""
    by_time: dict[int, list[Said]] = {}
    for change in said:
        by_time.setdefault(change.at_ms, []).append(change)
    reached: dict[int, int] = {}
    progress: list[tuple[int, int]] = []
    for at_ms in sorted(by_time):
        for change in by_time[at_ms]:
            cause = reference.changes[change.customer, change.after]
            reached[cause.partition] = max(reached.get(cause.partition, 0), cause.offset + 1)
        progress.append((at_ms, sum(reached.values())))
    last_ms, last = progress[-1]
    first_ms, first = next((step for step in reversed(progress[:-1]) if step[1] <= last / 2), progress[0])
    assert last_ms > first_ms, "all changes came at one moment: the input is too small to tell a rate"
    return (last - first) * 1000 / (last_ms - first_ms)
