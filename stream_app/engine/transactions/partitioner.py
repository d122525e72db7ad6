"""Kafka's default partitioner, remembered: murmur2 in plain Python costs as much as decoding an event."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's default partitioner gives `key` among `partitions`."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def forget_keys() -> None:
    """Remember no key: one of them was erased, and a single one cannot be taken out."""
    partition_of.cache_clear()
