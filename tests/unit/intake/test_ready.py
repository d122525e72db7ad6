"""The ready mappings, each on a recorded shape of what it is for."""

import json
from pathlib import Path
from typing import Any

import pytest

from stream_app.intake.document import load_mapping, ready_mappings
from stream_app.intake.run import map_files

SEGMENT: list[dict[str, Any]] = [
    {
        "type": "track", "event": "Order Completed", "messageId": "m-1", "userId": "u1", "timestamp": "2026-03-01T09:15:00.000Z",
        "properties": {
            "order_id": "50314b8e", "total": 27.50, "revenue": 25.00, "shipping": 3, "discount": 2.5, "currency": "USD",
            "products": [
                {"product_id": "507f", "sku": "45790-32", "name": "Monopoly", "price": 19, "quantity": 1, "category": "Games"},
                {"product_id": "505b", "sku": "46493-32", "price": 3, "quantity": 2, "category": "Games"},
            ],
        },
    },
    {
        "type": "track", "event": "Order Updated", "messageId": "m-2", "userId": "u1", "timestamp": "2026-03-01T10:15:00.000Z",
        "properties": {"order_id": "50314b8e", "total": 30.00, "currency": "USD"},
    },
    {
        "type": "track", "event": "Order Refunded", "messageId": "m-3", "userId": "u1", "timestamp": "2026-03-03T10:15:00.000Z",
        "properties": {"order_id": "50314b8e", "total": 7.5, "currency": "USD"},
    },
    {
        "type": "track", "event": "Order Cancelled", "messageId": "m-4", "anonymousId": "a9", "timestamp": "2026-03-04T10:15:00.000Z",
        "properties": {"order_id": "other"},
    },
    {"type": "track", "event": "Product Viewed", "messageId": "m-5", "userId": "u1", "timestamp": "2026-03-04T10:15:00.000Z"},
]  # fmt: skip

SHOPIFY = """\
Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,\
Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Cancelled at,Refunded Amount,Id
#1001,Ann@Example.com,paid,2026-03-01 10:15:00 +0100,fulfilled,2026-03-02 09:00:00 +0100,EUR,40.00,0.00,6.94,40.00,\
,0.00,2026-03-01 10:15:00 +0100,2,Blue socks,15.00,SOCK-B,,0.00,4501
#1001,ann@example.com,,,,,,,,,,,,2026-03-01 10:15:00 +0100,1,Red hat,10.00,HAT-R,,,
#1002,bob@example.com,partially_refunded,2026-03-02 10:15:00 +0100,fulfilled,2026-03-03 09:00:00 +0100,EUR,20.00,0.00,\
3.47,18.00,SPRING,2.00,2026-03-02 10:15:00 +0100,1,Scarf,20.00,,2026-03-05 10:15:00 +0100,5.00,4502
"""

SHOPIFY_ORDERS: list[dict[str, Any]] = [
    {
        "id": 820982911946154508, "name": "#1001", "email": "Ann@Example.com", "test": False, "currency": "EUR",
        "created_at": "2026-03-01T10:15:00+01:00", "updated_at": "2026-03-05T10:15:00+01:00", "cancelled_at": None,
        "total_price": "37.50", "total_discounts": "2.50", "financial_status": "partially_refunded",
        "customer": {"id": 115310627314723954, "email": "Ann@Example.com"},
        "line_items": [
            {"id": 1, "sku": "SOCK-B", "name": "Blue socks", "quantity": 2, "price": "15.00"},
            {"id": 2, "sku": None, "name": "Red hat", "title": "Red hat", "quantity": 1, "price": "10.00"},
        ],
        "refunds": [
            {
                "id": 509, "created_at": "2026-03-04T10:15:00+01:00", "note": None,
                "transactions": [
                    {"id": 901, "kind": "refund", "status": "success", "amount": "5.00", "processed_at": "2026-03-04T10:15:01+01:00"},
                    {"id": 902, "kind": "refund", "status": "success", "amount": "1.25", "created_at": "2026-03-04T10:15:02+01:00"},
                    {"id": 903, "kind": "refund", "status": "pending", "amount": "9.99", "created_at": "2026-03-04T10:15:03+01:00"},
                    {"id": 904, "kind": "void", "status": "success", "amount": "9.99", "created_at": "2026-03-04T10:15:03+01:00"},
                ],
            },
            {"id": 510, "created_at": "2026-03-05T10:15:00+01:00", "transactions": []},
        ],
    },
    {
        "id": 2, "name": "#1002", "email": "bob@example.com", "test": False, "currency": "EUR", "created_at": "2026-03-02T10:15:00+01:00",
        "cancelled_at": "2026-03-05T10:15:00+01:00", "total_price": "18.00", "total_discounts": "0.00", "line_items": [], "refunds": [],
    },
    {"id": 3, "name": "#1003", "email": "test@example.com", "test": True, "currency": "EUR", "total_price": "1.00", "line_items": []},
    {"id": 4, "name": "#1004", "email": "", "currency": "EUR", "created_at": "2026-03-02T10:15:00+01:00", "total_price": "1.00"},
]  # fmt: skip

