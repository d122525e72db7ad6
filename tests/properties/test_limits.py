"""A replay writes the same, byte for byte, in any number of processes and with any memory."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.replay.run import replay
from tests.agreement.test_pareto import told_by_pareto
from tests.oracle.histories import history


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1 << 20), st.booleans(), st.booleans(), st.integers(1, 3), st.integers(1, 1 << 19))
def test_processes_and_memory_change_nothing(seed: int, is_cut: bool, as_given: bool, processes: int, memory: int) -> None:
    told = told_by_pareto(seed, shuffled=True) if is_cut else history(seed, 8, shuffled=True)
    with TemporaryDirectory() as name:
        events, policy, out = Path(name) / "events.jsonl", Path(name) / "policy.json", Path(name) / "out.jsonl"
        events.write_text("".join(json.dumps(event) + "\n" for event in told.events), encoding="utf-8")
        policy.write_text(json.dumps(told.document), encoding="utf-8")
        counts = replay([events], policy, out, processes=1, as_given=as_given)
        whole = out.read_bytes()
        assert replay([events], policy, out, processes=processes, memory_bytes=memory, as_given=as_given) == counts
        assert out.read_bytes() == whole
