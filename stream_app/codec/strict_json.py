"""What is wrong with a text that is no JSON, in words; and bad UTF-8 in fields that the decoder passes over.

A key that stands twice in one object is JSON, and of events the last one counts: to look for it would take longer than the event itself.
People's policies are looked through for it.
"""

import json
import re
from typing import Any, NoReturn

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _DefectError(ValueError):
    """Carries what is wrong with a text, without any of its content."""


def find_defect(text: bytes, *, keys_once: bool = False) -> str | None:
    """What makes `text` no strict JSON, in words that quote nothing of it; None when it is fine.

    Args:
        text: what came.
        keys_once: whether a key that stands twice in one object is a defect, too.
    """
    try:
        characters = text.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start}; encode the event as UTF-8"
    try:
        (_UNIQUE_DECODER if keys_once else _DECODER).decode(characters)
        if _SURROGATE.search(characters):
            json.dumps(_DECODER.decode(characters), ensure_ascii=False).encode()
    except _DefectError as error:
        return str(error)
    except UnicodeEncodeError:
        return "a lone surrogate in a string; escape both halves of the pair"
    except RecursionError:
        return "nested too deeply; send a flat object"
    except ValueError as error:
        return f"not JSON at character {getattr(error, 'pos', 0)}; send one JSON object"
    return None


def is_utf8(text: bytes) -> bool:
    """Whether `text` is well-formed UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DefectError("a key occurs twice in one object; send each key once")
    return found


def _refuse_constant(_: str) -> NoReturn:
    raise _DefectError("NaN and Infinity are not JSON; leave the field out or send a number")


# No value is used, and Python refuses to convert very long integers: their length stands for them.
_DECODER = json.JSONDecoder(parse_int=len, parse_constant=_refuse_constant)
_UNIQUE_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=len, parse_constant=_refuse_constant)
