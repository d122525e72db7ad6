"""CDNOW: 69 659 purchases of 23 570 customers, 1997-01-01 to 1998-06-30, as CloudEvents; from the lifetimes wheel's data file."""

from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path
from typing import Any

ORDERS = 69_659
CUSTOMERS = 23_570


def data_file() -> Path:
    """Where the installed wheel keeps the file; lifetimes itself is never imported."""
    for path in files("lifetimes") or ():
        if path.name == "CDNOW_master.txt":
            return Path(str(path.locate()))
    raise FileNotFoundError("CDNOW_master.txt is not in the lifetimes wheel")


def orders() -> Iterator[dict[str, Any]]:
    """One `order.placed` a line of the file, at 12:00 UTC of its day, customers in file order; without lines, so group `default`."""
    for number, line in enumerate(data_file().read_text().splitlines()[1:], 1):
        customer, day, _, amount = line.split()
        units, cents = amount.split(".")
        yield {
            "specversion": "1.0",
            "id": f"e-{number}",
            "source": "/shops/cdnow",
            "type": "order.placed",
            "subject": customer,
            "time": f"{day[:4]}-{day[4:6]}-{day[6:]}T12:00:00Z",
            "data": {"order_id": f"o-{number}", "currency": "USD", "total_minor": int(units) * 100 + int(cents)},
        }
