"""Rows into events: every rule that applies to a row makes an event of it, and every event is checked as a worker would."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from stream_app.codec.events import decode_record
from stream_app.domain.events import LINES_MAX, Code, Rejected
from stream_app.intake.document import Column, Lines, Mapping, Rule, Test
from stream_app.intake.rows import Numbered
from stream_app.intake.spread import FlawError, check_count, spread
from stream_app.intake.values import (
    OBJECTS,
    Row,
    look_up,
    multiply,
    read_integer,
    read_money,
    read_number,
    read_pieces,
    read_time,
    read_truth,
)

_HOLE: Final = re.compile(r"\{([^{}]+)\}")
_TEXT_MAX: Final = 4_096  # as much as a note may have, and all else is shorter; each entry of a row reads its texts anew
_PIECES: Final = frozenset({"quantity"})
_TRUTHS: Final = frozenset({"accepted"})
_LISTS: Final = frozenset({"closed_channels"})


class Mapped(NamedTuple):
    """One CloudEvent, as JSON, and the row it comes from."""

    row: int
    event: bytes


class Complaint(NamedTuple):
    """What is wrong with a row: the field, and the fix, and a worker's code for it; it quotes no value."""

    row: int
    text: str
    code: str = Code.INVALID_DATA.value


def shape(rows: Iterable[Numbered], mapping: Mapping, entries_max: int | None = None) -> Iterator[Mapped | Complaint]:
    """The events of `rows` in their order; rows to which no rule applies give nothing.

    With `entries_max` a list in a row with more entries is a complaint, for where others wait meanwhile.
    """
    open_groups: dict[int, tuple[Any, int, list[Row]]] = {}
    for number, row in rows:
        if row is None:
            yield Complaint(number, "not a row: it is no JSON object, or has more or fewer cells than the head has names")
            continue
        for index, rule in enumerate(mapping.events):
            if rule.group_by is None:
                yield from _events(rule, mapping, number, [row], entries_max)
                continue
            name = _group(rule.group_by, row)
            held = open_groups.get(index)
            if held is not None and held[0] == name:
                held[2].append(row)
                continue
            if held is not None:
                yield from _events(rule, mapping, held[1], held[2], entries_max)
            open_groups[index] = (name, number, [row])
    for index, (_, number, group) in open_groups.items():
        yield from _events(mapping.events[index], mapping, number, group, entries_max)


def _group(group_by: str | list[str], row: Row) -> Any:
    return look_up(row, group_by) if isinstance(group_by, str) else [look_up(row, name) for name in group_by]


def _applies(rule: Rule, row: Row, *, decimal_comma: bool, but: str | None = None) -> bool:
    """Whether a set of the rule's tests holds, but for tests of what lies below `but`."""
    return any(
        all(
            (but is not None and column.startswith(but)) or _holds(test, look_up(row, column), decimal_comma=decimal_comma)
            for column, test in tests.items()
        )
        for tests in rule.where
    )


def _holds(test: Test, found: Any, *, decimal_comma: bool) -> bool:
    if test.present is not None and test.present != (found is not None):
        return False
    if test.at_least is not None and not _is_at_least(test.at_least, found, decimal_comma=decimal_comma):
        return False
    if test.any_of is None and test.none_of is None:
        return True
    text = None if found is None or isinstance(found, list | dict) else str(found)  # nobody's word is a list
    return (test.any_of is None or text in test.any_of) and (test.none_of is None or text not in test.none_of)


def _is_at_least(least: float, found: Any, *, decimal_comma: bool) -> bool:
    try:
        return found is not None and read_number(found, decimal_comma=decimal_comma) >= least
    except ValueError:
        return False


def _events(rule: Rule, mapping: Mapping, number: int, rows: list[Row], entries_max: int | None) -> Iterator[Mapped | Complaint]:
    comma = mapping.decimal_comma
    if rule.each is None:
        if _applies(rule, rows[0], decimal_comma=comma) and (found := _event(rule, mapping, number, rows, entries_max)) is not None:
            yield found
        return
    if not _applies(rule, rows[0], decimal_comma=comma, but=rule.each.partition(".")[0] + "."):
        return  # whatever stands in the entries
    try:
        for row in spread(rows[0], rule.each, entries_max):
            if _applies(rule, row, decimal_comma=comma) and (found := _event(rule, mapping, number, [row], entries_max)) is not None:
                yield found
    except FlawError as flaw:
        yield Complaint(number, str(flaw))


def _event(rule: Rule, mapping: Mapping, number: int, rows: list[Row], entries_max: int | None) -> Mapped | Complaint | None:
    row = rows[0]
    try:
        currency = _currency(rule, mapping, row)
        data = {name: found for name, column in rule.data.items() if (found := _read(name, column, row, mapping, currency)) is not None}
        if rule.type == "order.placed":
            data["currency"] = currency
        else:
            data.pop("currency", None)  # it says how to read the amounts
        if rule.type == "order.refunded" and data.get("amount_minor") == 0:
            return None  # goods came back, and no money went: shops write that as a refund, too
        if rule.lines is not None:
            lines = _lines(rule.lines, rows, mapping, currency, entries_max)
            data["lines"] = [line for line in lines if line.get("quantity") != 0]  # taken off the order, or never a thing
            if "total_minor" not in data:
                data["total_minor"] = _sum(lines, rule.data.get("total_minor"))
            else:
                for line in lines:
                    line.setdefault("total_minor", 0)  # the order says what was paid
        event = {
            "specversion": "1.0",
            "id": _text("id", rule.id, row),
            "source": f"/shops/{mapping.shop}",
            "type": rule.type,
            "subject": _text("subject", rule.subject, row),
            "time": _time("time", rule.time, row, mapping),
            "data": data,
        }
    except FlawError as flaw:
        return Complaint(number, str(flaw))
    value = msgspec.json.encode(event)
    checked = decode_record(None, value, (), 0)
    return Complaint(number, checked.detail, checked.code.value) if isinstance(checked, Rejected) else Mapped(number, value)


