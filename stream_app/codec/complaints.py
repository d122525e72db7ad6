"""msgspec's errors turned into a line that names the field and the fix, and never quotes a value: values are personal data."""

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

_WHERE = re.compile(r" - at `(?:key` in `)?\$\.?([^`]*)`$")
_TYPES = re.compile(r"Expected `([a-z |]+)`, got `([a-z]+)`")
_LENGTH = re.compile(r"Expected `(str|array|object)` of length (<=|>=) ([0-9]+)")
_BOUND = re.compile(r"Expected `int` (<=|>=) (-?[0-9]+)")
_MISSING = re.compile(r"Object missing required field `([a-z_]+)`")

_NAMES = {"str": "a string", "int": "an integer", "bool": "true or false", "float": "a number with a fraction", "null": "null"}
_MEASURED = {"str": "characters", "array": "entries", "object": "entries"}


def describe(error: Exception, within: str, shape: type) -> str:
    """One line about a validation error: `data.lines[0].quantity: expected an integer, got a string`.

    Args:
        error: what msgspec raised.
        within: the field that was decoded, `data`; empty for the envelope.
        shape: the type it was decoded to, for the words that are allowed.
    """
    text = str(error)
    where = _WHERE.search(text)
    path = where[1] if where else ""
    if missing := _MISSING.match(text):
        return f"{_join(within, path, missing[1])}: missing; add it"
    field = _join(within, path)
    if types := _TYPES.match(text):
        return f"{field}: must be {_spell(types[1])}, not {_spell(types[2])}"
    if length := _LENGTH.match(text):
        return f"{field}: must have {'at least' if length[2] == '>=' else 'at most'} {length[3]} {_MEASURED[length[1]]}"
    if bound := _BOUND.match(text):
        return f"{field}: must be {'at least' if bound[1] == '>=' else 'at most'} {bound[2]}"
    if text.startswith("Invalid enum value"):
        return f"{field}: must be one of {', '.join(_allowed(shape, path))}"
    return f"{field}: not valid; see the schema"


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part) or "value"


def _spell(types: str) -> str:
    return " or ".join(_NAMES.get(name, f"an {name}") for name in types.split(" | "))


def _allowed(shape: type, path: str) -> tuple[str, ...]:
    hint: Any = shape
    for name in re.sub(r"\[[^]]*\]", "", path).split("."):
        hints: Mapping[str, Any] = get_type_hints(hint) if isinstance(hint, type) else {}
        hint = _element(hints.get(name))
    return get_args(hint) if get_origin(hint) is Literal else ("the words in the schema",)


def _element(hint: Any) -> Any:
    """Strip `| None` and `list[...]`: what is left is the type a path goes on with."""
    while get_args(hint) and get_origin(hint) is not Literal:
        hint = get_args(hint)[0]
    return hint
