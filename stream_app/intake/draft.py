"""A first mapping for a table nobody has seen: which column is most likely what, by its name and by what it holds.

A guess is shown as one: the draft says beside each field what else it could have been, and what was noticed.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stream_app.errors import Failure
from stream_app.intake.survey import Column, Survey, survey

WORDS: Final[dict[str, str]] = {
    "time": "date datum time tijd timestamp created placed ordered purchased when day dag fecha zeit moment bestelldatum kaufdatum",
    "customer": "customer client klant kunde kunden user buyer member household email mail cliente acheteur debiteur relatie loyalty lid "
    "guest patron shopper account koper",
    "order": "order receipt bon invoice factuur rechnung basket ticket transaction transactie bestelling bestell purchase commande pedido "
    "sale kassabon booking",
    "amount": "total amount bedrag totaal revenue omzet sum som value waarde betrag umsatz gross net sales spend spent montant importe "
    "turnover price prijs preis paid",
    "quantity": "quantity qty aantal menge pieces stuks units anzahl cantidad",
    "category": "category categorie department group groep afdeling family kategorie warengruppe productgroup collection soort",
    "sku": "sku article artikel product item ean upc stock description omschrijving wine title",
    "currency": "currency valuta waehrung devise moneda",
    "state": "status state kind type soort",
}
"""What columns are called, in small letters: English first, then what Dutch, German, French and Spanish exports use."""

AVOID: Final[dict[str, str]] = {
    "time": "birth geboorte geburt updated shipped delivered due expiry registered signup",
    "customer": "name naam firstname lastname city country phone",
    "order": "date datum total status line regel",
    "amount": "tax btw vat shipping verzend discount korting number nummer points",
    "sku": "group category",
    "currency": "rate",
}
_UNIT_PRICE: Final = ("price", "prijs", "preis", "unit")
_WRONG_STATES: Final = ("cancel", "annul", "storn", "refund", "return", "retour", "void", "fail")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_CLOSE: Final = 1.0
_MONTH_FIRST: Final = ("USD",)


@dataclass(frozen=True)
class Draft:
    """A mapping as YAML text, the column of each role, and what its reader should know."""

    text: str
    roles: dict[str, str]
    doubts: list[str] = field(default_factory=list)


@dataclass
class _Roles:
    seen: Survey
    chosen: dict[str, Column] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)

    def choose(self, role: str, fits: Callable[[Column], float]) -> Column | None:
        """Give the role to the free column that suits it best; `fits` adds what its values say, below 0 rules it out."""
        taken = {column.name for column in self.chosen.values()}
        scores = [
            (score(role, column.name) + fit, column)
            for column in self.seen.columns
            if column.name not in taken and (fit := fits(column)) >= 0
        ]
        scores = sorted([pair for pair in scores if pair[0] > 0], key=lambda pair: -pair[0])
        if not scores:
            return None
        best, column = scores[0]
        self.chosen[role] = column
        self.others[role] = [other.name for points, other in scores[1:4] if points >= best - _CLOSE]
        return column

    def name(self, role: str) -> str | None:
        column = self.chosen.get(role)
        return column.name if column else None


def score(role: str, name: str) -> float:
    """How well a column's name suits a role: 2 for each word of it, 1 for one inside another word, less for a word of something else."""
    words = [word.lower() for word in _WORD.findall(name)]
    points = 0.0
    for known in WORDS[role].split():
        if known in words:
            points += 2
        elif len(known) >= len("mail") and any(known in word for word in words):
            points += 1
    return min(points, 3) - 2 * sum(any(known in word for word in words) for known in AVOID.get(role, "").split())


