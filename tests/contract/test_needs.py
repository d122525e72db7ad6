"""docs/needs.md: every need has a row, and what it names is there: the command with its options, the topics, the test that proves it."""

import ast
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from stream_app.cli.app import app
from stream_app.domain.facts.state import DIMENSIONS
from stream_app.settings import load_settings
from stream_app.worker.topics import topics_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "needs.md"
_CODE = re.compile(r"`([^`]+)`")


class Row(NamedTuple):
    """One need, as the page has it."""

    number: str
    need: str
    met_by: str
    seen_with: str
    proved_by: str


ROWS = [Row(*line.strip("| \n").split(" | ")) for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| N\d", line)]


def find_command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words name, and what is left of them."""
    command: Any = typer.main.get_command(app)
    left = list(words)
    while left and left[0] in getattr(command, "commands", {}):
        command = command.commands[left.pop(0)]
    return command, left


def test_every_need_has_one_row() -> None:
    assert [row.number for row in ROWS] == [f"N{number}" for number in range(1, 20)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number)
def test_what_shows_it_is_there(row: Row) -> None:
    named = _CODE.findall(row.seen_with)
    assert any(text.startswith("stream-app ") for text in named) or "topic" in row.seen_with, "nothing shows it"
    topics = {topic.name for topic in topics_of(load_settings(topic_prefix=""))}
    for text in named:
        words = text.split()
        if words[0] == "stream-app":
            command, left = find_command(words[1:])
            assert not hasattr(command, "commands"), f"{text}: no such command"
            known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
            assert {word for word in left if word.startswith("--")} <= known, text
            assert "--dimension" not in left or left[left.index("--dimension") + 1] in DIMENSIONS
        elif "topic" in row.seen_with and "-" in text and not text.startswith("lowest"):
            assert text in topics, f"{text}: no such topic"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number)
def test_what_proves_it_is_there(row: Row) -> None:
    names = _CODE.findall(row.proved_by)
    assert names, "nothing proves it"
    for name in names:
        file, _, test = name.partition("::")
        body = ast.parse((ROOT / file).read_text()).body
        functions = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert test.startswith("test_"), name
        assert test in functions, f"{name}: no such test"