WOOCOMMERCE: list[dict[str, Any]] = [
    {
        "id": 727, "status": "completed", "currency": "USD",
        "date_created_gmt": "2026-03-22T19:28:02", "date_modified_gmt": "2026-03-25T19:28:08", "date_paid_gmt": "2026-03-22T19:28:08",
        "discount_total": "1.00", "total": "29.35", "customer_id": 26, "billing": {"email": "John.Doe@example.com"},
        "line_items": [{"id": 315, "name": "Woo Single #1", "product_id": 93, "quantity": 2, "total": "6.00", "sku": ""}],
        "refunds": [{"id": 900, "reason": "", "total": "-10.00"}],
    },
    {
        "id": 728, "status": "cancelled", "currency": "USD",
        "date_created_gmt": "2026-03-23T19:28:02", "date_modified_gmt": "2026-03-24T00:00:00", "date_paid_gmt": "2026-03-23T19:28:08",
        "discount_total": "0.00", "total": "5.00", "customer_id": 0,
        "billing": {"email": "guest@example.com"}, "line_items": [], "refunds": [],
    },
    {"id": 729, "status": "pending", "currency": "USD", "date_paid_gmt": None, "billing": {"email": "guest@example.com"}},
]  # fmt: skip

GA4: list[dict[str, Any]] = [
    {
        "event_name": "purchase", "event_timestamp": "1772356500123456", "user_pseudo_id": "1.2", "user_id": None,
        "event_params": [
            {"key": "currency", "value": {"string_value": "EUR"}}, {"key": "value", "value": {"double_value": 30.5}},
        ],
        "ecommerce": {"transaction_id": "T1", "purchase_revenue": 30.5},
        "items": [{"item_id": "SKU1", "item_category": "Shoes", "price": 30.5, "quantity": 1}],
    },
    {"event_name": "page_view", "event_timestamp": "1772356500123456", "user_pseudo_id": "1.2", "ecommerce": {}},
]  # fmt: skip


def mapped(tmp_path: Path, name: str, file: str, text: str) -> list[dict[str, Any]]:
    events = events_of(tmp_path, name, file, text)
    assert {event["source"] for event in events} == {"/shops/acme"}
    return events


def events_of(tmp_path: Path, name: str, file: str, text: str) -> list[dict[str, Any]]:
    source = tmp_path / file
    source.write_text(text)
    done = map_files([source], load_mapping(name, "acme"), tmp_path)
    assert done.complaints == []
    return [json.loads(line) for line in done.files[0].read_text().splitlines()]


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _short(event: dict[str, Any]) -> tuple[str, str, str, str]:
    return event["type"], event["id"], event["subject"], event["time"]


def test_every_ready_mapping_is_tried_here() -> None:
    assert ready_mappings() == ["ga4", "segment", "shopify", "shopify-orders", "woocommerce"]


def test_segment(tmp_path: Path) -> None:
    events = mapped(tmp_path, "segment", "track.jsonl", _lines(SEGMENT))
    assert [_short(event) for event in events] == [
        ("order.placed", "order-50314b8e", "u1", "2026-03-01T09:15:00.000Z"),
        ("order.placed", "order-50314b8e", "u1", "2026-03-01T10:15:00.000Z"),  # the same id: a duplicate
        ("order.refunded", "refund-m-3", "u1", "2026-03-03T10:15:00.000Z"),
        ("order.cancelled", "cancel-other", "a9", "2026-03-04T10:15:00.000Z"),
    ]
    assert events[0]["data"] == {
        "order_id": "50314b8e",
        "currency": "USD",
        "total_minor": 2_750,
        "discount_minor": 250,
        "lines": [
            {"sku": "45790-32", "category": "Games", "quantity": 1, "total_minor": 1_900},
            {"sku": "46493-32", "category": "Games", "quantity": 2, "total_minor": 600},
        ],
    }
    assert events[2]["data"]["amount_minor"] == 750


