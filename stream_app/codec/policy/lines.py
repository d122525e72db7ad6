"""YAML or JSON text -> plain values, remembering on which line each of them stands.

YAML by the rules of its version 1.2: only true and false are booleans and a date is text, so that a category `no` or a time
means what it says. JSON is read as JSON, which also takes tabs and escapes that YAML does not.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from stream_app.codec.strict_json import find_defect

Path = tuple[str | int, ...]

_NODES_MAX = 20_000
_BYTES_MAX = 1_048_576


class Text(NamedTuple):
    """The values, and the line of each path in them (counted from 1)."""

    values: Any
    lines: Mapping[Path, int]


class TextError(ValueError):
    """The text is no YAML and no JSON; `line` says where."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class _Loader(yaml.SafeLoader):
    """The scalars of YAML 1.2: null, true, false, integers, floats; all else is text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - how PyYAML is extended


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", [*"tTfF"]),
    ("null", r"^(?:~|null|Null|NULL|)$", ["", *"~nN"]),
    ("int", r"^[-+]?[0-9]+$", [*"-+0123456789"]),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", [*"-+.0123456789"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def read_text(content: bytes) -> Text:
    """The values in a YAML or JSON text, with their lines.

    Raises:
        TextError: it is neither, or not UTF-8, too large, with a key twice or with references.
    """
    if len(content) > _BYTES_MAX:
        raise TextError(1, "larger than 1 MiB; a policy is a small document")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextError(content.count(b"\n", 0, error.start) + 1, "not UTF-8; save the file as UTF-8") from None
    if text.lstrip().startswith("{") and (parsed := _read_json(text)) is not None:
        return parsed
    return _read_yaml(text)


def _read_json(text: str) -> Text | None:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if defect := find_defect(text.encode(), keys_once=True):
        raise TextError(1, defect)
    try:
        # In JSON a tab is white space or an error, never content.
        lines = _read_yaml(text.replace("\t", " ")).lines
    except TextError:
        lines = {}
    return Text(values, lines)


def _read_yaml(text: str) -> Text:
    lines: dict[Path, int] = {}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        values = None if node is None else _build(loader, node, (), lines, set())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise TextError(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError:
        raise TextError(1, "not YAML: a character that is not allowed; save the file as plain text") from None
    except RecursionError:
        raise TextError(1, "nested too deeply") from None
    return Text(values, lines)


def _build(loader: _Loader, node: yaml.Node, path: Path, lines: dict[Path, int], seen: set[int]) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if id(node) in seen:
        raise TextError(line, "references (&name, *name) are not supported; write the value out")
    seen.add(id(node))
    if len(seen) > _NODES_MAX:
        raise TextError(line, "too many values; a policy is a small document")
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(loader, node, path, lines, seen)
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, child, (*path, place), lines, seen) for place, child in enumerate(node.value)]
    return _build_scalar(loader, node, line)


def _build_scalar(loader: _Loader, node: yaml.Node, line: int) -> Any:
    try:
        # PyYAML would read 010 as octal.
        value = int(node.value) if node.tag == "tag:yaml.org,2002:int" else loader.construct_object(node)
        if isinstance(value, str):
            value.encode()
    except UnicodeEncodeError:
        raise TextError(line, "a lone surrogate in a text; write the character itself") from None
    except (ValueError, OverflowError):
        raise TextError(line, "not a number this program can read") from None
    return value


def _build_mapping(loader: _Loader, node: yaml.MappingNode, path: Path, lines: dict[Path, int], seen: set[int]) -> dict[Any, Any]:
    built: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise TextError(line, "a key must be a word or a number")
        key = _build(loader, key_node, (*path, "?"), {}, seen)
        if key in built:
            raise TextError(line, f"the key {key} occurs twice; keep one")
        lines[(*path, key)] = line
        built[key] = _build(loader, value_node, (*path, key), lines, seen)
    return built
