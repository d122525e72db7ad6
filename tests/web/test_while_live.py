"""The page while something happens: changes come in, the server dies and comes back, hundreds of changes a second for long."""

import asyncio
import time
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from stream_app.settings import Settings
from stream_app.worker.publish import publish
from tests.web.conftest import Open
from tests.web.shop import Server, as_lines, order, until

pytestmark = pytest.mark.kafka
NEW_CUSTOMERS_A_SECOND = 70  # each brings eight changes: lifecycle, churn risk, class, label, service level, contact, win-back, opportunity
CHANGES_A_SECOND = 500
ROWS_MAX = 40


def publish_all(settings: Settings, file: Path, rate: int | None = None) -> None:
    asyncio.run(publish(settings, [file], rate=rate))


def test_a_change_shows_by_itself(visit: Open, server: Server, shop: Settings, tmp_path: Path) -> None:
    page = visit()
    customers = int(page.locator(".figures dd").first.inner_text())
    Thread(target=publish_all, args=(shop, as_lines([order("newcomer", 1, "2018-01-02T10:00:00Z")], tmp_path / "one.jsonl"))).start()
    row = page.locator(".change", has_text="newcomer").filter(has_text="lifecycle")
    expect(row).to_contain_text("because his last order in groceries", timeout=15_000)
    expect(page.locator(".figures dd").first).to_have_text(str(customers + 1), timeout=5_000)
    assert server.get("/overview")["customers"] == customers + 1
    page.get_by_role("button", name="Hold").click()
    expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")


SHOWN = """() => {
  const number = (element) => Number(element.firstChild.textContent.replaceAll(",", ""));
  const figures = document.querySelector(".figures");
  const at = Number(figures.dataset.number);
  const values = [...figures.querySelectorAll("dd")].map((one) => [number(one), one.querySelector("small")?.textContent ?? null]);
  const named = (row) => decodeURIComponent(row.querySelector("a").hash.split("=")[1]);
  const bars = [...document.querySelectorAll(".dimensions li")].map((row) =>
    [named(row), number(row.querySelector("b")), row.querySelector("small").textContent]);
  return { at, values, bars, now: document.querySelector("#now").innerText };
}"""


def figures_of(told: dict[str, Any]) -> dict[str, Any]:
    """Every number that the overview ought to show of an answer of the API, as it ought to be written."""
    statuses = told["statuses"]
    active, lost = (statuses["lifecycle"].get(value, 0) for value in ("active", "inactive"))
    sums = {name: sum(counts.values()) for name, counts in statuses.items()}
    return {
        "people": [(told["customers"], None), *((one, f"{rounded(100 * one / (active + lost), 1)} %") for one in (active, lost))],
        "bars": sorted(
            (f"{name}:{value}", count, f"{rounded(100 * count / sums[name])} %")
            for name, counts in statuses.items()
            for value, count in counts.items()
        ),
    }


def rounded(value: float, digits: int = 0) -> Decimal:
    """As browsers write numbers: half up."""
    return Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def test_every_number_of_the_overview_is_the_apis_at_the_same_change(visit: Open, server: Server, shop: Settings, tmp_path: Path) -> None:
    page = visit()
    for number in range(3):
        before = server.get("/overview")["changes"]
        one = as_lines([order(f"arriving-{number}", 1, "2018-01-02T12:00:00Z")], tmp_path / f"{number}.jsonl")
        Thread(target=publish_all, args=(shop, one)).start()
        until(lambda before=before: server.get("/overview")["changes"] == before + 8, "the changes")
        told = server.get("/overview")
        page.wait_for_function("at => Number(document.querySelector('.figures').dataset.number) === at", arg=told["number"], timeout=10_000)
        shown = page.evaluate(SHOWN)
        people, bars = [tuple(value) for value in shown["values"][:3]], sorted(map(tuple, shown["bars"]))
        assert {"people": people, "bars": bars} == figures_of(told)
    until(lambda: server.get("/overview")["changes_per_second"] == 0 == server.get("/overview")["events_per_second"], "rest")
    expect(page.locator(".figures dd").nth(4)).to_have_text("0")
    expect(page.locator(".figures dd").nth(3)).to_have_text("0")
    assert page.evaluate(SHOWN)["now"] == "as of 2 Jan 2018, 12:00"


