"""What README.md and ARCHITECTURE.md name exists, and ARCHITECTURE.md names every room."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARCHITECTURE_LINES_MAX = 250
PATH = re.compile(r"`([A-Za-z0-9_.-]*/[A-Za-z0-9_./-]*|[A-Za-z0-9_.-]+\.(?:py|md|yaml|toml|lock|svg))`|\]\(([^)#:]+)\)")
# Topics, types and values that look like paths, and files that a user may have.
NOT_HERE = re.compile(r"^/|^\.venv/|^\.data|^\.cache|^shop/|application/|\.yaml$|\.jsonl$")


def named_in(text: str) -> set[str]:
    return {path for pair in PATH.findall(text) for path in pair if path and not NOT_HERE.search(path)}


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_every_path_that_is_named_exists(document: str) -> None:
    missing = [
        path
        for path in sorted(named_in((ROOT / document).read_text()))
        if not (ROOT / path).exists() and not (ROOT / "stream_app" / path).exists()
    ]
    assert missing == []


def test_the_architecture_is_short_and_names_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert len(text.splitlines()) <= ARCHITECTURE_LINES_MAX
    rooms = [init.parent.name for init in (ROOT / "stream_app").glob("*/__init__.py")]
    assert [room for room in rooms if f"`{room}/`" not in text] == []


def test_every_need_has_a_feature_a_command_and_a_test_that_exists() -> None:
    rows = [line.split(" | ") for line in (ROOT / "docs" / "needs.md").read_text().splitlines() if line.startswith("| N")]
    assert [row[0] for row in rows] == [f"| N{number}" for number in range(1, 20)]
    for number, _, feature, shown, proof in rows:
        assert feature
        assert re.search(r"`stream-app (?:watch|policy|explain|replay)\b|^topics? `|`(?:make)\b", shown), f"{number}: {shown}"
        file, function = re.fullmatch(r"`([\w/.]+)::(\w+)` \|", proof).groups()  # type: ignore[union-attr]
        assert f"def {function}(" in (ROOT / file).read_text(), f"{number}: {proof}"
