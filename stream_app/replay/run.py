"""`stream-app replay`: what the worker would publish for these events under this policy, in one canonical order."""

import gc
import marshal
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from heapq import merge
from io import FileIO
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any, BinaryIO

from stream_app.codec.policy import load_policy_file
from stream_app.domain.policy import Policy
from stream_app.errors import Failure
from stream_app.replay.evaluation import Cuts, Sketches, find_cuts
from stream_app.replay.families import Name, find_families
from stream_app.replay.shard import Shard

SMALL_BYTES = 4 << 20
"""Below this a second process costs more than it saves."""

_LINES_A_WRITE = 2_000


def replay(
    files: list[Path], policy_file: Path, out: Path | None = None, until_ms: int | None = None, *, as_given: bool = False, shards: int = 0
) -> dict[str, int]:
    """Replay `files` and write the result to `out` (standard output without it).

    Args:
        files: JSONL, one CloudEvent per line.
        policy_file: YAML or JSON; a policy without `shop` holds for every shop.
        out: where the lines go.
        until_ms: time ends here; default: the latest accepted event.
        as_given: apply the events in file order instead of time order.
        shards: processes; 0 chooses by the size of the input. The output does not depend on it.

    Returns:
        How many lines were written: {"dead_letters", "events", "customers"}, and "erasures" where customers were erased.

    Raises:
        Failure: a file is missing or is not JSONL; the policy cannot be used.
    """
    policy = load_policy_file(policy_file)
    if out is not None and out.exists() and out.samefile(policy_file):
        message = f"{policy_file}: the output would overwrite the policy; name another file with --out"
        raise Failure(message)
    for file in files:
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
    if not shards:
        size = sum(file.stat().st_size for file in files)
        shards = 1 if size < SMALL_BYTES else len(os.sched_getaffinity(0))
    wall_ms = time.time_ns() // 1_000_000
    with tempfile.TemporaryDirectory(prefix="stream-app-replay-") as folder:
        runs, erasures = _run_shards(files, policy, until_ms, as_given, [Path(folder) / str(i) for i in range(shards)], wall_ms)
        if out is None:
            counts = _write(sys.stdout.buffer, runs)
        else:
            with out.open("wb", buffering=0) as target:
                counts = _write(target, runs)
        return {**counts, "erasures": erasures} if erasures else counts


Run = Callable[[str], Iterator[Any]]
"""Streams the lines of one kind ("dead_letters", "events", "profiles") that a shard has written, in order."""


def _run_shards(
    files: list[Path], policy: Policy, until_ms: int | None, as_given: bool, folders: list[Path], wall_ms: int
) -> tuple[list[Run], int]:
    """Evaluate all shards, one here and the others in processes of their own; returns also how many customers were erased."""
    families = find_families(files) if len(folders) > 1 else {}  # one shard sees them all by itself
    others: list[tuple[ForkProcess, Connection]] = []
    for index in range(1, len(folders)):
        ours, theirs = multiprocessing.Pipe()
        args = (files, policy, families, until_ms, as_given, folders[index], index, len(folders), wall_ms, theirs)
        process = multiprocessing.get_context("fork").Process(target=_shard_process, args=args, daemon=True)
        process.start()
        theirs.close()
        others.append((process, ours))
    shard = Shard(policy, families, 0, len(folders), wall_ms)
    gc.disable()  # millions of small objects live to the end; walking them again and again frees nothing
    try:
        shard.read(files)
        shard.fold(until_ms, as_given=as_given)
        folded = [(shard.latest_ms, shard.erasures), *(_receive(pipe) for _, pipe in others)]
        end_ms = until_ms if until_ms is not None else max((moment for moment, _ in folded if moment is not None), default=0)
        for _, pipe in others:
            pipe.send(end_ms)
        if policy.pareto is not None:
            found: list[Sketches] = [shard.weigh(end_ms), *(_receive(pipe) for _, pipe in others)]
            cuts = find_cuts(found, policy)
            for _, pipe in others:
                pipe.send(cuts)
            shard.know(cuts)
            shard.fold(until_ms, as_given=as_given)
        shard.conclude(end_ms)
    finally:
        gc.enable()
    for process, pipe in others:
        _receive(pipe)
        process.join()
    mine: dict[str, list[Any]] = {"dead_letters": shard.dead_letters, "events": shard.events, "profiles": shard.profiles}
    return [lambda kind: iter(mine[kind]), *(_reader(folder) for folder in folders[1:])], sum(count for _, count in folded)


def _receive(pipe: Connection) -> Any:
    try:
        return pipe.recv()
    except EOFError:
        message = "a replay process ended early; run it again, with more memory or fewer files"
        raise Failure(message) from None


def _shard_process(
    files: list[Path],
    policy: Policy,
    families: dict[Name, Name],
    until_ms: int | None,
    as_given: bool,
    folder: Path,
    index: int,
    count: int,
    wall_ms: int,
    pipe: Connection,
) -> None:
    gc.disable()
    shard = Shard(policy, families, index, count, wall_ms)
    shard.read(files)
    shard.fold(until_ms, as_given=as_given)
    pipe.send((shard.latest_ms, shard.erasures))
    end_ms = pipe.recv()
    if policy.pareto is not None:
        pipe.send(shard.weigh(end_ms))
        cuts: Cuts = pipe.recv()
        shard.know(cuts)
        shard.fold(until_ms, as_given=as_given)
    shard.conclude(end_ms)
    folder.mkdir()
    for kind in ("dead_letters", "events", "profiles"):
        with (folder / kind).open("wb") as target:
            for line in getattr(shard, kind):
                marshal.dump(line, target)
    pipe.send(None)
    os._exit(0)  # tearing down millions of objects one by one serves nobody


def _reader(folder: Path) -> Run:
    def lines(kind: str) -> Iterator[Any]:
        with (folder / kind).open("rb") as source:
            while True:
                try:
                    # Our own process wrote it, moments ago.
                    yield marshal.load(source)  # noqa: S302  # nosec B302
                except EOFError:
                    return

    return lines


def _write(target: BinaryIO | FileIO, runs: list[Run]) -> dict[str, int]:
    counts = {}
    for name, kind in (("dead_letters", "dead_letters"), ("events", "events"), ("customers", "profiles")):
        counts[name] = 0
        merged: Iterator[Any] = merge(*(run(kind) for run in runs)) if len(runs) > 1 else runs[0](kind)
        while lines := [line[-1] for line in islice(merged, _LINES_A_WRITE)]:
            text = memoryview(b"".join(lines))
            while text:
                text = text[target.write(text) :]
            counts[name] += len(lines)
    target.flush()
    return counts