def test_the_live_mark_turns_red_when_the_server_dies_and_green_when_it_is_back(visit: Open, server: Server) -> None:
    page = visit(hears=False)
    mark = page.locator("#mark")
    expect(mark).to_have_attribute("data-state", "live")
    expect(mark).to_have_text("Live")
    server.kill()
    try:
        expect(mark).to_have_attribute("data-state", "lost", timeout=5_000)
        expect(mark).to_have_text("Not connected")
        assert mark.evaluate("mark => getComputedStyle(mark).backgroundColor") == "rgb(179, 38, 30)"
        assert "connection is lost" in page.locator("#said").inner_text()
    finally:
        server.start()
    expect(mark).to_have_attribute("data-state", "live", timeout=15_000)


def test_it_turns_red_when_the_server_only_hangs_and_what_happens_meanwhile_is_shown_once(
    visit: Open, server: Server, shop: Settings, tmp_path: Path
) -> None:
    page = visit(hears=False)
    mark = page.locator("#mark")
    expect(mark).to_have_attribute("data-state", "live")
    server.freeze()
    try:
        expect(mark).to_have_attribute("data-state", "lost", timeout=5_500)
        page.route("**/stream?*", lambda route: route.abort())  # the server is back before the page is
    finally:
        server.thaw()
    before = server.get("/overview")["changes"]
    Thread(target=publish_all, args=(shop, as_lines([order("meanwhile", 1, "2018-01-02T11:00:00Z")], tmp_path / "one.jsonl"))).start()
    until(lambda: server.get("/overview")["changes"] == before + 8, "the changes")
    assert page.locator(".change", has_text="meanwhile").count() == 0
    page.unroute("**/stream?*")
    expect(mark).to_have_attribute("data-state", "live", timeout=15_000)
    expect(page.locator(".change", has_text="meanwhile")).to_have_count(8)


def weight(session: CDPSession) -> tuple[float, float]:
    """What the page holds after a collection: bytes of JavaScript, nodes of the document."""
    session.send("HeapProfiler.collectGarbage")
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return metrics["JSHeapUsedSize"], metrics["Nodes"]


@pytest.mark.timeout(900)
def test_hundreds_of_changes_a_second_leave_its_memory_flat(
    visit: Open, server: Server, shop: Settings, tmp_path: Path, page_seconds: int
) -> None:
    page: Page = visit()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    count = NEW_CUSTOMERS_A_SECOND * page_seconds
    crowd = (order(f"crowd-{number:06}", 1, "2018-01-03T10:00:00Z") for number in range(count))
    before = server.get("/overview")["changes"]
    began = time.monotonic()
    stream = Thread(target=publish_all, args=(shop, as_lines(crowd, tmp_path / "crowd.jsonl"), NEW_CUSTOMERS_A_SECOND))
    stream.start()
    weights, longest = [], 0.0
    while stream.is_alive():
        page.wait_for_timeout(500)
        asked = time.monotonic()
        page.evaluate("document.querySelectorAll('.change').length")
        longest = max(longest, time.monotonic() - asked)
        weights.append(weight(session))
        assert page.locator(".change").count() <= ROWS_MAX
    until(lambda: server.get("/overview")["changes"] >= before + 8 * count, "every change")
    rate = (server.get("/overview")["changes"] - before) / (time.monotonic() - began)
    assert rate > CHANGES_A_SECOND * 0.9, f"only {rate:.0f} changes a second came"
    third = len(weights) // 3
    early, late = weights[third : 2 * third], weights[2 * third :]
    heaps, nodes = ([median(one[kind] for one in part) for part in (early, late)] for kind in (0, 1))
    assert heaps[1] < heaps[0] * 1.1 + 300_000, f"the heap grew: {heaps}"
    assert nodes[1] < nodes[0] * 1.2 + 500, f"the document grew: {nodes}"
    assert longest < 1.0, f"the page did not answer for {longest:.2f} s"
