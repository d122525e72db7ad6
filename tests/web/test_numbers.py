"""The views of what is learned, decided and set: every number is the one that the API says."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Open
from tests.web.shop import Server

pytestmark = pytest.mark.kafka
MONTHLY = (
    "active_at_start",
    "new",
    "lost",
    "churn_pct",
    "won_back",
    "false_alarms",
    "false_alarm_pct",
    "revoked",
    "median",
    "p90",
    "active_at_end",
)
ROWS = "table => [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent))"


def learned(server: Server) -> dict[str, Any]:
    """The insights by period."""
    return {one["period"]: one["data"] for one in server.get("/insights")["insights"]}


def opened(visit: Open, server: Server, view: str) -> tuple[Page, dict[str, Any]]:
    """A view, and the insights that it was drawn from: those which were the same before and after."""
    for _ in range(20):
        before, page = learned(server), visit(view)
        if before == learned(server):
            return page, before
    raise AssertionError("the insights do not come to rest")


def value(text: str) -> float | None:
    """The number in a cell."""
    found = re.search(r"-?[\d,]*\.?\d+", text)
    return None if found is None else float(found[0].replace(",", ""))


def near(number: float | None, digits: int = 0) -> Any:
    """A number as it is written with so many decimals."""
    return number if number is None else pytest.approx(number, abs=0.5 * 10**-digits + 1e-9)


def test_churn_and_win_back_over_time(visit: Open, server: Server) -> None:
    page, insights = opened(visit, server, "churn")
    months = {period: data | (data["lag_days"] or dict.fromkeys(("median", "p90"))) for period, data in insights.items() if period != "now"}
    assert len(months) > 6
    assert sum(data["lost"] for data in months.values()) > 0
    expect(page.locator(".plot canvas")).to_have_count(3)
    page.locator("summary").click()
    shown = page.locator("details table").evaluate(ROWS)
    assert [[value(cell) for cell in row[1:]] for row in shown] == [
        [near(months[name][column], 1 if column.endswith("_pct") else 0) for column in MONTHLY] for name in sorted(months)
    ]
    latest = months[max(months)]
    figures = [value(text) for text in page.locator(".figures dd").all_inner_texts()[1:]]
    assert figures == [
        latest["active_at_start"], latest["lost"], near(latest["churn_pct"], 1), latest["won_back"], near(latest["false_alarm_pct"], 1)
    ]  # fmt: skip


@pytest.mark.parametrize("by", ["product_groups", "categories"])
def test_products_that_go_with_loss_and_products_that_bring_back(visit: Open, server: Server, by: str) -> None:
    page, insights = opened(visit, server, f"products?by={by}")
    now = insights["now"]
    page.locator("summary").click()
    shown = {row[0]: [value(cell) for cell in row[1:]] for row in page.locator("details table").evaluate(ROWS)}
    assert len(shown) > 3
    assert shown == {
        row["name"]: [row["lost"], row["kept"], *(near(row[name], 2) for name in ("log_odds", "low", "high"))] for row in now[by]
    }
    drawn = page.locator("svg.intervals title").all_text_contents()
    assert {one.rpartition(": ")[0] for one in drawn} <= set(shown)
    assert drawn
    back = page.locator(".bars li").evaluate_all(
        "rows => rows.map(row => [row.children[0].textContent, row.querySelector('b').textContent])"
    )
    told = now["brought_back"][by]
    assert [(name, value(count)) for name, count in back] == [(one["name"], one["customers"]) for one in told[: len(back)]]
    assert len(back) == min(24, len(told)) > 0


def test_how_concentrated_the_revenue_is(visit: Open, server: Server) -> None:
    page, insights = opened(visit, server, "value")
    revenue = insights["now"]["revenue"]
    assert value(page.locator(".claim").inner_text().partition("bring")[2]) == near(revenue["top_share_pct"])
    customers, money = (re.findall(r"[\d,]+(?:\.\d+)?", text) for text in page.locator(".share-bar .label").all_inner_texts())
    assert [value(one) for one in customers[:2]] == [revenue["top_customers"], revenue["customers"]]
    assert [round(100 * (value(one) or 0)) for one in money[:2]] == [revenue["top_minor"], revenue["total_minor"]]
    classes = page.locator(".three .panel").first.locator(".bars li")
    shown = classes.evaluate_all("rows => rows.map(row => [row.children[0].textContent, row.querySelector('b').textContent])")
    assert {name: value(count) for name, count in shown} == server.get("/overview")["statuses"]["class"]


def test_the_policy_in_force_to_its_last_threshold(visit: Open, server: Server) -> None:
    page = visit("policy")
    policy = server.get("/policy")["in_force"]
    text = page.locator(".policy-sections").inner_text().casefold()
    assert value(page.locator(".figures dd").first.inner_text()) == policy["version"]
    assert policy["hash"].startswith(page.locator(".figures code").inner_text())

    def told(document: Any) -> None:
        if isinstance(document, dict):
            for name, held in document.items():
                assert name.replace("_", " ").casefold() in text
                told(held)
        elif isinstance(document, list):
            for held in document:
                told(held)
        elif document is not None and not isinstance(document, bool):
            assert re.search(rf"(?<!\d){re.escape(str(document).casefold())}(?!\d)", text), document

    told(policy["document"])
