"""The workers of the soak, and the supervisor who starts again whoever ends, as systemd or Kubernetes would.

Each worker has an insights process beside it. What they print goes into a log a life, one JSON object a line.
"""

import asyncio
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.place import say
from stream_app.demo.broker import free_port
from stream_app.settings import Settings, child_environment
from stream_app.worker.processes import child

SESSION_MS = 6_000
_STOP_S = 30.0
_AGAIN_S = 1.0
_KEY = "only-for-this-soak-0123456789"


@dataclass
class Life:
    """One process of a worker, from its start to its end.

    Attributes:
        ended_s: when it ended, None while it lives.
        is_told: whether it was ended on purpose.
        why: its last word, where it ended by itself.
    """

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    began_s: float
    ended_s: float | None = None
    is_told: bool = False
    why: str = ""

    def said(self, event: str) -> list[dict[str, Any]]:
        """Every line it logged about `event`."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [entry for entry in found if entry.get("event") == event]

    def beside(self) -> int | None:
        """The process id of the insights process beside it."""
        pid = self.process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        except OSError:
            return None
        return int(children[0]) if children else None


class Crew:
    """The workers `w1` and `w2`, those of them that are wanted."""

    def __init__(self, settings: Settings, folder: Path, partitions: int) -> None:
        self.settings, self.folder, self.partitions = settings, folder, partitions
        self.lives: list[Life] = []
        self.ports: dict[str, tuple[int, int]] = {}
        self._wanted: set[str] = set()

    def environment(self, **extra: str) -> dict[str, str]:
        """The environment of any process of the product."""
        settings = self.settings
        given = {"BROKER": settings.broker, "ID": settings.id, "DATA_DIR": str(self.folder / "commands"), "ERASURE_KEY": _KEY}
        return child_environment(**{**given, **extra})

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the product to its end; what it prints is kept for the search for canaries."""
        command = [sys.executable, "-m", "stream_app", *arguments]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
        with (self.folder / "commands.log").open("a", encoding="utf-8") as log:
            log.write(done.stdout + done.stderr)
        assert done.returncode == 0, f"{arguments[:2]} failed: {done.stderr[-300:]}"
        return done

    def start(self, name: str) -> Life:
        """Start a worker, whom the supervisor keeps alive from now on."""
        self._wanted.add(name)
        if name not in self.ports:
            taken = [port for pair in self.ports.values() for port in pair]
            first = free_port(*taken)
            self.ports[name] = first, free_port(first, *taken)
        log = self.folder / f"{name}-{len(self.lives)}.log"
        environment = self.environment(
            INSTANCE=name,
            DATA_DIR=str(self.folder / name),
            LOG_FORMAT="json",
            METRICS_PORT=str(self.ports[name][0]),
            INSIGHTS_METRICS_PORT=str(self.ports[name][1]),
            SESSION_TIMEOUT_MS=str(SESSION_MS),
        )
        with log.open("wb") as output:
            process = child.spawn([sys.executable, "-m", "stream_app", "worker"], output=output, env=environment)
        life = Life(name, process, log, time.monotonic())
        self.lives.append(life)
        return life

    def living(self, name: str) -> Life | None:
        """The life of a worker that lasts."""
        life = next((life for life in reversed(self.lives) if life.name == name), None)
        return life if life is not None and life.ended_s is None and life.process.poll() is None else None

    def kill(self, name: str) -> Life:
        """End a worker as a power cut would; the supervisor starts it again."""
        life = self._told(name)
        life.process.kill()
        return life

    async def stop(self, name: str, *, again: bool = False) -> int:
        """Ask a worker to end; returns its exit status. With `again` the supervisor starts it anew."""
        if not again:
            self._wanted.discard(name)
        life = self._told(name)
        life.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(life.process.wait, _STOP_S)

    def hold(self, name: str) -> None:
        """From now on nobody starts it again."""
        self._wanted.discard(name)

    async def supervise(self) -> None:
        """Start again whoever has ended and is wanted, for ever."""
        while True:
            for life in [life for life in self.lives if life.ended_s is None]:
                if life.process.poll() is None:
                    continue
                life.ended_s = time.monotonic()
                lines = life.log.read_text(encoding="utf-8", errors="replace").splitlines()
                life.why = "" if life.is_told else next((line for line in reversed(lines) if line.startswith("stream-app: ")), "no word")
                if not life.is_told:
                    say(f"  {life.name} has ended with {life.process.returncode}: {life.why[:160]}")
                if life.name in self._wanted:
                    await asyncio.sleep(_AGAIN_S)
                    self.start(life.name)
            await asyncio.sleep(0.1)

    def close(self) -> None:
        """End what is left."""
        self._wanted.clear()
        for life in self.lives:
            if life.process.poll() is None:
                life.process.send_signal(signal.SIGCONT)
                child.stop(life.process, _STOP_S)

    def _told(self, name: str) -> Life:
        life = self.living(name)
        assert life is not None, f"{name} lives"
        life.is_told = True
        return life
