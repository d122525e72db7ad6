"""A real Kafka for the whole test session."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from stream_app.demo.broker import EmbeddedBroker
from stream_app.settings import Settings, load_settings


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an embedded Kafka on a free port; topics are kept apart by `prefix`."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka"), load_settings().cache_dir) as broker:
        yield broker.address


@pytest.fixture
def prefix() -> str:
    """A topic prefix that no other test has."""
    return f"t{uuid4().hex[:12]}-"


@pytest.fixture
def settings(kafka: str, prefix: str, tmp_path: Path) -> Settings:
    """Settings for the embedded Kafka, with topics, group and data directory of their own."""
    return load_settings(broker=kafka, topic_prefix=prefix, id=f"{prefix}app", data_dir=tmp_path / "data")


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The same settings as environment variables, without their prefix, for a child process."""
    return {
        "BROKER": settings.broker,
        "TOPIC_PREFIX": settings.topic_prefix,
        "ID": settings.id,
        "DATA_DIR": str(settings.data_dir),
    }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for the broker is marked as needing it."""
    for item in items:
        if "kafka" in getattr(item, "fixturenames", ()):
            item.add_marker("kafka")
