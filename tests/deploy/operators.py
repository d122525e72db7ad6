"""What of others' custom resources the chart uses, as closed schemas: a field that is not here is a typing error until it is looked up."""

from typing import Any


def _closed(required: list[str], **fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
ANY: dict[str, Any] = {"type": "object"}
DURATION: dict[str, Any] = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}

_ACL = _closed(
    ["resource", "operations"],
    resource=_closed(
        ["type", "name", "patternType"],
        type={"enum": ["topic", "group", "cluster", "transactionalId"]},
        name=TEXT,
        patternType={"enum": ["literal", "prefix"]},
    ),
    operations={
        "type": "array",
        "minItems": 1,
        "items": {"enum": ["Read", "Write", "Create", "Delete", "Alter", "Describe", "AlterConfigs", "DescribeConfigs", "IdempotentWrite"]},
    },
)
_TRIGGER = _closed(
    ["type", "metadata"],
    type={"const": "kafka"},
    metadata=_closed(
        ["bootstrapServers", "consumerGroup", "topic", "lagThreshold"],
        bootstrapServers=TEXT,
        consumerGroup=TEXT,
        topic=TEXT,
        lagThreshold={"type": "string", "pattern": "^[0-9]+$"},
        offsetResetPolicy={"enum": ["earliest", "latest"]},
    ),
)
_ENDPOINT = _closed(
    ["port"],
    port=TEXT,
    interval=DURATION,
    relabelings={"type": "array", "items": _closed(["targetLabel", "replacement"], targetLabel=TEXT, replacement=TEXT)},
)

SPECS: dict[tuple[str, str], dict[str, Any]] = {
    ("kafka.strimzi.io/v1", "KafkaTopic"): _closed(
        ["topicName", "partitions", "replicas", "config"],
        topicName=TEXT,
        partitions={"type": "integer", "minimum": 1},
        replicas={"type": "integer", "minimum": 1},
        config={"type": "object", "additionalProperties": {"type": "string"}},
    ),
    ("kafka.strimzi.io/v1", "KafkaUser"): _closed(
        ["authentication", "authorization"],
        authentication=_closed(["type"], type={"enum": ["tls", "tls-external", "scram-sha-512"]}),
        authorization=_closed(["type", "acls"], type={"const": "simple"}, acls={"type": "array", "minItems": 1, "items": _ACL}),
    ),
    ("keda.sh/v1alpha1", "ScaledObject"): _closed(
        ["scaleTargetRef", "triggers"],
        scaleTargetRef=_closed(["apiVersion", "kind", "name"], apiVersion=TEXT, kind=TEXT, name=TEXT),
        minReplicaCount=COUNT,
        maxReplicaCount=COUNT,
        cooldownPeriod=COUNT,
        advanced=ANY,
        triggers={"type": "array", "minItems": 1, "items": _TRIGGER},
    ),
    ("monitoring.coreos.com/v1", "ServiceMonitor"): _closed(
        ["selector", "endpoints"], jobLabel=TEXT, selector=ANY, endpoints={"type": "array", "minItems": 1, "items": _ENDPOINT}
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): _closed(["groups"], groups={"type": "array", "minItems": 1}),
}
