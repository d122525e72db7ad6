"""The documentation site builds without a warning, links to nothing that is not there, and its reference is the code's."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "reference" not in page.parts and "_build" not in page.parts)
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", "-d", str(out / "trees"), str(DOCS), str(out / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return out / "html"


def test_every_page_is_built_and_can_be_reached(site: Path) -> None:
    start = (site / "index.html").read_text(encoding="utf-8")
    for page in PAGES:
        name = page.relative_to(DOCS).with_suffix(".html")
        assert (site / name).is_file()
        assert name.name == "index.html" or f'href="{name}"' in start, f"{name} is in no list of index.md"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("commands", ["stream-app policy publish", "--false-alarms", "stream-app mapping init"]),
        ("settings", ["STREAM_APP_BROKER", "STREAM_APP_SASL_PASSWORD"]),
        ("policy", ["downgrade_dwell_days", "exit_dwell_days"]),
        ("events", ["status-changes", "winback.opened", "total_minor"]),
    ],
)
def test_the_reference_is_the_codes(site: Path, page: str, words: list[str]) -> None:
    text = (site / "reference" / f"{page}.html").read_text(encoding="utf-8")
    assert [word for word in words if word not in re.sub(r"<[^>]+>", "", text)] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and "reference/" not in target:
            assert (page.parent / target).exists(), target
