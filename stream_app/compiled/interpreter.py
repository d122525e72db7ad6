"""`python stream_app/compiled/interpreter.py NAME`: print which interpreter called NAME on the PATH runs Python fastest.

`make setup` makes the environment with it, before anything of ours is installed, so the standard library has to do. Builds of one version
differ by a quarter in what an event costs: those of distributions and of the official images were optimized with profiles (PGO), those
that version managers compile on a machine often were not. An interpreter that is itself of an environment, cannot make one, lacks
a module of the standard library, or has no headers to compile the rules against, is passed over.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_FITTING = """
import ctypes, ensurepip, os, sqlite3, ssl, sys, sysconfig, venv, zlib
assert sys.prefix == sys.base_prefix
assert os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
print(os.path.realpath(sys.executable))
"""

_RACE = """
import time
def run():
    found = {}
    for number in range(60_000):
        found[number % 1000] = found.get(number % 1000, 0) + number
        str(number), [number, number + 1], (number, found)
best = 1e9
for _ in range(5):
    begun = time.perf_counter()
    run()
    best = min(best, time.perf_counter() - begun)
print(best)
"""

ROUNDS = 2
WORTH = 0.9
"""Another than the first on the PATH is taken when it needs less than this share of the first one's time."""


def candidates(name: str, path: str) -> list[str]:
    """The interpreters called `name` in the folders of `path`, each once, in that order, and only those that will do."""
    found: dict[str, str] = {}
    for folder in path.split(os.pathsep):
        command = Path(folder) / name
        if folder and command.is_file() and os.access(command, os.X_OK):
            real = _ask(str(command), _FITTING)
            if real is not None:
                found.setdefault(real, str(command))
    return list(found.values())


def fastest(commands: Sequence[str], seconds: Callable[[str], float]) -> str:
    """The one to take: the first, unless another is clearly faster."""
    best = {command: min(seconds(command) for _ in range(ROUNDS)) for command in commands}
    winner = min(commands, key=lambda command: best[command])
    return winner if best[winner] < WORTH * best[commands[0]] else commands[0]


def measure(command: str) -> float:
    """Seconds that the interpreter takes for a piece of plain Python; endless when it cannot run it."""
    try:
        return float(_ask(command, _RACE) or "inf")
    except ValueError:  # something else speaks when it starts
        return float("inf")


def _ask(command: str, program: str) -> str | None:
    try:
        done = subprocess.run([command, "-I", "-c", program], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def main() -> None:
    """Print the command; without any that will do the name as it is, so that what uses it says what is wrong."""
    name = sys.argv[1]
    commands = candidates(name, os.environ.get("PATH", os.defpath))
    chosen = fastest(commands, measure) if len(commands) > 1 else (commands or [name])[0]
    if commands and chosen != commands[0]:
        sys.stderr.write(f"using {chosen}, which runs Python faster than {commands[0]}\n")
    sys.stdout.write(chosen + "\n")


if __name__ == "__main__":
    main()
