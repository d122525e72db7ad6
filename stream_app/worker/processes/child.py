"""Child processes that never outlive us: an orphaned broker would hold its port and its data directory for ever."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1


def spawn(
    command: Sequence[str],
    *,
    output: IO[bytes] | None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that Ctrl-C reaches only us and we choose the order of stopping.

    When we end, however we end, the kernel kills it (Linux). Start it from a thread that lives as long as the process should:
    the kernel watches the thread, not the process.
    """
    return subprocess.Popen(  # noqa: S603 - our own programs
        command,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        env=env,
        cwd=cwd,
        start_new_session=True,
        preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - it only calls into the kernel
    )


def stop(process: subprocess.Popen[bytes], timeout_s: float) -> int:
    """Ask the process to end, and kill it after `timeout_s`; returns its exit status."""
    return stop_all([process], timeout_s)[0]


def stop_all(processes: Sequence[subprocess.Popen[bytes]], timeout_s: float) -> list[int]:
    """Ask all of them to end, and kill who is left after `timeout_s`; returns their exit statuses.

    Each is asked once: who has stopped in order and is about to exit no longer listens, and a second SIGTERM would end it by force.
    """
    for process in processes:
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + timeout_s
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
    return [process.wait() for process in processes]


def _die_with(parent: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the kernel knew
            os._exit(1)

    return before_exec
