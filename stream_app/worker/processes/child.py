"""Child processes that never outlive us: an orphaned broker would hold its port and its data directory for ever."""

import ctypes
import os
import signal
import subprocess
import sys
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
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _die_with(parent: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the kernel knew
            os._exit(1)

    return before_exec
