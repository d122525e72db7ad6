"""What an endpoint's filters may ask for: a filter that no event can pass is a mistake, and would stay silent for ever."""

from collections.abc import Sequence
from typing import Any, Final, get_args

import msgspec

from stream_app.codec.envelope import read_shop
from stream_app.codec.policy.checks import DIMENSIONS as STATUSES
from stream_app.codec.schemas.outputs import OUTPUT_TYPES
from stream_app.domain.changes import WILL_CHANGE, WILL_NOT_CHANGE
from stream_app.domain.facts.state import DIMENSIONS

TYPES: Final = tuple(name for name in OUTPUT_TYPES if name != "customer.profile")
"""What the topics that are sent hold; profiles have one of their own."""

_FIELDS: Final[dict[str, dict[str, Any]]] = {
    name: {field.encode_name: field.type for field in msgspec.structs.fields(OUTPUT_TYPES[name])} for name in TYPES
}
_NOTICE: Final = {"from": ("active",), "to": ("inactive",)}
"""The only change that is announced (`domain.changes.notices`)."""
Case = tuple[str, str | None]
"""A type, and one of the dimensions that it is of."""


def check_names(field: str, names: Sequence[str]) -> None:
    """Whether there are such types, dimensions or shops.

    Raises:
        ValueError: there is none of a name.
    """
    known = {"types": TYPES, "dimensions": DIMENSIONS}.get(field)
    for name in names:
        if known is None:
            if read_shop(f"/shops/{name}") is None:
                raise ValueError("a shop is named as in `source` behind /shops/: letters, digits, dots, dashes and underscores")
        elif name not in known:
            raise ValueError(f"there is no {name}; there are {', '.join(known)}")


def check_together(types: Sequence[str] | None, dimensions: Sequence[str] | None, statuses: dict[str, Sequence[str | None] | None]) -> None:
    """Whether any event has what all filters ask for; `statuses` are `from` and `to`.

    Raises:
        ValueError: none has; the text names the field.
    """
    able = list(types or TYPES)
    for field, values in {"dimension": dimensions, **statuses}.items():
        if values is not None:
            able = [name for name in able if field in _FIELDS[name]]
            if not able:
                raise ValueError(f"{'dimensions' if field == 'dimension' else field}: none of the types has one; leave it out")
    cases = [(name, one) for name in able for one in _dimensions(name) if dimensions is None or one in dimensions]
    if not cases:
        known = sorted({str(one) for name in able for one in _dimensions(name)})
        raise ValueError(f"dimensions: {', '.join(able)} is only of {', '.join(known)}")
    for field, wanted in statuses.items():
        for value in wanted or ():
            if not any(_can_be(case, field, value) for case in cases):
                raise ValueError(f"{field}: {_named(cases, dimensions)} is never {_word(value)}{_instead(cases, field)}")
    if all(statuses.values()) and not any(_leads(case, statuses) for case in cases):
        raise ValueError("to: nothing turns from any of `from` into another of these; leave one of them out")


def _dimensions(name: str) -> Sequence[str | None]:
    """Of which dimensions a type is; None for one that names none."""
    return get_args(_FIELDS[name]["dimension"]) if "dimension" in _FIELDS[name] else (None,)


def _values(case: Case, field: str) -> Sequence[str | None] | None:
    """What a field may hold; None where a policy may name the statuses as it likes."""
    name, dimension = case
    if name in (WILL_CHANGE, WILL_NOT_CHANGE):
        return _NOTICE[field]
    known = STATUSES.get(dimension or "")
    return None if known is None else (*known, None)


def _can_be(case: Case, field: str, value: str | None) -> bool:
    values = _values(case, field)
    return values is None or value in values


def _leads(case: Case, statuses: dict[str, Sequence[str | None] | None]) -> bool:
    """Whether something of a type and dimension may turn from one of `from` into another, of `to`."""
    before, after = [{value for value in wanted or () if _can_be(case, field, value)} for field, wanted in statuses.items()]
    return bool(before and after) and len(before | after) > 1


def _named(cases: Sequence[Case], dimensions: Sequence[str] | None) -> str:
    return ", ".join(dimensions) if dimensions else ", ".join(sorted({dimension or name for name, dimension in cases}))


def _instead(cases: Sequence[Case], field: str) -> str:
    known = {value for case in cases for value in _values(case, field) or ()}
    return f"; there are {', '.join(sorted(map(_word, known)))}" if known else ""


def _word(value: str | None) -> str:
    return "null" if value is None else value
