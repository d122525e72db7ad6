"""Which interpreter the environment is made with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream_app.compiled import interpreter
from stream_app.compiled.interpreter import candidates, fastest, measure


@pytest.mark.parametrize(
    ("seconds", "taken"),
    [
        ({"first": 1.0, "second": 0.75}, "second"),
        ({"first": 1.0, "second": 0.95}, "first"),  # not clearly faster
        ({"first": 1.0, "second": 0.8, "third": 0.7}, "third"),
        ({"first": 1.0, "second": float("inf")}, "first"),  # cannot run it
        ({"first": 1.0}, "first"),
    ],
)
def test_the_first_is_taken_unless_another_is_clearly_faster(seconds: dict[str, float], taken: str) -> None:
    assert fastest(list(seconds), seconds.__getitem__) == taken


def test_each_interpreter_is_a_candidate_once_and_broken_ones_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "_FITTING", "import os, sys; print(os.path.realpath(sys.executable))")  # whatever this one lacks
    real = os.path.realpath(sys.executable)
    folders = [tmp_path / name for name in ("broken", "first", "again", "folder", "empty")]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "python9").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (folders[0] / "python9").chmod(0o755)
    (folders[1] / "python9").symlink_to(real)
    (folders[2] / "python9").symlink_to(real)
    (folders[3] / "python9").mkdir()

    assert candidates("python9", os.pathsep.join(["", *map(str, folders)])) == [str(folders[1] / "python9")]


def test_the_race_is_run_by_the_interpreter_itself() -> None:
    assert 0 < measure(sys.executable) < 60
    assert measure("/bin/false") == measure("/bin/true") == float("inf")


def test_the_name_itself_is_told_when_none_will_do(tmp_path: Path) -> None:
    command = [sys.executable, interpreter.__file__, "python9"]
    told = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)

    assert (told.stdout, told.stderr) == ("python9\n", "")
