"""For all tests: a real Kafka for the whole session; where a system package may be missing, a test skips and names it.

In CI a skip is a failure.
"""

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from stream_app.settings import Settings, load_settings
from stream_app.telemetry import rule_errors
from tests import packages
from tests.budgets import Budgets
from tests.faults.brokers import TwoDoorBroker
from tests.faults.recording import Faults

ERASURE_KEY = "a secret that only these tests use"
PAGE_SECONDS = 15


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--page-seconds", type=int, default=PAGE_SECONDS, help="how long the page is flooded with changes (600: the whole ten minutes)"
    )
    parser.addoption("--faults", choices=["some", "all"], default="some", help="strike all faults, and record it; by default some")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what it puts behind; programs under test would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput") and (os.environ.get("CI") == "true" or getattr(config.option, "numprocesses", None)):
        packages.fetch()
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")  # a test's Kafka ends before Java's second compiler pays off
    os.environ.setdefault("STREAM_APP_INSIGHTS", "false")  # a second process for each worker; the tests of insights ask for it
    everything = config.option.faults == "all"
    config.pluginmanager.register(Faults(everything=everything))
    is_long = config.option.page_seconds > PAGE_SECONDS
    config.pluginmanager.register(Budgets(unbounded="faults" if everything else "web" if is_long else ""))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _no_rule_raises() -> Iterator[None]:
    """What a rule raises ends no worker, and so would end no test either."""
    yield
    told = rule_errors.reported()
    rule_errors.forget()
    assert not told, "a rule has raised; the log above says where"


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoDoorBroker]:
    """An embedded Kafka on a free port; topics are kept apart by `prefix`."""
    with TwoDoorBroker(tmp_path_factory.mktemp("kafka"), load_settings().cache_dir) as running:
        yield running


@pytest.fixture(scope="session")
def kafka(broker: TwoDoorBroker) -> str:
    """The address of the embedded Kafka."""
    return broker.address


@pytest.fixture
def prefix() -> str:
    """A topic prefix that no other test has."""
    return f"t{uuid4().hex[:12]}-"


@pytest.fixture
def settings(kafka: str, prefix: str, tmp_path: Path) -> Settings:
    """Settings for the embedded Kafka, with topics, group and data directory of their own."""
    return load_settings(broker=kafka, topic_prefix=prefix, id=f"{prefix}app", data_dir=tmp_path / "data", erasure_key=ERASURE_KEY)


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The same settings as environment variables, without their prefix, for a child process."""
    return {
        "BROKER": settings.broker,
        "TOPIC_PREFIX": settings.topic_prefix,
        "ID": settings.id,
        "DATA_DIR": str(settings.data_dir),
        "ERASURE_KEY": ERASURE_KEY,
    }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for the broker is marked as needing it."""
    for item in items:
        if "kafka" in getattr(item, "fixturenames", ()):
            item.add_marker("kafka")
