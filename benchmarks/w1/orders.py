"""W1's orders, and what every system must make of them, computed in plain Python.

A customer's class is C from the first order, B from `B_FROM` and A from `A_FROM` minor units on; every new class is published
as {"customer_id", "from", "to", "count", "sum_minor"}, where `from` is null for a customer's first order.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer

from stream_app.engine.transactions.partitioner import partition_of

B_FROM, A_FROM = 40_000, 100_000
ORDERS_PER_CUSTOMER = 20
_AMOUNT_MAX = 10_000
_BATCH_BYTES = 256 << 10
_START_MS = 1_704_067_200_000


def class_of(sum_minor: int) -> str:
    """The class of a customer who has bought for `sum_minor` in all."""
    return "A" if sum_minor >= A_FROM else "B" if sum_minor >= B_FROM else "C"


@dataclass(frozen=True)
class Change:
    """One change of class, and the input partition and offset of the order that makes it."""

    before: str | None
    count: int
    sum_minor: int
    partition: int
    offset: int


@dataclass
class Reference:
    """What is right.

    Attributes:
        orders: how many there are.
        totals: count and sum, by customer.
        changes: by customer and new class; classes only rise, so each comes once.
    """

    orders: int = 0
    totals: dict[str, tuple[int, int]] = field(default_factory=dict)
    changes: dict[tuple[str, str], Change] = field(default_factory=dict)

    def add(self, customer: str, amount: int, partition: int, offset: int) -> None:
        """One more order."""
        count, total = self.totals.get(customer, (0, 0))
        before = class_of(total) if count else None
        self.totals[customer] = (count + 1, total + amount)
        after = class_of(total + amount)
        if after != before:
            self.changes[customer, after] = Change(before, count + 1, total + amount, partition, offset)
        self.orders += 1


def make_orders(orders: int, seed: int = 1) -> Iterator[tuple[str, int, bytes]]:
    """Customer, amount and JSON of each order; 20 orders a customer on average, in no order."""
    chance = random.Random(seed)
    customers = [f"c{number:07}" for number in range(max(1, orders // ORDERS_PER_CUSTOMER))]
    pick, amount_of = chance.choice, chance.randrange
    for number in range(orders):
        customer, amount = pick(customers), amount_of(_AMOUNT_MAX)
        text = (
            f'{{"event_id":"e{number}","type":"order.placed","customer_id":"{customer}","order_id":"o{number}",'
            f'"amount_minor":{amount},"currency":"EUR","placed_at_ms":{_START_MS + number * 100}}}'
        )
        yield customer, amount, text.encode()


async def publish_orders(broker: str, topic: str, partitions: int, orders: int) -> Reference:
    """Write the orders where Kafka's default partitioner puts their keys; returns what must come of them."""
    reference = Reference()
    offsets = [0] * partitions
    producer = AIOKafkaProducer(bootstrap_servers=broker, linger_ms=0, max_batch_size=_BATCH_BYTES, max_request_size=4 << 20)
    await producer.start()
    try:
        batches = [producer.create_batch() for _ in range(partitions)]
        homes: dict[str, int] = {}
        for number, (customer, amount, value) in enumerate(make_orders(orders)):
            home = homes.get(customer)
            if home is None:
                home = homes[customer] = partition_of(customer.encode(), partitions)
            at_ms = _START_MS + number * 100
            if batches[home].append(timestamp=at_ms, key=customer.encode(), value=value) is None:
                batches[home].close()
                await producer.send_batch(batches[home], topic, partition=home)
                batches[home] = producer.create_batch()
                batches[home].append(timestamp=at_ms, key=customer.encode(), value=value)
            reference.add(customer, amount, home, offsets[home])
            offsets[home] += 1
        for home, batch in enumerate(batches):
            batch.close()
            await producer.send_batch(batch, topic, partition=home)
        await producer.flush()
    finally:
        await producer.stop()
    return reference
