"""Which topics a worker reads and writes; the one place where the prefix is put before a name and taken away again."""

from collections.abc import Sequence

from aiokafka import TopicPartition


class Topology:
    """The inputs in the order in which ties are broken, the outputs, and the changelog.

    Names given and names in code have no prefix; `wire` is a name as the broker knows it.
    """

    def __init__(self, *, app_id: str, table: str, inputs: Sequence[str], outputs: Sequence[str], prefix: str, partitions: int) -> None:
        self.table = table
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.partitions = partitions
        self.changelog = prefix + changelog_name(app_id, table)
        self.input_wires = tuple(prefix + name for name in inputs)
        self.prefix = prefix

    def wire(self, name: str) -> str:
        """The name as the broker knows it."""
        return self.prefix + name

    def name(self, wire: str) -> str:
        """The name without prefix."""
        return wire.removeprefix(self.prefix)

    def input_partitions(self, partition: int) -> tuple[TopicPartition, ...]:
        """The partitions that are folded together under one number."""
        return tuple(TopicPartition(wire, partition) for wire in self.input_wires)


def changelog_name(app_id: str, table: str) -> str:
    """The name of a table's changelog without prefix."""
    return f"{app_id}-{table}-changelog"
