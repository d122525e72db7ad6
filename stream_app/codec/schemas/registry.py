"""The schemas in a Schema Registry, for those whose tools look there: an extra, by Confluent's own client.

A topic has several types of event, so a subject is `{topic}-{type}` (the client's TopicRecordNameStrategy; a schema's title is its
type). Records are plain JSON, as ever: nothing in them refers to the registry.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

from stream_app.codec.schemas.asyncapi import read_and_published
from stream_app.codec.schemas.documents import SUFFIX, make_schemas
from stream_app.errors import ConfigError, Failure

Level = Literal["NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"]
_TIMEOUT_S: Final = 15


def subjects(topic: Callable[[str], str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every subject with its schema; `topic` adds the prefix to a topic's name."""
    made = make_schemas()
    for name, kinds in read_and_published().items():
        for kind in kinds:
            yield f"{topic(name)}-{kind}", made[kind + SUFFIX]


def connect(url: str, user_info: str | None = None, cafile: str | None = None) -> Any:
    """A client of the registry at `url` (`mock://NAME`: one in this process).

    Raises:
        ConfigError: the extra is not installed, or the address cannot be used.
    """
    try:
        from confluent_kafka.schema_registry import SchemaRegistryClient
    except ImportError as error:
        raise ConfigError(
            f"a Schema Registry needs the extra `registry` ({error.name} is missing): pip install 'stream-app[registry]'"
        ) from None
    options: dict[str, Any] = {"url": url, "timeout": _TIMEOUT_S, "max.retries": 1}
    if user_info is not None:
        options["basic.auth.user.info"] = user_info
    if cafile is not None:
        options["ssl.ca.location"] = cafile
    try:
        return SchemaRegistryClient.new_client(options)
    except ValueError:
        raise ConfigError("STREAM_APP_SCHEMA_REGISTRY: must be http(s)://host:port, and its AUTH user:password") from None


def register(client: Any, topic: Callable[[str], str], level: Level) -> dict[str, int]:
    """Register every schema, each under its level of compatibility; what is there already stays as it is.

    Args:
        client: of `connect`.
        topic: adds the prefix to a topic's name.
        level: what the registry is to check from now on.

    Returns:
        The version that each subject has now.

    Raises:
        Failure: the registry cannot be reached, or refuses; subjects before it are registered, and doing it again is safe.
    """
    from confluent_kafka.schema_registry import ConfigCompatibilityLevel, Schema, ServerConfig
    from confluent_kafka.schema_registry.error import SchemaRegistryError

    versions = {}
    for subject, schema in subjects(topic):
        try:
            client.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel[level]))
            registered = client.register_schema_full_response(subject, Schema(json.dumps(schema, ensure_ascii=False), "JSON"))
            versions[subject] = registered.version or client.lookup_schema(subject, registered.schema).version
        except SchemaRegistryError as error:
            code = error.http_status_code
            fix = "see STREAM_APP_SCHEMA_REGISTRY_AUTH" if code in {401, 403} else "see the registry's log"
            fix = "it is not compatible with the version there; register it under NONE, or as a subject of its own" if code == 409 else fix
            raise Failure(f"the Schema Registry refuses {subject} (HTTP {code}): {fix}") from None
        except OSError as error:
            raise _unreachable(error) from None
        except Exception as error:  # the client shows the errors of its HTTP library, of which there are two
            if not type(error).__module__.startswith("httpx"):
                raise
            raise _unreachable(error) from None
    return versions


def _unreachable(error: Exception) -> Failure:
    return Failure(f"the Schema Registry cannot be reached ({type(error).__name__}): see STREAM_APP_SCHEMA_REGISTRY")
