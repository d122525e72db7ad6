"""A story for each test that strikes the product."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_app.settings import Settings
from tests.faults.story import Story


@pytest.fixture
def story(settings: Settings, tmp_path: Path) -> Iterator[Story]:
    """A story on topics of its own."""
    told = Story(settings, tmp_path)
    yield told
    told.close()
