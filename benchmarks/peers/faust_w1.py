"""W1 on plain Faust: an agent and a table with a changelog, as in its documentation; the table in memory, its fastest store."""

import sys

import faust

BROKER, INPUT, OUTPUT, GROUP, FOLDER = sys.argv[1:6]
B_FROM, A_FROM = 40_000, 100_000

app = faust.App(
    GROUP,
    broker=f"kafka://{BROKER}",
    store="memory://",
    datadir=FOLDER,
    key_serializer="raw",
    value_serializer="json",
    topic_partitions=4,
    topic_replication_factor=1,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    broker_max_poll_records=2000,
    stream_wait_empty=False,
    web_enabled=False,
)
orders = app.topic(INPUT, value_serializer="json")
changes = app.topic(OUTPUT, value_serializer="json")
table = app.Table("customers", partitions=4, schema=faust.Schema(key_type=bytes, key_serializer="raw", value_serializer="json"))


@app.agent(orders)
async def fold(stream):
    """Add each order to its customer, and publish a class that changes."""
    async for key, order in stream.items():
        count, total, before = table.get(key) or (0, 0, None)
        count += 1
        total += order["amount_minor"]
        after = "A" if total >= A_FROM else "B" if total >= B_FROM else "C"
        table[key] = [count, total, after]
        if after != before:
            change = {"customer_id": order["customer_id"], "from": before, "to": after, "count": count, "sum_minor": total}
            await changes.send(key=key, value=change)


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARNING").execute_from_commandline()