def draft(file: Path, shop: str, currency: str, time_zone: str) -> Draft:
    """Draft the mapping of a file that holds purchases.

    Args:
        file: CSV, Parquet, JSON Lines or a JSON list; its first 5 000 rows are looked at.
        shop: whose it is.
        currency: of the amounts, ISO 4217, for rows that name none.
        time_zone: IANA name, of times without an offset.

    Raises:
        Failure: it cannot be read, or no column can be the customer, the time or the amount.
    """
    seen = survey(file)
    roles = _assign(seen)
    missing = [role for role in ("customer", "time", "amount") if role not in roles.chosen]
    if missing:
        names = ", ".join(column.name for column in seen.columns)
        raise Failure(f"{file}: which column is the {' and the '.join(missing)}? none of {names} looks like it; write the mapping by hand")
    doubts: list[str] = []
    head = _head(seen, roles, shop, currency, time_zone, doubts)
    rule = _rule(seen, roles, doubts)
    doubts.extend(f"{role}: could also be {' or '.join(names)}" for role, names in roles.others.items() if names)
    unused = [column.name for column in seen.columns if column not in roles.chosen.values()]
    if unused:
        doubts.append(f"not used: {', '.join(unused)}")
    comment = [
        f"# Drafted from {file.name}: look at what it makes of the rows (publish --dry-run) before you use it.",
        *(f"# {doubt}" for doubt in doubts),
    ]
    return Draft("\n".join([*comment, *head, *rule]) + "\n", {role: column.name for role, column in roles.chosen.items()}, doubts)


def _assign(seen: Survey) -> _Roles:
    roles, rows = _Roles(seen), len(seen.rows)
    roles.choose("time", lambda column: 2.5 * column.filled if column.times else -1)
    roles.choose("currency", lambda column: 0 if column.words and all(re.fullmatch("[A-Z]{3}", word) for word in column.words) else -1)
    roles.choose("customer", lambda column: _repeats(column, rows) if _can_be_an_id(column) else -1)
    roles.choose("order", lambda column: _groups(column, rows) if _can_be_an_id(column) and not column.words else -1)
    roles.choose("quantity", lambda column: 0 if column.is_whole and column.distinct < rows / 2 else -1)
    roles.choose("amount", lambda column: (1.5 if column.has_decimals else 0.1) * column.filled if column.is_number else -1)
    roles.choose("category", lambda column: 0 if column.distinct <= max(rows / 4, 2) and not column.is_number else -1)
    roles.choose("sku", lambda column: 0 if not column.has_decimals and not column.times else -1)
    roles.choose("state", lambda column: 0 if column.words and not column.is_number else -1)
    return roles


def _can_be_an_id(column: Column) -> bool:
    """A number may look like a time since 1970 and be an id."""
    return not column.has_decimals and (column.is_number or not column.times)


def _repeats(column: Column, rows: int) -> float:
    """A customer comes back: more values than words of a kind, fewer than rows."""
    return 0.4 if not column.words and 1 < column.distinct < rows else 0.0


def _groups(column: Column, rows: int) -> float:
    return 0.3 if column.is_grouped or column.distinct == rows else 0.0


def _head(seen: Survey, roles: _Roles, shop: str, currency: str, time_zone: str, doubts: list[str]) -> list[str]:
    time, amount = roles.chosen["time"], roles.chosen["amount"]
    ways = time.times
    if currency in _MONTH_FIRST:
        ways = tuple(sorted(ways, key=lambda way: not (way[0] or "").startswith("%m")))
    pattern = ways[0][0]
    if len(ways) > 1:
        doubts.append(f"time: {time.name} can be read as {' or '.join(str(way[0]) for way in ways)}; the first is taken")
    marks = [column.decimal_mark for column in (amount, *seen.columns) if column.decimal_mark]
    lines = [f"shop: {_quote(shop)}", f"currency: {currency}", f"time_zone: {time_zone}"]
    if pattern is not None:
        lines.append(f"time_format: {_quote(pattern)}")
    if marks and marks[0] == ",":
        lines.append("decimal_comma: true")
    if seen.delimiter != ",":
        lines.append(f"delimiter: {_quote(seen.delimiter)}")
    return lines


