"""The page's files: nothing foreign, nothing inline, both languages whole."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

import stream_app
from stream_app.story.dutch import DUTCH

PAGE = Path(stream_app.__file__).parent / "web" / "page"
VENDORED = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
OURS = sorted(file for file in PAGE.rglob("*") if file.suffix in {".js", ".css", ".html"} and file.parent.name != "vendor")
LINES_MAX = 300


@pytest.mark.parametrize("name", VENDORED)
def test_what_is_not_ours_is_what_its_makers_released(name: str) -> None:
    assert sha256((PAGE / "vendor" / name).read_bytes()).hexdigest() == VENDORED[name]
    assert "MIT" in (PAGE / "vendor" / "LICENSE").read_text()


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_a_file_is_small_and_asks_nobody_else(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= LINES_MAX
    assert [url for url in re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text) if "www.w3.org" not in url] == []
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\(", text), "what customers are called is no markup"


def test_the_document_has_no_inline_script_or_style() -> None:
    text = (PAGE / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", text)


def words(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((PAGE / "words" / f"{language}.json").read_text())
    return found


def holes(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_dutch_says_all_that_english_says() -> None:
    english, dutch = ({key: text for key, text in words(code).items() if not key.startswith("term.")} for code in ("en", "nl"))
    assert set(dutch) == set(english)
    assert {key: holes(text) for key, text in dutch.items()} == {key: holes(text) for key, text in english.items()}


def test_every_sentence_that_is_asked_for_exists_and_none_is_left_over() -> None:
    code = "\n".join(file.read_text() for file in OURS)
    patterns = [re.compile(re.sub(r"\\\$\\\{.*?\\\}", r"[\\w.]+", re.escape(one))) for one in re.findall(r"\bt\(`([^`]+)`", code)]
    known = {key for key in words("en") if not key.startswith("term.")}
    assert set(re.findall(r'\bt\("([\w.]+)"', code)) - known == set()
    named = set(re.findall(r'"([\w.]+)"', code))
    assert {key for key in known - named if not any(pattern.fullmatch(key) for pattern in patterns)} == set()


def test_values_have_the_names_that_their_reasons_give_them() -> None:
    told = {key.removeprefix("term."): text for key, text in words("nl").items() if key.startswith("term.")}
    assert {name: told.get(name) for name in DUTCH.terms if "." not in name} == {n: text for n, text in DUTCH.terms.items() if "." not in n}
