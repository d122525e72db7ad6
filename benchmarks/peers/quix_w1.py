"""W1 on Quix Streams: a stateful function over RocksDB with a changelog; its default settings, which are its documented ones."""

import sys

from quixstreams import Application

BROKER, INPUT, OUTPUT, GROUP, FOLDER = sys.argv[1:6]
GUARANTEE = sys.argv[6]
B_FROM, A_FROM = 40_000, 100_000


def fold(order, state):
    """Add an order to its customer; the change of class, or None."""
    count, total, before = state.get("s") or (0, 0, None)
    count += 1
    total += order["amount_minor"]
    after = "A" if total >= A_FROM else "B" if total >= B_FROM else "C"
    state.set("s", [count, total, after])
    if after == before:
        return None
    return {"customer_id": order["customer_id"], "from": before, "to": after, "count": count, "sum_minor": total}


def main():
    """Run until told to stop."""
    app = Application(
        broker_address=BROKER,
        consumer_group=GROUP,
        auto_offset_reset="earliest",
        state_dir=FOLDER,
        processing_guarantee=GUARANTEE,
        loglevel="WARNING",
    )
    orders = app.topic(INPUT, key_deserializer="bytes", value_deserializer="json")
    changes = app.topic(OUTPUT, key_serializer="bytes", value_serializer="json")
    stream = app.dataframe(orders)
    stream.apply(fold, stateful=True).filter(lambda change: change is not None).to_topic(changes)
    app.run()


if __name__ == "__main__":
    main()
