"""A first mapping for tables nobody has seen: the right columns, and a doubt wherever it was a guess."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from pyarrow import parquet

from stream_app.errors import Failure
from stream_app.intake.document import read_mapping
from stream_app.intake.draft import draft
from stream_app.intake.run import map_files
from tests.unit.intake.test_mapping import _run

FIRST = datetime(2025, 1, 3, 9, 5, tzinfo=UTC)


def _times(pattern: str, count: int) -> list[str]:
    return [(FIRST + timedelta(hours=31 * number)).strftime(pattern) for number in range(count)]


def _till(folder: Path) -> Path:
    """A Dutch till: several rows a receipt, prices of one piece, a decimal comma."""
    random, lines = Random(1), ["Kassabon;Klantnummer;Naam;Verkoopdatum;Artikelgroep;Artikelcode;Aantal;Stuksprijs"]
    for number, day in enumerate(_times("%d-%m-%Y %H:%M", 200)):
        head = f"{1000 + number};{5000 + random.randint(1, 40)};Fam. Jansen;{day}"
        lines += [f'{head};{random.choice(["rode wijn", "port"])};W{random.randint(1, 40)};{n};"1.0{n}4,{n}5"' for n in range(1, 4)]
    return _write(folder / "kassa.csv", lines, "utf-8-sig")


def _invoices(folder: Path) -> Path:
    """Month first, returns with negative pieces, commas in a description."""
    random, lines = Random(2), ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]
    for number, day in enumerate(_times("%m/%d/%Y %H:%M", 200)):
        pieces = -2 if number == 50 else 3
        lines += [
            f'{536000 + number},{20000 + n}A,"MUG, {n}",{pieces},{day},{n}.95,{17000 + random.randint(1, 40)},United Kingdom'
            for n in (1, 2)
        ]
    return _write(folder / "sales.csv", lines)


def _log(folder: Path) -> Path:
    """No order number, no names that help much, days without a clock."""
    lines = ["cust\tdate\tcds\tdollar value", *(f"{n % 70:05}\t{day}\t{n % 3}\t{n % 50}.29" for n, day in enumerate(_times("%Y%m%d", 200)))]
    return _write(folder / "log.csv", lines)


def _shop(folder: Path) -> Path:
    """A web shop: one row an order, its state, its currency."""
    lines = ["order_id,email,status,placed_at,grand_total,currency,birthday"]
    for n, day in enumerate(_times("%Y-%m-%dT%H:%M:%S+02:00", 200)):
        lines.append(f"A-{n},User{n % 60}@example.com,{'cancelled' if n % 9 == 0 else 'paid'},{day},{n}.50,GBP,1980-01-0{n % 9 + 1}")
    return _write(folder / "web.csv", lines)


def _lake(folder: Path) -> Path:
    """Times and numbers with types of their own, and the order's total on each of its rows."""
    rows = [
        {"ticket": n // 2, "member": f"m{n // 2 % 30}", "at": FIRST + timedelta(days=n // 2), "ean": n % 7, "total": n // 2 + 0.25}
        for n in range(200)
    ]
    parquet.write_table(pa.Table.from_pylist(rows), folder / "lake.parquet")
    return folder / "lake.parquet"


def _write(file: Path, lines: list[str], encoding: str = "utf-8") -> Path:
    file.write_text("\n".join(lines) + "\n", encoding=encoding)
    return file


@pytest.mark.parametrize(
    ("table", "currency", "roles", "events", "first"),
    [
        (
            _till,
            "EUR",
            {"time": "Verkoopdatum", "customer": "Klantnummer", "order": "Kassabon", "quantity": "Aantal", "amount": "Stuksprijs",
             "category": "Artikelgroep", "sku": "Artikelcode"},
            200,
            ("5009", "2025-01-03T09:05:00.000Z", 101_415 + 2 * 102_425 + 3 * 103_435),
        ),
        (
            _invoices,
            "USD",
            {"time": "InvoiceDate", "customer": "CustomerID", "order": "InvoiceNo", "quantity": "Quantity", "amount": "UnitPrice",
             "sku": "StockCode"},
            199,
            ("17004", "2025-01-03T09:05:00.000Z", 3 * 195 + 3 * 295),
        ),
        (_log, "USD", {"time": "date", "customer": "cust", "amount": "dollar value"}, 200, ("00000", "2025-01-03T00:00:00.000Z", 29)),
        (
            _shop,
            "EUR",
            {"time": "placed_at", "currency": "currency", "customer": "email", "order": "order_id", "amount": "grand_total",
             "state": "status"},
            177,
            ("user1@example.com", "2025-01-04T14:05:00.000Z", 150),
        ),
        (
            _lake,
            "EUR",
            {"time": "at", "customer": "member", "order": "ticket", "amount": "total", "sku": "ean"},
            100,
            ("m0", "2025-01-03T09:05:00.000Z", 25),
        ),
    ],
)  # fmt: skip
def test_a_table_is_understood(
    tmp_path: Path, table: object, currency: str, roles: dict[str, str], events: int, first: tuple[str, str, int]
) -> None:
    assert callable(table)
    file: Path = table(tmp_path)
    found = draft(file, "acme", currency, "UTC")
    assert found.roles == roles
    done = map_files([file], read_mapping("draft", found.text), tmp_path)
    assert (done.events, done.complaints) == (events, [])
    event = json.loads(done.files[0].read_text().splitlines()[0])
    assert (event["subject"], event["time"], event["data"]["total_minor"]) == first
    assert [f"# {doubt}" for doubt in found.doubts] == [line for line in found.text.splitlines() if line.startswith("# ")][1:]


@pytest.mark.parametrize(
    ("table", "doubt"),
    [
        (_till, "not used: Naam"),
        (_invoices, "rows with a negative Quantity are left out"),
        (_log, "order: no column numbers the orders"),
        (_shop, "rows whose status is cancelled are left out"),
    ],
)
def test_a_guess_is_told_as_one(tmp_path: Path, table: object, doubt: str) -> None:
    assert callable(table)
    assert any(doubt in told for told in draft(table(tmp_path), "acme", "EUR", "UTC").doubts)


@pytest.mark.parametrize(("currency", "month"), [("EUR", "%d/%m/%Y"), ("USD", "%m/%d/%Y")])
def test_day_and_month_that_cannot_be_told_apart_are_a_doubt(tmp_path: Path, currency: str, month: str) -> None:
    lines = ["customer,date,amount", *(f"c{n % 5},0{n % 9 + 1}/0{n % 8 + 1}/2025,1{n % 9}.50" for n in range(40))]
    found = draft(_write(tmp_path / "t.csv", lines), "acme", currency, "UTC")
    assert f'time_format: "{month}"' in found.text
    assert any("can be read as" in doubt for doubt in found.doubts)


def test_a_table_without_amounts_is_refused_with_its_columns(tmp_path: Path) -> None:
    file = _write(tmp_path / "t.csv", ["customer,date", "a,2025-01-01", "b,2025-01-02"])
    with pytest.raises(Failure, match="which column is the amount\\? none of customer, date"):
        draft(file, "acme", "EUR", "UTC")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["web.csv", "there.yaml"], 1, "there.yaml: is already there"),
        (["none.csv"], 1, "none.csv: no such file"),
        (["empty.csv"], 1, "empty.csv: has no rows"),
        (["web.csv", "--currency", "EURO"], 1, "currency: must be a code of ISO 4217"),
        (["web.csv", "--time-zone", "Mars"], 1, "time_zone: must be an IANA time zone"),
    ],
)
def test_wrong_usage_is_told_in_one_line(tmp_path: Path, arguments: list[str], status: int, words: str) -> None:
    _shop(tmp_path)
    (tmp_path / "there.yaml").write_text("mine")
    (tmp_path / "empty.csv").write_text("a,b\n")
    told = _run(tmp_path, "mapping", "init", *arguments)
    assert (told.returncode, told.stderr.count("\n")) == (status, 1), told.stderr
    assert words in told.stderr
    assert (tmp_path / "there.yaml").read_text() == "mine"


def test_the_command_writes_what_the_other_commands_read(tmp_path: Path) -> None:
    _shop(tmp_path)
    told = _run(tmp_path, "mapping", "init", "web.csv", "map.yaml", "--shop", "acme", "--json")
    assert json.loads(told.stdout)["mapping"] == (tmp_path / "map.yaml").read_text()
    assert _run(tmp_path, "publish", "web.csv", "--mapping", "map.yaml", "--dry-run").returncode == 0
