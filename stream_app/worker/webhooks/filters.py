"""What an endpoint's filters may ask for: a filter that no event can pass is a mistake, and would stay silent for ever."""

from collections.abc import Sequence
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from stream_app.codec.envelope import read_shop
from stream_app.codec.policy.checks import DIMENSIONS as STATUSES
from stream_app.codec.schemas.outputs import OUTPUT_TYPES
from stream_app.domain.facts.state import DIMENSIONS

TYPES: Final = tuple(name for name in OUTPUT_TYPES if name != "customer.profile")
"""What the topics that are sent hold; profiles have one of their own."""

_FIELDS: Final[dict[str, dict[str, Any]]] = {
    name: {field.encode_name: field.type for field in msgspec.structs.fields(OUTPUT_TYPES[name])} for name in TYPES
}


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
        if values is None:
            continue
        called = "dimensions" if field == "dimension" else field
        having = [name for name in able if field in _FIELDS[name]]
        if not having:
            raise ValueError(f"{called}: none of the types has one; leave it out")
        able = [name for name in having if any(_can_be(_FIELDS[name][field], value) for value in values)]
        if not able:
            raise ValueError(f"{called}: no {' or '.join(having)} has such a value")
    given = {value for wanted in statuses.values() for value in wanted or ()}
    if len(given) == 1 and all(statuses.values()):
        raise ValueError("to: the same as `from`, and nothing changes to what it was")
    known: set[str] = set().union(*(STATUSES.get(name, ()) for name in dimensions or ()))
    if not dimensions or not all(name in STATUSES for name in dimensions):
        return  # a policy may name the others' statuses as it likes
    for field, wanted in statuses.items():
        for value in wanted or ():
            if value is not None and value not in known:
                raise ValueError(f"{field}: {', '.join(dimensions)} is never {value}; there are {', '.join(sorted(known))}, and null")


def _can_be(kind: Any, value: str | None) -> bool:
    """Whether a field of such a kind may hold a value."""
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    return value is not None or type(None) in get_args(kind)
