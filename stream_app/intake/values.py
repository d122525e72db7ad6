"""What stands in a row, as what an event needs: exact money, instants, and values deep inside JSON.

A value that cannot be read raises ValueError whose text says what is wrong with it, without quoting it: it may be personal.
"""

import re
from collections import ChainMap
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from stream_app.codec.policy.currencies import exponent_of
from stream_app.codec.times import YEAR_1_MS, YEAR_10000_MS, format_time, parse_time_ms

Row = dict[str, Any] | ChainMap[str, Any]
"""A row; one that a list's entry is laid over does not copy what lies beneath."""
OBJECTS: Final = (dict, ChainMap)

UNITS: Final = {"seconds": Decimal(1_000), "milliseconds": Decimal(1), "microseconds": Decimal("0.001")}
"""What a number that is a time counts since 1970, in milliseconds."""

_STEP: Final = re.compile(r"([^.\[\]]+)|\[([^=\]]+)=([^\]]*)\]|\.")
_SPACED_OFFSET: Final = re.compile(r" ([+-][0-9]{2}:?[0-9]{2})$")
_NOISE: Final = re.compile(r"[^0-9.,+\-]")
_POWER: Final = re.compile(r"[0-9][eE][+\-]?[0-9]")
_HAIR: Final = Decimal("0.000001")
_DIGITS_MAX: Final = 18  # what is longer is no amount of money, and JSON cannot hold it


def look_up(row: Row, path: str) -> Any:
    """The value at `path`: a column of that very name, else steps into JSON: `properties.order_id`, `params[key=currency].value`.

    None where there is nothing, or only an empty text.
    """
    found: Any = row.get(path) if path in row else _descend(row, path)
    if isinstance(found, str):
        found = found.strip()
    return None if found == "" else found


def _descend(value: Any, path: str) -> Any:
    for name, key, wanted in _steps(path):
        if name:
            value = value.get(name) if isinstance(value, OBJECTS) else None
        else:
            rows = value if isinstance(value, list) else []
            value = next((one for one in rows if isinstance(one, dict) and str(one.get(key)) == wanted), None)
        if value is None:
            return None
    return value


@lru_cache(maxsize=1_000)
def _steps(path: str) -> tuple[tuple[str, str, str], ...]:
    return tuple(match.groups("") for match in _STEP.finditer(path) if match.group() != ".")  # type: ignore[misc]


def read_money(value: Any, currency: str, *, decimal_comma: bool) -> int:
    """A decimal amount in minor units, exactly: 12.50 EUR is 1250. Currency signs and thousands separators may stand in a text."""
    amount = read_number(value, decimal_comma=decimal_comma)
    places = exponent_of(currency)
    minor = _whole(amount.scaleb(places), value)
    if minor is None:
        raise ValueError(f"has more decimals than {currency} has ({places})")
    return minor


def _whole(number: Decimal, value: Any) -> int | None:
    """The whole number that `number`, read from `value`, is; None if it has decimals.

    JavaScript adds 0.1 and 0.2 up to 0.30000000000000004: whoever sends a number, and no text, may be a hair away.
    """
    nearest = number.to_integral_value()
    is_whole = number == nearest or (isinstance(value, float) and abs(number - nearest) <= _HAIR)
    return int(nearest) if is_whole else None


def read_number(value: Any, *, decimal_comma: bool) -> Decimal:
    """A decimal number, exactly; signs and separators as in `read_money`."""
    try:
        number = Decimal(_plain(value, decimal_comma=decimal_comma) if isinstance(value, str) else str(value))
    except InvalidOperation:
        raise ValueError("is no amount, such as 12.50") from None
    if not number.is_finite() or number.adjusted() > _DIGITS_MAX:
        raise ValueError("is no amount, such as 12.50")
    return number


def _plain(text: str, *, decimal_comma: bool) -> str:
    if _POWER.search(text):
        raise ValueError("is written with a power of ten: write it out, such as 12.50")
    bare = _NOISE.sub("", text)
    mark, other = (",", ".") if decimal_comma else (".", ",")
    whole, _, part = bare.partition(mark)
    if other in part or (other in whole and not re.fullmatch(rf"[+\-]?[0-9]{{1,3}}(?:\{other}[0-9]{{3}})+", whole)):
        raise ValueError(
            f"has its separators in unusual places: {'decimal_comma' if not decimal_comma else 'decimal_comma: false'} may help"
        )
    return whole.replace(other, "") + (f".{part}" if part else "")


def read_integer(value: Any) -> int:
    """A whole number, written as 3, "3" or 3.0."""
    whole = _whole(_number(value), value)
    if whole is None:
        raise ValueError("is no whole number")
    return whole


def read_pieces(value: Any) -> int:
    """How many pieces: what is sold by weight or length (1.5) counts as the next whole number of them."""
    number = _number(value)
    whole = _whole(number, value)
    if whole is not None:
        return whole
    if number < 0:
        raise ValueError("is no whole number")
    return int(number.to_integral_value(ROUND_CEILING))


def multiply(minor: int, value: Any) -> int:
    """A price times a quantity, which may have decimals; half a minor unit is rounded up."""
    return int((minor * _number(value)).to_integral_value(ROUND_HALF_UP))


def read_truth(value: Any) -> bool:
    """True or false, in the words that tables use."""
    word = str(value).lower()
    if word in ("true", "yes", "y", "1"):
        return True
    if word in ("false", "no", "n", "0"):
        return False
    raise ValueError("is neither true nor false")


def read_time(value: Any, zone: str, pattern: str | None, unit: str | None) -> str:
    """An instant as RFC 3339 in UTC.

    Args:
        value: a text, a number (with `unit`), or what a Parquet file gives for a time.
        zone: IANA name; holds for times that name no offset. Where the clock was put back, the earlier of two instants is meant.
        pattern: of `strptime`; without one, ISO 8601 with a blank or a T.
        unit: of a number, a key of `UNITS`.
    """
    if unit is not None:
        return _format(int(_number(value) * UNITS[unit] // 1))
    if isinstance(value, datetime):
        found = value
    else:
        exact = parse_time_ms(str(value)) if pattern is None else None
        if exact is not None:
            return _format(exact)
        found = _parse(str(value), pattern)
    if found.tzinfo is None:
        found = found.replace(tzinfo=ZoneInfo(zone))
    moment = found.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return _format(moment.days * 86_400_000 + moment.seconds * 1_000 + moment.microseconds // 1_000)


def _format(time_ms: int) -> str:
    if not YEAR_1_MS <= time_ms < YEAR_10000_MS:
        raise ValueError("is in none of the years 1 to 9999")
    return format_time(time_ms)


def _parse(text: str, pattern: str | None) -> datetime:
    try:
        if pattern is not None:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - the mapping's zone is set where the text names none
        return datetime.fromisoformat(_SPACED_OFFSET.sub(r"\1", text).replace(" UTC", "+00:00"))
    except ValueError:
        raise ValueError(f"is no time {'of the form ' + pattern if pattern else 'such as 2026-03-01 10:15:00'}") from None


def _number(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("is no number") from None
    if isinstance(value, bool) or not number.is_finite() or number.adjusted() > _DIGITS_MAX:
        raise ValueError("is no number")
    return number
