"""`stream-app replay`: what the worker would publish for these events under this policy, in one canonical order."""

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from stream_app.codec.policy import load_policy_file
from stream_app.errors import Failure
from stream_app.replay.course import Course, Job, plan_memory
from stream_app.replay.spill import Spill
from stream_app.replay.team import Team, Tell, together

SMALL_BYTES: Final = 4 << 20
"""Below this a second process costs more than it saves."""

MEMORY_MIB: Final = 800
"""What all processes together may take by default."""


def replay(
    files: list[Path],
    policy_file: Path,
    out: Path | None = None,
    until_ms: int | None = None,
    *,
    as_given: bool = False,
    processes: int = 0,
    memory_bytes: int = MEMORY_MIB << 20,
    tell: Tell | None = None,
) -> dict[str, int]:
    """Replay `files` and write the result to `out` (standard output without it).

    Args:
        files: JSONL, one CloudEvent per line.
        policy_file: YAML or JSON; a policy without `shop` holds for every shop.
        out: where the lines go.
        until_ms: time ends here; default: the latest accepted event.
        as_given: apply the events in file order instead of time order.
        processes: how many share the work; 0: as many as there are cores, or one for a small input. The output does not depend on it.
        memory_bytes: about what they may take together; what does not fit goes through temporary files. Nor on this.
        tell: is told how far it is.

    Returns:
        How many lines were written: {"dead_letters", "events", "customers"}, and "erasures" where customers were erased.

    Raises:
        Failure: a file is missing or is not JSONL; the policy cannot be used; the disk is full.
    """
    policy = load_policy_file(policy_file)
    if out is not None and out.exists() and out.samefile(policy_file):
        message = f"{policy_file}: the output would overwrite the policy; name another file with --out"
        raise Failure(message)
    if out is not None and not out.parent.is_dir():
        message = f"{out}: its folder does not exist; make it first"
        raise Failure(message)
    for file in files:
        _check(file, out)
    size = sum(file.stat().st_size for file in files)
    processes = processes or (1 if size < SMALL_BYTES else len(os.sched_getaffinity(0)))
    job = Job(files, policy, out, until_ms, as_given, time.time_ns() // 1_000_000, *plan_memory(memory_bytes, processes))
    with closing(Spill(processes, memory_bytes // processes)) as spill:

        def work(team: Team) -> dict[str, int]:
            return Course(team, job, spill).run()

        return together(processes, work, tell)


def _check(file: Path, out: Path | None) -> None:
    if not file.is_file():
        wrong = "not a regular file, and a replay reads its input more than once" if file.exists() else "no such file"
        message = f"{file}: {wrong}; give JSONL files with one CloudEvent per line"
        raise Failure(message)
    if out is not None and out.exists() and out.samefile(file):
        message = f"{file}: the output would overwrite this input; name another file with --out"
        raise Failure(message)
    if file.suffix in (".csv", ".parquet"):
        message = f"{file}: only JSONL is read by this version; convert it to one CloudEvent per line"
        raise Failure(message)
