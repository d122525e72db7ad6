"""A replay in little memory: what does not fit, who has too many events, what is refused in the end, and when the disk is full."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stream_app.errors import Failure
from stream_app.replay.course import plan_memory
from stream_app.replay.piles import Entry, Pile, choose_cuts, texts_of
from stream_app.replay.run import replay
from stream_app.replay.spill import Spill
from stream_app.replay.team import Team, together
from tests.unit.codec.samples import ORDER, structured

POLICY = {"currency": "EUR", "rhythm": {"default": {"method": "fixed", "days": 30}}, "winback": {"cooling_days": 20, "gone_days": 60}}
PROGRAM = [sys.executable, "-m", "stream_app", "replay", "events.jsonl", "--policy", "policy.json"]


def order(customer: str, number: int, day: int, **data: Any) -> bytes:
    """An order on a day of 2024."""
    time = f"2024-{1 + day // 28:02}-{1 + day % 28:02}T10:15:00Z"
    sent = {**ORDER, "order_id": f"o-{number}", **data}
    return structured("order.placed", id=f"e-{number}", subject=customer, time=time, data=sent)


def write(folder: Path, lines: list[bytes]) -> None:
    (folder / "events.jsonl").write_bytes(b"\n".join(lines))
    (folder / "policy.json").write_text(json.dumps(POLICY))


def run(folder: Path, processes: int = 1, memory: int = 1 << 29, *, as_given: bool = False) -> bytes:
    out = folder / "out.jsonl"
    replay([folder / "events.jsonl"], folder / "policy.json", out, processes=processes, memory_bytes=memory, as_given=as_given)
    return out.read_bytes()


@pytest.mark.parametrize("as_given", [False, True])
def test_one_customer_may_have_more_events_than_fit(tmp_path: Path, as_given: bool) -> None:
    days = [(7 * number) % 300 for number in range(3_000)]  # not in the order of time
    lines = [order("guest", number, day) for number, day in enumerate(days)]
    lines += [structured("watermark", subject=None, time="2024-11-20T00:00:00Z", data={})]
    lines += [order(f"c-{number}", 10_000 + number, number) for number in range(20)]
    write(tmp_path, lines)
    memory = 2 << 20
    assert len(b"".join(lines)) > 4 * plan_memory(memory, 1)[1]  # so that he is not decoded in memory
    whole = run(tmp_path, as_given=as_given)
    assert whole.count(b'"topic":"status-changes"') > 100
    assert run(tmp_path, 1, memory, as_given=as_given) == whole
    assert run(tmp_path, 2, 2 * memory, as_given=as_given) == whole


@pytest.mark.parametrize("processes", [1, 2])
def test_time_ends_with_the_latest_event_that_is_accepted(tmp_path: Path, processes: int) -> None:
    lines = [order(f"c-{number}", number, number) for number in range(40)]
    # Later ones, each of another customer, and all refused: an order of his under that id is known.
    lines += [order(f"c-{number}", number, 200 + number, total_minor=1, lines=[]).replace(b'"e-', b'"again-') for number in range(39)]
    write(tmp_path, lines)
    whole = run(tmp_path)
    assert whole.count(b'"order_exists"') == 39
    assert run(tmp_path, processes, 1) == whole
    profiles = [json.loads(line)["event"] for line in whole.splitlines() if b'"topic":"customer-profiles"' in line]
    assert {profile["subject"]: profile["time"] for profile in profiles}["c-39"] == "2024-02-12T10:15:00.000Z"


@pytest.mark.parametrize("at_once", [True, False])
def test_a_pile_hands_out_in_order_what_it_was_given(at_once: bool) -> None:
    entries: list[Entry] = [(number * 7919 % 1_000, f"c-{number % 13}", number, b"%d\n" % number) for number in range(5_000)]
    spill = Spill(1)
    pile = Pile(spill, 0, 50_000)
    pile.add(entries[:300], 1_000)
    pile.cut(choose_cuts([pile.sample()], 16, 20_000))
    for at in range(300, len(entries), 300):
        pile.add(entries[at : at + 300], 1_000)
    pile.finish(keep=True)
    assert len(pile.slices) > 10
    assert max(map(len, pile.slices)) > 10
    texts = [text for runs in pile.slices for some in texts_of(runs, spill, at_once=at_once) for text in some]
    assert texts == [entry[-1] for entry in sorted(entries)]
    assert sum(pile.counts) == len(entries)
    spill.close()


def test_what_is_put_down_first_stays_plain_and_the_rest_is_compressed() -> None:
    spill = Spill(1, 2_500)
    contents = [bytes([65 + number]) * 1_000 for number in range(5)]
    for _ in range(2):
        places = [spill.put(0, content) for content in contents]
        assert [is_packed for *_, is_packed in places] == [False, False, True, True, True]
        assert [length for _, _, length, _ in places][:2] == [1_000, 1_000]
        assert max(length for _, _, length, _ in places[2:]) < 100
        assert [spill.get(place) for place in places] == contents
        spill.forget(0)
    spill.close()


def test_all_processes_have_slices_to_write_unless_these_are_tiny() -> None:
    sample: list[Entry] = [(number,) for number in range(1_000)]
    cuts = [len(choose_cuts([(1 << 20, sample)], factor, 1 << 26, 32)) for factor in (0.1, 10, 100, 100_000)]
    assert cuts == [0, 5, 32, 999]


def test_a_full_disk_is_one_line_and_nothing_is_left_of_temporary_files(tmp_path: Path) -> None:
    write(tmp_path, [order(f"c-{number}", number, number % 200) for number in range(4_000)])
    (tmp_path / "temporary").mkdir()

    def fill_up() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    for out, said in (("out.jsonl", "temporary"), ("/dev/full", "/dev/full: the disk is full")):
        limit = fill_up if out == "out.jsonl" else None
        done = subprocess.run(
            [*PROGRAM, "--memory", "1", "--out", out],
            cwd=tmp_path,
            env=environment,
            preexec_fn=limit,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_team_ends_as_one() -> None:
    def refuse(team: Team) -> None:
        if team.index == 1:
            raise Failure("no")
        team.exchange(None)

    def die(team: Team) -> None:
        if team.index == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        team.exchange(None)

    with pytest.raises(Failure, match="no"):
        together(3, refuse)
    with pytest.raises(Failure, match="killed"):
        together(3, die)
    assert together(3, lambda team: team.exchange(team.index)) == [0, 1, 2]


def test_standard_output_gets_the_same_as_a_file_in_a_pipe_and_in_a_file(tmp_path: Path) -> None:
    write(tmp_path, [order(f"c-{number % 50}", number, number % 200) for number in range(400)])
    whole = run(tmp_path)
    piped = subprocess.run(PROGRAM, cwd=tmp_path, capture_output=True, check=True).stdout
    assert piped == whole
    code = "from pathlib import Path; from stream_app.replay.run import replay; "
    code += "replay([Path('events.jsonl')], Path('policy.json'), processes=2, memory_bytes=200_000); print('end')"
    with (tmp_path / "written").open("wb") as target:
        target.write(b"begin\n")
        target.flush()
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, stdout=target, check=True)
    assert (tmp_path / "written").read_bytes() == b"begin\n" + whole + b"end\n"
