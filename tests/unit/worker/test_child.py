"""How child processes are stopped: each is asked once, all at the same time, and who does not listen is killed."""

import subprocess
import sys
import time
from signal import SIGKILL

from stream_app.worker.processes import child

_LISTENS_ONCE = """
import signal, sys, time
asked = []
def hear(*_):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as a closed event loop leaves it
    asked.append(time.monotonic())
signal.signal(signal.SIGTERM, hear)
print("listens", flush=True)
while not asked:
    time.sleep(0.01)
time.sleep(float(sys.argv[1]))
"""
_IS_DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('is deaf', flush=True); time.sleep(600)"


def started(code: str, *arguments: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as told:
        assert told.readline(), "it can be asked now"
    return process


def test_who_has_heard_it_ends_in_order_however_long_the_others_take() -> None:
    processes = [started(_LISTENS_ONCE, seconds) for seconds in ("0.8", "0.4", "1.2")]
    assert child.stop_all(processes, 30) == [0, 0, 0]


def test_who_does_not_listen_is_killed_and_the_others_are_not() -> None:
    deaf, listening = started(_IS_DEAF), started(_LISTENS_ONCE, "0")
    assert child.stop_all([deaf, listening], 1.0) == [-SIGKILL, 0]


def test_the_seconds_are_for_all_together() -> None:
    began = time.monotonic()
    assert child.stop_all([started(_IS_DEAF) for _ in range(4)], 1.0) == [-SIGKILL] * 4
    assert time.monotonic() - began < 3.5, "four times one second would be more"


def test_one_that_has_ended_keeps_its_status() -> None:
    gone = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    gone.wait()
    assert child.stop(gone, 30) == 3
