"""What stands in a table, as what an event needs; and no value is ever quoted."""

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.intake.values import look_up, multiply, read_integer, read_money, read_pieces, read_time, read_truth


@pytest.mark.parametrize(
    ("text", "currency", "comma", "minor"),
    [
        ("12.50", "EUR", False, 1_250),
        ("0.1", "EUR", False, 10),
        ("12,50", "EUR", True, 1_250),
        ("€ 1.234,50", "EUR", True, 123_450),
        ("$1,234.50", "USD", False, 123_450),
        ("1,234,567", "USD", False, 123_456_700),
        ("-3.00", "EUR", False, -300),
        ("1200", "JPY", False, 1_200),
        ("1.234", "KWD", False, 1_234),
        (19.99, "EUR", False, 1_999),
        (1.1, "EUR", False, 110),
        (Decimal("7.25"), "EUR", False, 725),
        (12, "EUR", False, 1_200),
        (59.900000000000006, "EUR", False, 5_990),
        (0.1 + 0.2, "EUR", False, 30),
        (-59.900000000000006, "EUR", False, -5_990),
        (1_000_000.0000000001, "JPY", False, 1_000_000),
    ],
)
def test_money(text: object, currency: str, comma: bool, minor: int) -> None:
    assert read_money(text, currency, decimal_comma=comma) == minor


@pytest.mark.parametrize(
    ("text", "currency", "comma"),
    [
        ("12.505", "EUR", False),
        ("1e2", "EUR", False),
        ("1.5E+3", "EUR", True),
        ("59.900000000000006", "EUR", False),  # a text is what somebody wrote
        (Decimal("59.900000000000006"), "EUR", False),
        (59.9001, "EUR", False),
        (12.505, "EUR", False),
        (1e308, "EUR", False),
        ("9" * 5_000, "EUR", False),
        ("1.5", "JPY", False),
        ("12,50", "EUR", False),  # a thousands separator before two digits
        ("1.234.5", "EUR", False),
        ("", "EUR", False),
        ("secret", "EUR", False),
        ("nan", "EUR", False),
        (float("inf"), "EUR", False),
        (True, "EUR", False),
    ],
)
def test_what_is_no_amount(text: object, currency: str, comma: bool) -> None:
    with pytest.raises(ValueError) as told:
        read_money(text, currency, decimal_comma=comma)
    assert "secret" not in str(told.value)


@given(st.integers(-(10**12), 10**12), st.booleans())
def test_every_amount_survives_being_written_with_separators(minor: int, comma: bool) -> None:
    text = f"{Decimal(minor).scaleb(-2):,.2f}"
    if comma:
        text = text.translate(str.maketrans(",.", ".,"))
    assert read_money(text, "EUR", decimal_comma=comma) == minor


@pytest.mark.parametrize(
    ("value", "zone", "pattern", "unit", "instant"),
    [
        ("2026-03-01T10:15:00+01:00", "UTC", None, None, "2026-03-01T09:15:00.000Z"),
        ("2026-03-01 10:15:00", "Europe/Amsterdam", None, None, "2026-03-01T09:15:00.000Z"),
        ("2026-07-01 10:15", "Europe/Amsterdam", None, None, "2026-07-01T08:15:00.000Z"),
        ("2026-03-01 10:15:00 -0500", "UTC", None, None, "2026-03-01T15:15:00.000Z"),
        ("2026-03-01 10:15:00 UTC", "Asia/Tokyo", None, None, "2026-03-01T10:15:00.000Z"),
        ("2026-03-01", "Europe/Amsterdam", None, None, "2026-02-28T23:00:00.000Z"),
        ("01-03-2026 10:15", "Europe/Amsterdam", "%d-%m-%Y %H:%M", None, "2026-03-01T09:15:00.000Z"),
        ("2026-10-25 02:30:00", "Europe/Amsterdam", None, None, "2026-10-25T00:30:00.000Z"),  # twice: the earlier
        ("2026-03-29 02:30:00", "Europe/Amsterdam", None, None, "2026-03-29T01:30:00.000Z"),  # never: as zoneinfo resolves it
        (1_772_356_500, "UTC", None, "seconds", "2026-03-01T09:15:00.000Z"),
        ("1772356500123456", "UTC", None, "microseconds", "2026-03-01T09:15:00.123Z"),
        (datetime(2026, 3, 1, 10, 15), "Europe/Amsterdam", None, None, "2026-03-01T09:15:00.000Z"),  # noqa: DTZ001 - as Parquet has it
    ],
)
def test_times(value: object, zone: str, pattern: str | None, unit: str | None, instant: str) -> None:
    assert read_time(value, zone, pattern, unit) == instant


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "31/12/2026", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time(value: str) -> None:
    with pytest.raises(ValueError) as told:
        read_time(value, "UTC", None, None)
    assert value not in str(told.value)
    assert str(told.value).startswith("is ")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("plain", "x"),
        ("with.dot", "whole name first"),
        ("a.b", 2),
        ("a.none", None),
        ("plain.deeper", None),
        ("empty", None),
        ("params[key=currency].value.string", "EUR"),
        ("params[key=none].value", None),
    ],
)
def test_paths(path: str, found: object) -> None:
    row = {
        "plain": " x ",
        "with.dot": "whole name first",
        "with": {"dot": "not this"},
        "a": {"b": 2},
        "empty": " ",
        "params": [{"key": "page"}, {"key": "currency", "value": {"string": "EUR"}}],
    }
    assert look_up(row, path) == found


def test_numbers_and_truths() -> None:
    assert [read_integer(value) for value in ("3", 3.0, Decimal(3), 3.0000000000000004)] == [3, 3, 3, 3]
    assert [read_truth(value) for value in (True, "yes", "0", "No")] == [True, True, False, False]
    for read, value in ((read_integer, "3.5"), (read_integer, "1e999999"), (read_integer, True), (read_truth, "maybe")):
        with pytest.raises(ValueError):
            read(value)


@pytest.mark.parametrize(
    ("value", "pieces"),
    [(0, 0), ("0", 0), (0.0, 0), (1, 1), ("1.5", 2), (1.5, 2), (0.25, 1), (2.0000000000000004, 2), ("2.0000000000000004", 3), (-1, -1)],
)
def test_pieces(value: object, pieces: int) -> None:
    assert read_pieces(value) == pieces


@pytest.mark.parametrize("value", ["many", -1.5, True, "nan", "1e999999"])
def test_what_is_no_number_of_pieces(value: object) -> None:
    with pytest.raises(ValueError) as told:
        read_pieces(value)
    assert "many" not in str(told.value)


@pytest.mark.parametrize(
    ("minor", "value", "product"),
    [(1_999, 3, 5_997), (1_999, "1.5", 2_999), (999, 0.5, 500), (1_000, 2.0000000000000004, 2_000), (5, 0, 0)],
)
def test_a_price_times_a_quantity(minor: int, value: object, product: int) -> None:
    assert multiply(minor, value) == product
