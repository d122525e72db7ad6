"""W1 on Pathway: a grouped table whose classes are written to Kafka as differences.

It computes in rounds of half a second, so a customer who passes two classes in one round is published once; it has no changelog.
At the end its counts and sums over all customers are written to a file.
"""

import json
import sys
from pathlib import Path

import pathway as pw

BROKER, INPUT, OUTPUT, GROUP, FOLDER = sys.argv[1:6]
B_FROM, A_FROM = 40_000, 100_000
SETTINGS = {"bootstrap.servers": BROKER, "group.id": GROUP, "auto.offset.reset": "earliest"}


class Order(pw.Schema):
    """What W1 needs of an order."""

    customer_id: str
    amount_minor: int


def keep_totals(key, row, time, is_addition):
    """Write down the newest sums over all customers."""
    if is_addition:
        Path(FOLDER, "sums.json").write_text(json.dumps([row["count"], row["total"]]), encoding="utf-8")


def main():
    """Run until told to stop."""
    orders = pw.io.kafka.read(SETTINGS, topic=INPUT, schema=Order, format="json", autocommit_duration_ms=500)
    customers = orders.groupby(orders.customer_id).reduce(
        orders.customer_id, count=pw.reducers.count(), total=pw.reducers.sum(orders.amount_minor)
    )
    to = pw.if_else(customers.total >= A_FROM, "A", pw.if_else(customers.total >= B_FROM, "B", "C"))
    classes = customers.select(customers.customer_id, to=to)
    sums = customers.reduce(count=pw.reducers.sum(customers.count), total=pw.reducers.sum(customers.total))
    pw.io.kafka.write(classes, SETTINGS, topic_name=OUTPUT, format="json")
    pw.io.subscribe(sums, keep_totals)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


if __name__ == "__main__":
    main()