def _currency(rule: Rule, mapping: Mapping, row: Row) -> str:
    column = rule.data.get("currency")
    found = _text("data.currency", column, row).upper() if column is not None else mapping.currency
    if found is None and (
        rule.lines is not None or any(name.endswith("_minor") and column.unit is None for name, column in rule.data.items())
    ):
        raise FlawError("data.currency", [], "is not known: name a column for it, or give the mapping's currency")
    return found or ""


def _lines(lines: Lines, rows: list[Row], mapping: Mapping, currency: str, entries_max: int | None) -> list[dict[str, Any]]:
    """The lines; of more than an order may have, one too many, so that it is refused."""
    given = rows if lines.each is None else look_up(rows[0], lines.each)
    entries = given if isinstance(given, list) else []
    check_count("data.lines", len(entries), entries_max)
    fields = {"sku": lines.sku, "category": lines.category, "quantity": lines.quantity, "total_minor": lines.total_minor}
    made: list[dict[str, Any]] = []
    kept = 0
    for place, entry in enumerate(entries):
        if not isinstance(entry, OBJECTS):
            raise FlawError(f"data.lines[{place}]", [], "is no JSON object")
        found = {
            name: _read(name, column, entry, mapping, currency, f"data.lines[{place}].{name}")
            for name, column in fields.items()
            if column is not None
        }
        made.append({name: value for name, value in found.items() if value is not None})
        kept += made[-1].get("quantity") != 0
        if kept > LINES_MAX:
            break
    return made


def _sum(lines: list[dict[str, Any]], column: Column | None) -> int:
    """What the lines of an order without a total come to; without a line it is not known, which is not 0."""
    if not any(line.get("quantity") != 0 or line.get("total_minor") for line in lines):
        raise FlawError("data.total_minor", column.columns() if column else [], "is empty, and there is no line to add up")
    return sum(line.get("total_minor", 0) for line in lines)


def _read(name: str, column: Column, row: Row, mapping: Mapping, currency: str, field: str | None = None) -> Any:
    """A field of the data, as its name asks for: money, a number, a time, a truth, a list, or text."""
    field = field or f"data.{name}"
    found = _find(field, column, row)
    if found is None:
        return None
    try:
        return _convert(name, column, row, found, mapping, currency)
    except (ValueError, OverflowError) as error:
        raise FlawError(field, column.columns(), str(error)) from None


def _convert(name: str, column: Column, row: Row, found: Any, mapping: Mapping, currency: str) -> Any:
    if name.endswith("_minor"):
        return _money(column, row, found, mapping, currency)
    if name.endswith("_at"):
        return read_time(found, mapping.time_zone, mapping.time_format, column.unit)
    if name in _PIECES:
        return read_pieces(found)
    if name in _TRUTHS:
        return read_truth(found)
    if name in _LISTS and isinstance(found, str):
        return [word.strip() for word in found.split(",") if word.strip()]
    return found if name == "criteria" or isinstance(found, bool | list | dict) else str(found)


def _money(column: Column, row: Row, found: Any, mapping: Mapping, currency: str) -> int:
    minor = read_integer(found) if column.unit == "minor" else read_money(found, currency, decimal_comma=mapping.decimal_comma)
    if column.times is not None:
        factor = look_up(row, column.times)
        minor = minor if factor is None else multiply(minor, factor)
    return abs(minor) if column.is_absolute else minor


def _find(field: str, column: Column, row: Row) -> Any:
    """The raw value, with its default and the meaning of its word."""
    if column.value is not None:
        return column.value
    if column.template is not None:
        names = _HOLE.findall(column.template)
        parts = {name: _one(field, [name], look_up(row, name)) for name in names}
        found: Any = None if None in parts.values() else _HOLE.sub(lambda hole: str(parts[hole[1]]), column.template)
    else:
        found = next((value for name in column.columns() if (value := look_up(row, name)) is not None), None)
    if found is None:
        return column.default
    if isinstance(found, str) and len(found) > _TEXT_MAX:
        raise FlawError(field, column.columns(), f"is longer than {_TEXT_MAX} characters; send a shorter one")
    if column.is_lowered:
        found = str(_one(field, column.columns(), found)).lower()
    if column.words is not None:
        if str(found) not in column.words:
            raise FlawError(field, column.columns(), "holds a word that the mapping's `words` do not name")
        return column.words[str(found)]
    return found


def _one(field: str, columns: list[str], found: Any) -> Any:
    """What is no list and no object: as a text, `['a']` would be a name."""
    if isinstance(found, list | dict):
        raise FlawError(field, columns, "is no text or number")
    return found


def _text(field: str, column: Column, row: Row) -> str:
    found = _find(field, column, row)
    if found is None:
        raise FlawError(field, column.columns(), "is empty")
    if isinstance(found, bool | list | dict):
        raise FlawError(field, column.columns(), "is no text or number")
    return str(found)


def _time(field: str, column: Column, row: Row, mapping: Mapping) -> str:
    found = _find(field, column, row)
    if found is None:
        raise FlawError(field, column.columns(), "is empty")
    try:
        return read_time(found, mapping.time_zone, mapping.time_format, column.unit)
    except (ValueError, OverflowError) as error:
        raise FlawError(field, column.columns(), str(error)) from None