def test_shopify(tmp_path: Path) -> None:
    events = mapped(tmp_path, "shopify", "orders_export.csv", SHOPIFY)
    assert sorted(_short(event) for event in events) == [
        ("order.cancelled", "cancel-#1002", "bob@example.com", "2026-03-05T09:15:00.000Z"),
        ("order.placed", "order-#1001", "ann@example.com", "2026-03-01T09:15:00.000Z"),
        ("order.placed", "order-#1002", "bob@example.com", "2026-03-02T09:15:00.000Z"),
        ("order.refunded", "refund-#1002", "bob@example.com", "2026-03-05T09:15:00.000Z"),
    ]
    data = next(event["data"] for event in events if event["id"] == "order-#1001")
    assert data["total_minor"] == 4_000
    assert data["lines"] == [{"sku": "SOCK-B", "quantity": 2, "total_minor": 3_000}, {"sku": "HAT-R", "quantity": 1, "total_minor": 1_000}]


def test_shopify_orders_of_the_rest_api(tmp_path: Path) -> None:
    events = mapped(tmp_path, "shopify-orders", "orders.json", json.dumps(SHOPIFY_ORDERS))
    assert [_short(event) for event in events] == [
        ("order.placed", "order-#1001", "ann@example.com", "2026-03-01T09:15:00.000Z"),
        ("order.refunded", "refund-901", "ann@example.com", "2026-03-04T09:15:01.000Z"),
        ("order.refunded", "refund-902", "ann@example.com", "2026-03-04T09:15:02.000Z"),
        ("order.placed", "order-#1002", "bob@example.com", "2026-03-02T09:15:00.000Z"),
        ("order.cancelled", "cancel-#1002", "bob@example.com", "2026-03-05T09:15:00.000Z"),
    ]
    assert events[0]["data"] == {
        "order_id": "#1001", "currency": "EUR", "total_minor": 3_750, "discount_minor": 250,
        "lines": [{"sku": "SOCK-B", "quantity": 2, "total_minor": 3_000}, {"sku": "Red hat", "quantity": 1, "total_minor": 1_000}],
    }  # fmt: skip
    assert [event["data"]["amount_minor"] for event in events[1:3]] == [500, 125]


@pytest.mark.parametrize(("file", "text"), [("orders.json", json.dumps(WOOCOMMERCE)), ("orders.jsonl", _lines(WOOCOMMERCE))])
def test_woocommerce(tmp_path: Path, file: str, text: str) -> None:
    events = mapped(tmp_path, "woocommerce", file, text)
    assert [_short(event) for event in events] == [
        ("order.placed", "order-727", "john.doe@example.com", "2026-03-22T19:28:02.000Z"),
        ("order.refunded", "refund-900", "john.doe@example.com", "2026-03-25T19:28:08.000Z"),
        ("order.cancelled", "cancel-728", "guest@example.com", "2026-03-24T00:00:00.000Z"),
        ("order.placed", "order-728", "guest@example.com", "2026-03-23T19:28:02.000Z"),
    ]
    assert events[0]["data"]["lines"] == [{"sku": "93", "quantity": 2, "total_minor": 600}]
    assert events[1]["data"] == {"order_id": "727", "refund_id": "900", "amount_minor": 1_000}


@pytest.mark.parametrize(
    ("status", "unpaid", "paid", "at_the_door"),
    [
        ("pending", [], [], []),
        ("checkout-draft", [], [], []),
        ("on-hold", [], ["order-727", "refund-900"], []),  # a bank transfer that is awaited; or a payment that is disputed
        *((status, *[["order-727", "refund-900"]] * 3) for status in ("processing", "completed", "refunded")),
        ("cancelled", *[["cancel-727", "order-727", "refund-900"]] * 3),
        *((status, [], *[["cancel-727", "order-727", "refund-900"]] * 2) for status in ("failed", "trash")),
        ("shipped", [], [], []),
    ],
)
def test_what_a_status_of_woocommerce_does(tmp_path: Path, status: str, unpaid: list[str], paid: list[str], at_the_door: list[str]) -> None:
    for date, method, expected in ((None, "stripe", unpaid), ("2026-03-22T19:28:08", "stripe", paid), (None, "cod", at_the_door)):
        row = WOOCOMMERCE[0] | {"status": status, "date_paid_gmt": date, "payment_method": method}
        assert [event["id"] for event in events_of(tmp_path, "woocommerce", "row.jsonl", json.dumps(row))] == expected


def test_ga4(tmp_path: Path) -> None:
    events = mapped(tmp_path, "ga4", "events.jsonl", _lines(GA4))
    assert [_short(event) for event in events] == [("order.placed", "order-T1", "1.2", "2026-03-01T09:15:00.123Z")]
    assert events[0]["data"] == {
        "order_id": "T1", "currency": "EUR", "total_minor": 3_050,
        "lines": [{"sku": "SKU1", "category": "Shoes", "quantity": 1, "total_minor": 3_050}],
    }  # fmt: skip
