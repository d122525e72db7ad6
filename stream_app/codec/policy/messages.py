"""What is wrong with a policy, as lines for a person: `policy.yaml:12: rhythm.shoes.days: must be at least 1`."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from stream_app.codec.policy.checks import Complaint
from stream_app.codec.policy.lines import Path, Text

_WORDS = {
    "missing": "missing; add it",
    "int_type": "must be an integer",
    "int_parsing": "must be an integer",
    "int_from_float": "must be an integer",
    "string_type": "must be text; put it in quotes",
    "string_too_short": "must not be empty",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "list_type": "must be a list",
    "dict_type": "must be a section with fields",
    "model_type": "must be a section with fields",
    "model_attributes_type": "must be a section with fields",
    "int_parsing_size": "is too large",
}
_PATTERNS = {
    "currency": "must be an ISO 4217 code, three capital letters like EUR",
    "shop": "must be 1 to 128 of letters, digits, . _ -",
}


def collect(error: ValidationError, values: Any) -> list[Complaint]:
    """The complaints of the model, each once, at the path where it stands in the document."""
    found: dict[Complaint, None] = {}
    for detail in error.errors(include_url=False, include_input=False):
        path = _find_path(detail["loc"], values)
        found[Complaint(path, _phrase(detail, path))] = None
    return list(found)


def render(complaints: Iterable[Complaint], text: Text, name: str) -> str:
    """One line for each complaint, in the order of the lines of the document."""
    placed = sorted(((_find_line(complaint.path, text), complaint) for complaint in complaints), key=lambda pair: pair[0])
    return "\n".join(f"{one_line(name)}:{line}: {spell(complaint)}" for line, complaint in placed)


def one_line(text: str) -> str:
    """The text with every character that could break a line or a terminal replaced."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def spell(complaint: Complaint) -> str:
    """The complaint without its place in a file: `rhythm.shoes.days: must be at least 1`."""
    return one_line(f"{_spell_path(complaint.path)}: {complaint.text}" if complaint.path else complaint.text)


def _find_path(location: tuple[int | str, ...], values: Any) -> Path:
    """Leave out what pydantic adds and the document has not: the tags of alternatives and the word [key]."""
    path: list[str | int] = []
    here = values
    for place, part in enumerate(location):
        inside = _look_up(here, part)
        if inside is not _NOTHING:
            path.append(part)
            here = inside
        elif place == len(location) - 1 and part != "[key]" and isinstance(here, dict):
            path.append(part)
    return tuple(path)


_NOTHING = object()


def _look_up(values: Any, part: int | str) -> Any:
    if isinstance(values, dict):
        if part in values:
            return values[part]
        # Thresholds are integers in the model and may be strings in the document, and the other way round.
        return next((inside for key, inside in values.items() if str(key) == str(part)), _NOTHING)
    if isinstance(values, list) and isinstance(part, int) and part < len(values):
        return values[part]
    return _NOTHING


def _phrase(detail: ErrorDetails, path: Path) -> str:  # noqa: PLR0911 - a table with a few computed rows
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return "unknown field; remove it"
    if kind == "literal_error":
        return f"must be {context['expected']}"
    if kind in {"greater_than_equal", "less_than_equal"}:
        return f"must be at least {context['ge']}" if kind == "greater_than_equal" else f"must be at most {context['le']}"
    if kind in {"greater_than", "less_than"}:
        return f"must be above {context['gt']}" if kind == "greater_than" else f"must be below {context['lt']}"
    if kind in {"too_short", "too_long"}:
        return f"must have at {'least' if kind == 'too_short' else 'most'} {context.get('min_length', context.get('max_length'))} entries"
    if kind == "string_too_long":
        return f"must have at most {context['max_length']} characters"
    if kind == "string_pattern_mismatch" and path:
        return _PATTERNS.get(str(path[-1]), "is not spelled as it must be")
    if kind == "value_error":
        return str(context["error"])
    return _WORDS.get(kind, detail["msg"])


def suggest(complaints: list[Complaint], known: Iterable[str]) -> list[Complaint]:
    """Add the nearest known field to complaints about an unknown one."""
    names = sorted(set(known))
    found = []
    for complaint in complaints:
        near = (
            get_close_matches(str(complaint.path[-1]), names, n=1) if complaint.path and complaint.text.startswith("unknown field") else []
        )
        found.append(Complaint(complaint.path, f"unknown field; did you mean {near[0]}?") if near else complaint)
    return found


def _find_line(path: Path, text: Text) -> int:
    """The line of a path; of a missing field, the line of what it is missing from."""
    for length in range(len(path), -1, -1):
        line = text.lines.get(path[:length])
        if line is not None:
            return line
    return 1


def _spell_path(path: Path) -> str:
    spelled = ""
    for part in path:
        spelled += f"[{part}]" if isinstance(part, int) and spelled else f".{part}" if spelled else str(part)
    return spelled
