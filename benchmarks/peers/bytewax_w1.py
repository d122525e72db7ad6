"""W1 on Bytewax: a stateful map between a Kafka source and a Kafka sink. Its state has no changelog; at the end it is written to a file."""

import json
import sys
from pathlib import Path

import msgspec
from bytewax import operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.run import cli_main

BROKER, INPUT, OUTPUT, GROUP, FOLDER = sys.argv[1:6]
B_FROM, A_FROM = 40_000, 100_000
ORDER = msgspec.json.Decoder()
ENCODE = msgspec.json.encode
STATES = {}


def keyed(message):
    """An order under its customer."""
    order = ORDER.decode(message.value)
    return order["customer_id"], order["amount_minor"]


def fold(state, amount):
    """Add an order to its customer; the state, and the change of class or None."""
    if state is None:
        state = [0, 0, None]
    state[0] += 1
    state[1] += amount
    after = "A" if state[1] >= A_FROM else "B" if state[1] >= B_FROM else "C"
    before = state[2]
    if after == before:
        return state, None
    state[2] = after
    return state, (before, after, state[0], state[1], state)


def message(item):
    """A change as a Kafka message."""
    customer, (before, after, count, total, state) = item
    STATES[customer] = state
    change = {"customer_id": customer, "from": before, "to": after, "count": count, "sum_minor": total}
    return KafkaSinkMessage(customer.encode(), ENCODE(change))


flow = Dataflow("w1")
source = op.input("in", flow, KafkaSource([BROKER], [INPUT], tail=False, batch_size=5000))
changes = op.filter("changed", op.stateful_map("fold", op.map("key", source, keyed), fold), lambda item: item[1] is not None)
op.output("out", op.map("message", changes, message), KafkaSink([BROKER], OUTPUT))

if __name__ == "__main__":
    cli_main(flow)
    Path(FOLDER, "totals.json").write_text(json.dumps(STATES), encoding="utf-8")
