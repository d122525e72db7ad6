"""Which topic a name stands for: Kafka gives every topic an id, and one that is made anew gets another."""

# mypy: disable-error-code="misc"
# The client library has no types, and its requests are made by subclassing.

import base64
from collections.abc import Iterable
from typing import Any

from aiokafka.errors import IncompatibleBrokerVersion, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

_TEXT = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)
_NO_ID = (0, 0)


class _Response(Response):
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), _TAGS)),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", _TEXT),
                ("id_high", Int64),
                ("id_low", Int64),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        _TAGS,
                    ),
                ),
                ("authorized_operations", Int32),
                _TAGS,
            ),
        ),
        ("cluster_authorized_operations", Int32),
        _TAGS,
    )


class _Struct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        ("topics", CompactArray(("id_high", Int64), ("id_low", Int64), ("name", _TEXT), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        _TAGS,
    )


class TopicIdsRequest(Request[_Struct]):
    """Metadata of topics in the first version that has their ids."""

    API_KEY = 3

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = list(topics)

    def build(self, request_struct_class: type[_Struct]) -> _Struct:
        """The request as it is sent."""
        return request_struct_class([(*_NO_ID, topic, {}) for topic in self.topics], False, False, False, {})


async def topic_ids(client: Any, topics: Iterable[str]) -> dict[str, str]:
    """The cluster's id and each topic's, as Kafka's own tools write them; none from a broker older than Kafka 2.8, which has none.

    Args:
        client: an `AIOKafkaClient`.
        topics: their names on the broker.

    Raises:
        KafkaError: a topic is not there, or the broker does not answer.
    """
    try:
        answer = await client.send(client.get_random_node(), TopicIdsRequest(topics))
    except (IncompatibleBrokerVersion, NotImplementedError):
        return {}
    ids = {}
    for error_code, name, high, low, *_ in answer.topics:
        if error_code:
            raise for_code(error_code)(name)
        if (high, low) != _NO_ID:
            raw = high.to_bytes(8, "big", signed=True) + low.to_bytes(8, "big", signed=True)
            ids[name] = f"{answer.cluster_id}/{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"
    return ids


def is_made_anew(before: str | None, now: str | None) -> bool:
    """Whether a topic is not the one it was; unknown ids, and those of different clusters, say nothing."""
    if before is None or now is None:
        return False
    return before != now and before.partition("/")[0] == now.partition("/")[0]
