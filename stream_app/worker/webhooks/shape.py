"""The body that an endpoint asks for: a template whose places are filled from the event. Nothing is computed, so nothing can be run."""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from stream_app.codec.schemas.outputs import OUTPUT_TYPES

PARTS_MAX: Final = 500
DEPTH_MAX: Final = 20
_PLACE: Final = re.compile(r"\$\{([a-z]+(?:\.[a-zA-Z0-9_]+)*)(?::-([^{}]*))?\}")
_ENVELOPE: Final = frozenset({"id", "source", "shop", "subject", "type", "time", "origin", "causationid"})
_decode: Final = msgspec.json.decode
_encode: Final = msgspec.json.encode


def check_template(template: Any, types: Iterable[str]) -> None:
    """Look at a template: every place must be a field that an event of one of these types can have.

    Raises:
        ValueError: what is wrong, in one line.
    """
    if not isinstance(template, dict):
        raise ValueError("body: it must be a mapping")  # noqa: TRY004 - pydantic turns only these into complaints
    known = {field.encode_name for name in types for field in msgspec.structs.fields(OUTPUT_TYPES[name])}
    for text in _texts(template):
        for path, _ in _PLACE.findall(text):
            first, _, rest = path.partition(".")
            if first == "data" and rest:
                if (field := rest.partition(".")[0]) not in known:
                    raise ValueError(f"body: no event of these types has ${{data.{field}}}")
            elif rest or first not in _ENVELOPE:
                raise ValueError(f"body: there is no ${{{path}}}; there are {', '.join(sorted(_ENVELOPE))} and data.FIELD")
        if "${" in _PLACE.sub("", text):
            raise ValueError("body: a place is ${name} or ${name:-what to say without it}")


def fill(template: Any, event: bytes) -> bytes:
    """The body for one event.

    A text that is one place gets the value as it is, a number as a number; within other text, and in names, it is written out. What the
    event does not have, or has as null, is null there, and nothing within other text, or what stands behind `:-`.
    """
    head = _decode(event)
    shop = head["source"].removeprefix("/shops/")
    return _encode(_filled(template, {**head, "shop": shop}))


def _filled(part: Any, event: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        return {_written(name, event): _filled(value, event) for name, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, event) for value in part]
    if not isinstance(part, str):
        return part
    whole = _PLACE.fullmatch(part)
    return _value(whole, event) if whole else _written(part, event)


def _written(text: str, event: dict[str, Any]) -> str:
    def say(place: re.Match[str]) -> str:
        value = _value(place, event)
        return value if isinstance(value, str) else "" if value is None else _encode(value).decode()

    return _PLACE.sub(say, text)


def _value(place: re.Match[str], event: dict[str, Any]) -> Any:
    found: Any = event
    for name in place[1].split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return place[2] if found is None else found


def _texts(template: Any) -> list[str]:
    """Every text in a template, names included; its size is bounded here, since YAML can say a part many times."""
    texts: list[str] = []
    parts = 0
    left = [(template, 0)]
    while left:
        part, depth = left.pop()
        parts += 1
        if parts > PARTS_MAX or depth > DEPTH_MAX:
            raise ValueError(f"body: more than {PARTS_MAX} parts, or deeper than {DEPTH_MAX}")
        if isinstance(part, dict):
            for name, value in part.items():
                if not isinstance(name, str):
                    raise ValueError("body: every name must be a text; put it in quotes")  # noqa: TRY004
                texts.append(name)
                left.append((value, depth + 1))
        elif isinstance(part, list):
            left.extend((value, depth + 1) for value in part)
        elif isinstance(part, str):
            texts.append(part)
        elif part is not None and not isinstance(part, bool | int | float):
            raise ValueError("body: only texts, numbers, true, false, null, lists and mappings; put dates in quotes")
    return texts
