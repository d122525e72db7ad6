"""One shop, one server and one browser for all tests of the page."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from stream_app.demo.run import POLICY
from stream_app.settings import Settings, load_settings
from stream_app.worker.policy_topic import publish_policy
from stream_app.worker.publish import publish
from stream_app.worker.topics import create_topics
from tests.integration.workers import workers
from tests.web.chromium import chromium
from tests.web.shop import HOUSEHOLDS, Server, served, some_households, until

Open = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests come last: its driver keeps the thread's event loop to itself, and no other test could run one."""
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="package")
def shop(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a shop whose year is published and judged by a worker that still runs."""
    home = tmp_path_factory.mktemp("shop")
    prefix = f"w{uuid4().hex[:12]}-"
    settings = load_settings(broker=kafka, topic_prefix=prefix, id=f"{prefix}app", data_dir=home / "data")

    async def prepare() -> None:
        await create_topics(settings)
        await publish_policy(settings, POLICY)
        await publish(settings, [some_households(home / "events.jsonl")], history=True)

    asyncio.run(prepare())
    with workers(home, "stream_app", "worker") as start:
        start({"BROKER": kafka, "TOPIC_PREFIX": prefix, "ID": settings.id}, INSIGHTS="true")
        yield settings


@pytest.fixture(scope="package")
def server(shop: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`stream-app serve`, which has taken in the year."""
    with served(shop, tmp_path_factory.mktemp("served")) as running:

        def is_whole() -> bool:
            now = running.get("/overview")
            return bool(
                now and now["customers"] == HOUSEHOLDS and now["lag_records"] == 0 and (now["latest_effective_at"] or "") > "2017-12-3"
            )

        until(is_whole, "the year")
        until(lambda: any(one["period"] == "now" for one in running.get("/insights")["insights"]), "insights")
        yield running


@pytest.fixture(scope="package")
def browser(server: Server) -> Iterator[Browser]:
    """Headless Chromium; after the server, since its driver keeps the thread's event loop to itself."""
    path = chromium()
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--enable-precise-memory-info"])
        yield running
        running.close()


@pytest.fixture
def visit(server: Server, browser: Browser) -> Iterator[Open]:
    """Open a view in a window of its own; what the page complains about, or asks of others, fails the test."""
    wrong: list[str] = []
    contexts = []

    def show(view: str = "overview", *, hears: bool = True, **settings: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **settings})
        contexts.append(context)
        page = context.new_page()

        def hear(said: ConsoleMessage) -> None:
            if hears and said.type in {"error", "warning"}:
                wrong.append(f"console: {said.text}")

        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", hear)
        page.on("request", lambda asked: None if asked.url.startswith(server.address) else wrong.append(f"asks {asked.url}"))
        page.goto(f"{server.address}/#/{view}")
        page.wait_for_selector("main:not([aria-busy]) h1")
        return page

    yield show
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page_seconds(request: pytest.FixtureRequest) -> int:
    """How long hundreds of changes a second stream in."""
    seconds: int = request.config.getoption("--page-seconds")
    return seconds
