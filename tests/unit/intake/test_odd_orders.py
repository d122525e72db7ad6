"""Orders that are odd, yet shops have them: no total, no lines, parts of a piece, and none of them."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from stream_app.intake.document import load_mapping
from stream_app.intake.run import map_files
from tests.unit.intake.test_ready import GA4, SEGMENT, SHOPIFY_ORDERS, WOOCOMMERCE, events_of, mapped

GA4_PURCHASE = GA4[0] | {"event_params": [], "ecommerce": {"transaction_id": "T1"}}


def _complaints(tmp_path: Path, name: str, row: dict[str, Any]) -> list[str]:
    source = tmp_path / "row.jsonl"
    source.write_text(json.dumps(row))
    done = map_files([source], load_mapping(name, "acme"), tmp_path)
    assert done.events == 0
    return [text.removeprefix(f"{source}:1: ") for text in done.complaints]


@pytest.mark.parametrize(
    ("name", "row", "columns"),
    [
        ("segment", SEGMENT[0] | {"properties": {"order_id": "1", "currency": "USD"}}, "properties.total or properties.revenue"),
        ("segment", SEGMENT[0] | {"properties": {"order_id": "1", "total": " ", "products": []}}, "properties.total or properties.revenue"),
        ("shopify-orders", SHOPIFY_ORDERS[1] | {"total_price": None}, "total_price"),
        (
            "shopify-orders",
            SHOPIFY_ORDERS[1] | {"total_price": None, "line_items": [{"sku": "A", "quantity": 0, "price": "1.00"}]},
            "total_price",
        ),
        ("woocommerce", WOOCOMMERCE[0] | {"total": "", "line_items": None, "refunds": []}, "total"),
        (
            "ga4",
            GA4_PURCHASE | {"items": []},
            "ecommerce.purchase_revenue or event_params[key=value].value.double_value or event_params[key=value].value.int_value",
        ),
    ],
)
def test_an_order_with_neither_a_total_nor_a_line_is_refused(tmp_path: Path, name: str, row: dict[str, Any], columns: str) -> None:
    row = {column: value for column, value in row.items() if column != "cancelled_at"}
    assert _complaints(tmp_path, name, row) == [f"data.total_minor: {columns} is empty, and there is no line to add up"]


@pytest.mark.parametrize(
    ("name", "row", "total"),
    [
        ("segment", SEGMENT[0] | {"properties": {"order_id": "1", "total": 0}}, 0),
        ("segment", SEGMENT[0] | {"properties": {"order_id": "1", "revenue": 12.5}}, 1_250),
        ("segment", SEGMENT[0] | {"properties": SEGMENT[0]["properties"] | {"total": None, "revenue": None}}, 2_500),
        ("shopify-orders", SHOPIFY_ORDERS[1] | {"total_price": "0.00"}, 0),
        ("shopify-orders", SHOPIFY_ORDERS[0] | {"total_price": None}, 4_000),
        ("ga4", GA4_PURCHASE, 3_050),
    ],
)
def test_a_total_of_nothing_counts_if_it_is_said_and_lines_stand_in_for_none(
    tmp_path: Path, name: str, row: dict[str, Any], total: int
) -> None:
    assert mapped(tmp_path, name, "row.jsonl", json.dumps(row))[0]["data"]["total_minor"] == total


def _with_quantities(name: str, quantities: tuple[Any, Any]) -> dict[str, Any]:
    """An order of two lines, A at 10.00 and B at 4.00, as `name` reads them."""
    pairs = list(zip("AB", (10, 4), quantities, strict=True))
    if name == "segment":
        properties = SEGMENT[0]["properties"] | {
            "total": 29.35, "products": [{"sku": sku, "price": price, "quantity": quantity} for sku, price, quantity in pairs]
        }  # fmt: skip
        return SEGMENT[0] | {"properties": properties}
    if name == "shopify-orders":
        lines = [{"sku": sku, "price": f"{price}.00", "quantity": quantity} for sku, price, quantity in pairs]
        return SHOPIFY_ORDERS[1] | {"total_price": "29.35", "line_items": lines, "cancelled_at": None}
    lines = [{"sku": sku, "total": f"{price}.00", "quantity": quantity} for sku, price, quantity in pairs]
    return WOOCOMMERCE[0] | {"line_items": lines, "refunds": []}


@pytest.mark.parametrize(
    ("name", "quantities", "lines"),
    [
        ("woocommerce", (1.5, 1), [("A", 2, 1_000), ("B", 1, 400)]),
        ("woocommerce", ("0.25", 0), [("A", 1, 1_000)]),
        ("woocommerce", (0, 0), []),
        ("shopify-orders", (0, 2), [("B", 2, 800)]),
        ("segment", (1.5, 0), [("A", 2, 1_500)]),
        ("segment", (2.0000000000000004, 0.125), [("A", 2, 2_000), ("B", 1, 50)]),
    ],
)
def test_parts_of_a_piece_count_as_one_and_lines_of_none_are_left_out(
    tmp_path: Path, name: str, quantities: tuple[Any, Any], lines: list[tuple[str, int, int]]
) -> None:
    (event,) = mapped(tmp_path, name, "row.jsonl", json.dumps(_with_quantities(name, quantities)))
    assert [(line["sku"], line["quantity"], line["total_minor"]) for line in event["data"]["lines"]] == lines
    assert event["data"]["total_minor"] == 2_935  # what the shop said


@pytest.mark.parametrize("name", ["woocommerce", "shopify-orders", "segment"])
@pytest.mark.parametrize("quantity", [-1, "many"])
def test_a_quantity_below_0_and_no_number_are_refused(tmp_path: Path, name: str, quantity: object) -> None:
    (complaint,) = _complaints(tmp_path, name, _with_quantities(name, (1, quantity)))
    assert complaint.startswith("data.lines[1].")


@pytest.mark.parametrize("value", [["a"], {"a": "b"}, [], {}])
@pytest.mark.parametrize(
    ("name", "row", "path", "told"),
    [
        ("segment", SEGMENT[0], ["userId"], "subject: userId or anonymousId is no text or number"),
        ("segment", SEGMENT[2], ["messageId"], "id: messageId is no text or number"),
        ("segment", SEGMENT[0], ["properties", "order_id"], "id: properties.order_id is no text or number"),
        ("segment", SEGMENT[0], ["properties", "currency"], "data.currency: properties.currency is no text or number"),
        ("shopify-orders", SHOPIFY_ORDERS[3] | {"email": "x"}, ["email"], "subject: email is no text or number"),
        ("woocommerce", WOOCOMMERCE[0] | {"refunds": []}, ["billing", "email"], "subject: billing.email is no text or number"),
    ],
)
def test_a_list_or_an_object_is_nobodys_name(
    tmp_path: Path, name: str, row: dict[str, Any], path: list[str], told: str, value: object
) -> None:
    row = copy.deepcopy(row)
    place = row[path[0]] if len(path) > 1 else row
    place[path[-1]] = value
    assert _complaints(tmp_path, name, row) == [told]


def test_neither_is_a_truth(tmp_path: Path) -> None:
    told = ["subject: userId or anonymousId is no text or number"]
    assert _complaints(tmp_path, "segment", SEGMENT[0] | {"userId": False}) == told


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("segment", SEGMENT[0] | {"properties": SEGMENT[0]["properties"] | {"currency": "eur"}}),
        ("shopify-orders", SHOPIFY_ORDERS[0] | {"currency": "Eur", "refunds": []}),
        ("woocommerce", WOOCOMMERCE[0] | {"currency": " eur", "refunds": []}),
    ],
)
def test_a_currency_in_small_letters_is_the_same(tmp_path: Path, name: str, row: dict[str, Any]) -> None:
    (event,) = mapped(tmp_path, name, "row.jsonl", json.dumps(row))
    assert event["data"]["currency"] == "EUR"


def test_a_refund_of_nothing_is_none(tmp_path: Path) -> None:
    order = copy.deepcopy(SHOPIFY_ORDERS[0])
    order["refunds"][0]["transactions"][0]["amount"] = "0.00"
    refunds = [{"id": 1, "total": "0.00"}, {"id": 2, "total": "-0.00"}, {"id": 3, "total": "-0.01"}]
    rows = [
        ("woocommerce", WOOCOMMERCE[0] | {"refunds": refunds}, ["order-727", "refund-3"]),
        ("shopify-orders", order, ["order-#1001", "refund-902"]),
        ("segment", SEGMENT[2] | {"properties": {"order_id": "1", "total": 0}}, []),
    ]
    for name, row, ids in rows:
        assert [event["id"] for event in events_of(tmp_path, name, "row.jsonl", json.dumps(row))] == ids


def test_a_line_without_a_price_does_not_cost_an_order_that_names_its_total(tmp_path: Path) -> None:
    products = [{"name": "Uno", "quantity": 2}, {"id": "505b", "price": 3}]
    properties = SEGMENT[0]["properties"] | {"products": products}
    (event,) = mapped(tmp_path, "segment", "row.jsonl", json.dumps(SEGMENT[0] | {"properties": properties}))
    assert event["data"]["total_minor"] == 2_750
    assert event["data"]["lines"] == [{"sku": "Uno", "quantity": 2, "total_minor": 0}, {"sku": "505b", "quantity": 1, "total_minor": 300}]
    nothing_said = properties | {"total": None, "revenue": None}
    assert _complaints(tmp_path, "segment", SEGMENT[0] | {"properties": nothing_said}) == ["data.lines[0].total_minor: missing; add it"]