def _rule(seen: Survey, roles: _Roles, doubts: list[str]) -> list[str]:
    customer, time = roles.chosen["customer"].name, roles.chosen["time"].name
    order = roles.chosen.get("order")
    identity: Any = order.name if order else {"template": f"{{{customer}}}-{{{time}}}"}
    lines = ["events:", "  - type: order.placed"]
    if tests := _tests(roles, doubts):
        lines.append(f"    where: {_flow(tests)}")
    is_one_row = order is not None and order.distinct == len(seen.rows)
    if not is_one_row:
        lines.append(f"    group_by: {_flow(order.name if order else [customer, time])}")
        if order is not None and not order.is_grouped:
            doubts.append(f"order: rows of one {order.name} do not stand together; sort the file by it first")
        if order is None:
            doubts.append("order: no column numbers the orders; rows of one customer and time that stand together are one order")
    unit = roles.chosen["time"].times[0][1]
    lines += [
        f"    id: {_flow({'template': f'order-{{{order.name}}}'} if order else identity)}",
        f"    subject: {_flow(_subject(customer))}",
        f"    time: {_flow(time if unit is None else {'column': time, 'unit': unit})}",
        "    data:",
        f"      order_id: {_flow(identity)}",
    ]
    if "currency" in roles.chosen:
        lines.append(f"      currency: {_flow(roles.name('currency'))}")
    total = is_one_row or _is_of_the_order(seen, roles)
    if total:
        lines.append(f"      total_minor: {_flow(_price(roles))}")
    if not total or roles.name("sku") or roles.name("category"):
        lines += _lines(roles, None if total and not is_one_row else _price(roles))
    return lines


def _lines(roles: _Roles, price: Any) -> list[str]:
    """What was bought; `price` is None where rows say only what the whole order cost."""
    sku, category = roles.name("sku"), roles.name("category")
    lines = ["    lines:", f"      sku: {_flow(sku or category or {'value': 'item'})}"]
    if category:
        lines.append(f"      category: {_flow(category)}")
    if roles.name("quantity"):
        lines.append(f"      quantity: {_flow(roles.name('quantity'))}")
    return [*lines, f"      total_minor: {_flow({'value': 0, 'unit': 'minor'} if price is None else price)}"]


def _tests(roles: _Roles, doubts: list[str]) -> dict[str, Any]:
    tests: dict[str, Any] = {}
    state, amount, quantity = (roles.chosen.get(role) for role in ("state", "amount", "quantity"))
    wrong = [word for word in state.words if any(part in word.lower() for part in _WRONG_STATES)] if state else []
    if state and wrong:
        tests[state.name] = {"not_in": wrong}
        doubts.append(f"rows whose {state.name} is {' or '.join(wrong)} are left out; give them a rule of their own if they undo an order")
    for column in (amount, quantity):
        if column and column.has_negatives:
            tests[column.name] = {"at_least": 0}
            doubts.append(
                f"rows with a negative {column.name} are left out; give them a rule order.refunded if they name the order they undo"
            )
    return tests


def _is_of_the_order(seen: Survey, roles: _Roles) -> bool:
    """Whether the amount is the same in all rows of each order, and some order has several: then it is the order's."""
    order, amount = roles.name("order"), roles.chosen["amount"].name
    if order is None:
        return False
    held: dict[Any, set[Any]] = {}
    sizes: dict[Any, int] = {}
    for row in seen.rows:
        held.setdefault(row.get(order), set()).add(row.get(amount))
        sizes[row.get(order)] = sizes.get(row.get(order), 0) + 1
    several = [key for key, size in sizes.items() if size > 1]
    return bool(several) and all(len(held[key]) == 1 for key in several)


def _price(roles: _Roles) -> Any:
    """The amount; a price of one piece times the pieces."""
    name, quantity = roles.chosen["amount"].name, roles.name("quantity")
    words = [word.lower() for word in _WORD.findall(name)]
    if (
        quantity
        and any(part in word for part in _UNIT_PRICE for word in words)
        and not any(word in ("total", "totaal", "line") for word in words)
    ):
        return {"column": name, "times": quantity}
    return {"column": name, "unit": "minor"} if any(word in ("cents", "cent", "minor") for word in words) else name


def _subject(name: str) -> Any:
    return {"column": name, "lower": True} if "mail" in name.lower() else name


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _flow(value: Any) -> str:
    """YAML on one line: JSON is YAML, and needs no rules of quoting of its own."""
    return json.dumps(value, ensure_ascii=False)
