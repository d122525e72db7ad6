"""Every view in a browser: it shows what the API says, to everyone, on every screen."""

import json
from typing import Any
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.web.conftest import Open
from tests.web.shop import HOUSEHOLDS, Server

pytestmark = pytest.mark.kafka
VIEWS = {
    "overview": "Overview",
    "flows": "Flows",
    "churn": "Churn and win-back",
    "products": "Products",
    "value": "Value",
    "customers": "Customers",
    "customer?id=household-1": "household-1",
    "policy": "Policy",
    "try?id=household-1": "Try an event",
}
PHONE = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "locale": "nl-NL", "reduced_motion": "reduce"}


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found if one["impact"] in {"serious", "critical"}]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_for_everyone(visit: Open, view: str) -> None:
    page = visit(view)
    expect(page.locator("h1")).to_have_text(VIEWS[view])
    assert page.locator(".note.wrong").count() == 0
    assert violations(page) == []
    assert page.evaluate("document.activeElement.tagName") in {"BODY", "H1"}
    page.set_viewport_size({"width": 2560, "height": 1200})
    assert page.evaluate("document.documentElement.scrollWidth") <= 2560


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_fits_a_phone_in_the_dark_in_dutch(visit: Open, view: str) -> None:
    page = visit(view, **PHONE)
    assert page.evaluate("document.documentElement.lang") == "nl"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator(".mark .lamp").evaluate("lamp => getComputedStyle(lamp).animationName") == "none"
    assert violations(page) == []


def test_the_overview_says_what_the_api_says(visit: Open, server: Server) -> None:
    page = visit()
    now = server.get("/overview")
    expect(page.locator(".figures dd").first).to_have_text(f"{now['customers']:,}")
    rows = page.locator(".dimensions li").evaluate_all(
        "rows => rows.map(row => [row.querySelector('a').hash, row.querySelector('b').textContent])"
    )
    shown = {unquote(link.partition("=")[2]): int(count.replace(",", "")) for link, count in rows}
    assert shown == {f"{name}:{value}": count for name, counts in now["statuses"].items() for value, count in counts.items()}
    assert len(shown) > 15


def test_flows_can_be_followed_to_the_customers(visit: Open, server: Server) -> None:
    page = visit("flows")
    periods = server.get("/flows?dimension=lifecycle&period=month")["periods"]
    lost = sum(flow["count"] for one in periods for flow in one["flows"] if (flow["from"], flow["to"]) == ("active", "inactive"))
    assert lost > 0
    page.locator("summary").click()
    row = page.locator("tbody tr", has=page.locator("th", has_text="active")).filter(has=page.locator("td", has_text="inactive"))
    expect(row.locator("td.number").first).to_have_text(str(lost))
    row.get_by_role("button").click()
    expect(page.locator(".change").first).to_contain_text("because")
    page.get_by_label("Dimension").select_option("class")
    expect(page.locator("svg.ribbons")).to_have_attribute("aria-label", "Flows of class")


def test_search_filter_sort_and_pages(visit: Open, server: Server) -> None:
    page = visit("customers")
    page.get_by_label("Search").fill("hold-7")
    expect(page.locator("tbody th")).to_have_text(["household-7"])
    page.get_by_label("Search").fill("")
    page.get_by_label("Lifecycle").select_option("inactive")
    expect(page.locator("tbody tr").first).to_contain_text("inactive")
    assert all("inactive" in text for text in page.locator("tbody tr").all_inner_texts())
    page.get_by_label("Lifecycle").select_option("")
    head = page.locator("th[data-key=customer]")
    first = page.locator("tbody th").first
    expect(page.locator("tbody tr")).to_have_count(HOUSEHOLDS)
    for order, expected in (("descending", f"household-{HOUSEHOLDS}"), ("ascending", "household-1")):
        head.get_by_role("button").press("Enter")
        expect(head).to_have_attribute("aria-sort", order)
        expect(first).to_have_text(expected)
    revenues = {one["customer"]: one["measures"]["revenue"] for one in server.get("/customers?limit=50")["customers"]}
    page.locator("th[data-key=revenue]").get_by_role("button").click()
    expect(page.locator("th[data-key=revenue]")).to_have_attribute("aria-sort", "descending")
    shown = page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.cells[0].textContent)")
    assert [revenues[name] for name in shown] == sorted(revenues.values(), reverse=True)


