"""The rules compiled and in plain Python say the same, to the byte; and the build that runs is the one of these sources."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import stream_app
from stream_app import compiled
from stream_app.compiled.build import find_compiler
from stream_app.compiled.finder import MODULES, build_dir, source
from tests.oracle.histories import history

SHOW = "import stream_app.domain.evaluate as e, stream_app.compiled as c; print(c.is_in_use(), e.__file__)"


@pytest.mark.skipif(find_compiler() is None, reason="no C compiler: the rules run as plain Python here")
def test_the_tests_run_the_compiled_rules() -> None:
    assert compiled.is_in_use()
    assert build_dir().is_dir()


def test_every_named_module_exists() -> None:
    assert [module for module in MODULES if not source(module).is_file()] == []


@pytest.mark.parametrize("shuffled", [False, True])
def test_both_say_the_same_to_the_byte(shuffled: bool, tmp_path: Path) -> None:
    told = history(4711, customers=80, shuffled=shuffled)
    events, policy = tmp_path / "history.jsonl", tmp_path / "policy.yaml"
    events.write_text("".join(json.dumps(event) + "\n" for event in told.events))
    policy.write_text(yaml.safe_dump(told.document))
    outputs = []
    for name, options in (("compiled", []), ("python", ["-X", "pure"])):
        out = tmp_path / f"{name}.jsonl"
        arguments = ["replay", str(events), "--policy", str(policy), "--out", str(out), *(["--as-given"] if shuffled else [])]
        done = subprocess.run([sys.executable, *options, "-m", "stream_app", *arguments], capture_output=True, text=True, check=True)
        assert (compiled.SLOWER in done.stderr) == (name == "python" or not compiled.is_in_use()), "said once, where it is so"
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1]
    assert outputs[0].count(b"\n") > 500


def test_pure_python_on_request() -> None:
    told = subprocess.run([sys.executable, "-X", "pure", "-c", SHOW], capture_output=True, text=True, check=True).stdout
    assert told.strip() == f"False {Path(stream_app.__file__).parent / 'domain' / 'evaluate.py'}"


@pytest.mark.skipif(find_compiler() is None, reason="no C compiler: the rules run as plain Python here")
def test_an_edited_source_has_no_build(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    package = Path(stream_app.__file__).parent
    subprocess.run(["cp", "-r", str(package), str(copy)], check=True)
    (tmp_path / "stream_app").symlink_to(copy)
    before = subprocess.run([sys.executable, "-c", SHOW], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert before.startswith("True ")
    with (copy / "domain" / "score.py").open("a") as file:
        file.write("\nEDITED = True\n")
    after = subprocess.run([sys.executable, "-c", SHOW], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert after.startswith("False ")
