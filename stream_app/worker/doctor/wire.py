"""Requests that Kafka answers and the client library does not make: what one may do, and since when a transaction is open."""

# mypy: disable-error-code="misc"
# The client library has no types, and its requests are made by subclassing.

import asyncio
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, CompactArray, CompactString, Int16, Int32, Int64, Schema, String, TaggedFields

GROUP, TRANSACTION = 0, 1
NOT_YET = {14, 15, 16, 51}
"""Error codes that pass: the coordinator loads, is not there or is another one, and a transaction that is still ending."""

ATTEMPTS = 50
RETRY_S = 0.1

_TEXT = String("utf-8")
_COMPACT = CompactString("utf-8")


class _RightsResponse(Response):
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT))),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("name", _TEXT),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _RightsStruct(RequestStruct):
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _RightsResponse
    SCHEMA = Schema(
        ("topics", Array(_TEXT)), ("allow_auto_topic_creation", Boolean), ("include_cluster", Boolean), ("include_topics", Boolean)
    )


class TopicRightsRequest(Request[_RightsStruct]):
    """Metadata of topics, with what we may do with each."""

    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_RightsStruct]) -> _RightsStruct:
        """The request as it is sent."""
        return request_struct_class(self._topics, False, False, True)


class _GroupStruct(DescribeGroupsRequest_v3):
    RESPONSE_TYPE = DescribeGroupsResponse_v3


class GroupRequest(Request[_GroupStruct]):
    """A consumer group's state and members, with what we may do with it."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[_GroupStruct]) -> _GroupStruct:
        """The request as it is sent."""
        return request_struct_class([self._group], True)


class _TransactionsResponse(Response):
    API_KEY = 65
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "states",
            CompactArray(
                ("error_code", Int16),
                ("transactional_id", _COMPACT),
                ("state", _COMPACT),
                ("timeout_ms", Int32),
                ("start_ms", Int64),
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                ("topics", CompactArray(("topic", _COMPACT), ("partitions", CompactArray(Int32)), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _TransactionsStruct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 65
    API_VERSION = 0
    RESPONSE_TYPE = _TransactionsResponse
    SCHEMA = Schema(("transactional_ids", CompactArray(_COMPACT)), ("tags", TaggedFields))


class TransactionRequest(Request[_TransactionsStruct]):
    """The state of a transactional id, with the time at which its open transaction began, by the broker's clock."""

    API_KEY = 65

    def __init__(self, transactional_id: str) -> None:
        self._transactional_id = transactional_id

    def build(self, request_struct_class: type[_TransactionsStruct]) -> _TransactionsStruct:
        """The request as it is sent."""
        return request_struct_class([self._transactional_id], {})


async def coordinator(admin: AIOKafkaAdminClient, name: str, kind: int = GROUP) -> int:
    """The broker that coordinates a group or a transactional id; one that is only just becoming it is waited for.

    Raises:
        KafkaError: it is not allowed to ask, or there is none.
    """
    for _ in range(ATTEMPTS):
        try:
            return int(await admin.find_coordinator(name, kind))
        except KafkaError as error:
            if error.errno not in NOT_YET:
                raise
        await asyncio.sleep(RETRY_S)
    return int(await admin.find_coordinator(name, kind))


async def ask(admin: Any, request: Any, node: int | None = None) -> Any:
    """Send a request on an admin client's connection; without `node` to any broker."""
    return await admin._send_request(request, node)  # noqa: SLF001 - the client sends only requests of its own
