"""The peers' programs run elsewhere, but they are read here: the same thresholds, pinned requirements, nothing that points at a machine."""

import ast
import re

import pytest

from benchmarks.peers.prepare import HERE, JAVA_PINS, JAVA_SOURCE
from benchmarks.w1.orders import A_FROM, B_FROM

PROGRAMS = sorted(HERE.glob("*_w1.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_a_program_has_pins_and_the_same_thresholds(program) -> None:  # type: ignore[no-untyped-def]
    pins = (HERE / f"{program.stem.removesuffix('_w1')}.txt").read_text().split()
    assert pins
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9.-]+(\[[a-z,]+\])?==[0-9a-z.]+", pin)] == []
    tree = ast.parse(program.read_text())
    assigned = [node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "(B_FROM, A_FROM)"]
    assert [ast.literal_eval(value) for value in assigned] == [(B_FROM, A_FROM)]


def test_the_java_program_has_pins_and_the_same_thresholds() -> None:
    found = re.search(r"B_FROM = ([\d_]+), A_FROM = ([\d_]+);", JAVA_SOURCE.read_text())
    assert found is not None
    assert (int(found[1]), int(found[2])) == (B_FROM, A_FROM)
    assert all(re.fullmatch(r"[\w.]+:[\w-]+:[\w.]+", pin) for pin in JAVA_PINS.read_text().split())


def test_every_peer_has_a_program() -> None:
    assert [program.stem for program in PROGRAMS] == ["bytewax_w1", "faust_w1", "pathway_w1", "quix_w1"]