def test_a_customers_story_explains_every_change_in_both_languages(visit: Open, server: Server) -> None:
    page = visit("customers")
    page.get_by_role("link", name="household-2", exact=True).click()
    expect(page.locator("h1")).to_have_text("household-2")
    entries = page.locator(".story-list .entry")
    told = server.get("/customer?id=household-2")
    expect(entries).to_have_count(len(told["changes"]))
    whys = page.locator(".story-list .why").all_inner_texts()
    assert len(whys) == len(told["changes"])
    assert all(why.startswith("because ") for why in whys)
    currency = server.get("/policy")["in_force"]["document"]["currency"]
    assert any(f" {currency}" in why for why in whys), "money is told in units that people know"
    assert page.locator(".coming li").count() > 0
    page.get_by_role("button", name="Show the events behind it").click()
    expect(page.locator(".entry.event").first).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Nederlands").click()
    expect(page.locator(".story-list .why").first).to_contain_text("want ")
    assert page.evaluate("document.documentElement.lang") == "nl"


def test_what_was_known_then(visit: Open, server: Server) -> None:
    page = visit("customer?id=household-3")
    page.get_by_label("Status at").fill("2017-06-01T00:00")
    page.get_by_role("button", name="Ask").click()
    expected = server.get("/customer/status?id=household-3&at=2017-06-01T00:00:00Z")["statuses"]
    expect(page.locator("form.known + div tbody tr")).to_have_count(sum(value is not None for value in expected.values()))


def test_an_event_can_be_tried_and_leaves_no_trace(visit: Open, server: Server) -> None:
    before = server.get("/customer?id=household-4")
    page = visit("try?id=household-4")
    page.get_by_label("Amount").fill("990.50")
    page.get_by_label("Category").fill("GROCERY")
    page.get_by_role("button", name="See what it would do").click()
    answer = page.locator(".answer")
    expect(answer.locator("table")).to_be_visible(timeout=20_000)
    expect(answer.locator("tbody th", has_text="orders")).to_be_visible()
    page.get_by_label("What happens").select_option("order.cancelled")
    page.get_by_label("Order id").fill("nothing")
    page.get_by_role("button", name="See what it would do").click()
    expect(answer.locator("p.lead, .note.wrong").first).to_be_visible(timeout=20_000)
    assert server.get("/customer?id=household-4") == before


def test_the_keyboard_is_enough(visit: Open) -> None:
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.get_by_role("link", name="Policy").press("Enter")
    expect(page.locator("h1")).to_have_text("Policy")
    expect(page.locator("h1")).to_be_focused()
    assert page.locator("#rail a[aria-current=page]").inner_text() == "Policy"
    assert page.title().startswith("Policy")
    page.get_by_role("button", name="Dark").press("Enter")
    page.get_by_role("button", name="Nederlands").press("Enter")
    page.reload()
    expect(page.locator("h1")).to_have_text("Beleid")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_first_view_is_small(visit: Open, server: Server, browser: Any) -> None:
    page = browser.new_page()
    sizes: dict[str, int] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    names: dict[str, str] = {}
    session.on("Network.responseReceived", lambda seen: names.update({seen["requestId"]: seen["response"]["url"]}))
    session.on("Network.loadingFinished", lambda done: sizes.update({names[done["requestId"]]: done["encodedDataLength"]}))
    page.goto(server.address)
    page.wait_for_selector(".dimensions .panel")
    page.close()
    assert any(name.endswith("main.js") for name in sizes)
    assert any("/overview" in name for name in sizes)
    assert sum(sizes.values()) < 100_000, json.dumps(sizes, indent=1)
