"""When a topic is another one under the same name."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import IncompatibleBrokerVersion, UnknownTopicOrPartitionError

from stream_app.engine.topic_ids import TopicIdsRequest, is_made_anew, topic_ids

ROWS: list[tuple[str, str | None, str | None, bool]] = [
    ("the same", "c/one", "c/one", False),
    ("another", "c/one", "c/two", True),
    ("of another cluster, where ids say nothing", "c/one", "d/two", False),
    ("a marker from before there were ids", None, "c/one", False),
    ("a broker without ids", "c/one", None, False),
]


@pytest.mark.parametrize(("what", "before", "now", "anew"), ROWS, ids=[row[0] for row in ROWS])
def test_which_topics_are_made_anew(what: str, before: str | None, now: str | None, anew: bool) -> None:
    assert is_made_anew(before, now) == anew


def client(*topics: tuple[Any, ...], error: Exception | None = None) -> Any:
    async def send(node: int, request: TopicIdsRequest) -> Any:
        assert request.topics == ["orders"]
        if error is not None:
            raise error
        return SimpleNamespace(cluster_id="c", topics=list(topics))

    return SimpleNamespace(get_random_node=lambda: 0, send=send)


async def test_an_id_is_written_as_kafkas_tools_write_it() -> None:
    assert await topic_ids(client((0, "orders", -1, 1, False, [], 0, {})), ["orders"]) == {"orders": "c/__________8AAAAAAAAAAQ"}


async def test_a_broker_without_ids_gives_none() -> None:
    assert await topic_ids(client((0, "orders", 0, 0, False, [], 0, {})), ["orders"]) == {}
    assert await topic_ids(client(error=IncompatibleBrokerVersion("old")), ["orders"]) == {}


async def test_a_missing_topic_is_an_error() -> None:
    with pytest.raises(UnknownTopicOrPartitionError):
        await topic_ids(client((3, "orders", 0, 0, False, [], 0, {})), ["orders"])
