"""The house rules that a machine can check: small files, small functions, plain names, a card in every room, nothing dead."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 50
ROOM_FILES_MAX = 16
BANNED = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
CARD = ("Owns:", "Called by:", "May import:", "Start at:")
STARTED_BY_NAME = {"stream_app.__main__", "stream_app.demo.prepare", "stream_app.compiled.build", "stream_app.compiled.interpreter"}
UNOWNED = re.compile(r"\x23.*\b(TODO|FIXME|XXX)\b(?!.*\x23\d+)")  # \x23 is the sign of a comment


@cache
def sources() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def rooms() -> list[Path]:
    return sorted(file.parent for file in sources() if file.name == "__init__.py" and file.is_relative_to(ROOT / "stream_app"))


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("file", sources(), ids=name_of)
def test_a_file_is_small_and_its_functions_too(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= FILE_LINES_MAX
    lengths = {function.name: (function.end_lineno or 0) - function.lineno + 1 for function in functions(file)}
    long = {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX}
    assert not long


@pytest.mark.parametrize("file", sources(), ids=name_of)
def test_a_file_has_a_docstring_a_plain_name_and_no_unowned_todo(file: Path) -> None:
    assert not BANNED & {part.removesuffix(".py") for part in file.relative_to(ROOT).parts}
    text = file.read_text()
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "say in a sentence what the file is for"
    unowned = [line.strip() for line in text.splitlines() if UNOWNED.search(line)]
    assert not unowned, "give the number of the issue, as in `# TODO #12: ...`"


@pytest.mark.parametrize("room", [room for room in rooms() if room.name != "stream_app"], ids=name_of)
def test_a_room_is_small_and_has_a_card_that_is_true(room: Path) -> None:
    assert len([file for file in room.glob("*.py") if file.name != "__init__.py"]) <= ROOM_FILES_MAX
    card = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    assert [word for word in CARD if word not in card] == []
    start = card.split("Start at:")[1]
    named = re.findall(r"[\w/]+\.py", start)
    assert named, "the card names no file to start at"
    assert [name for name in named if not (room / name).is_file()] == []


def test_no_file_is_dead() -> None:
    graph = grimp.build_graph("stream_app")
    packages = {"stream_app", *(str(room.relative_to(ROOT)).replace("/", ".") for room in rooms())}
    dead = [module for module in sorted(graph.modules - STARTED_BY_NAME - packages) if not graph.find_modules_that_directly_import(module)]
    assert dead == []
