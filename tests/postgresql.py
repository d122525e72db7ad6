"""A real PostgreSQL of Debian's packages, for the tests that need one."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from uuid import uuid4

import pg8000.dbapi
import pytest

from tests import packages

_START_LIMIT_S = 60.0
_POLL_S = 0.05


def binaries() -> Path:
    """Where the server's programs are; they are installed if we may, else the test is skipped."""
    packages.fetch()
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    return found[-1].parent


class Postgres:
    """A server of our own, with a data directory of its own."""

    def __init__(self, directory: Path) -> None:
        self._binaries = binaries()
        self._data = directory / "data"
        self._log = (directory / "postgresql.log").open("ab")
        self._user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        if self._user:
            for parent in (directory, *directory.parents[:3]):
                if parent.owner() == "root" and parent != Path("/tmp"):
                    parent.chmod(0o755)
            self._data.mkdir()
            subprocess.run(["chown", "-R", self._user, str(self._data)], check=True)
        command = [str(self._binaries / "initdb"), "-D", str(self._data), "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, user=self._user, cwd="/")
        self._process = self._start()

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://tests@127.0.0.1:{self.port}/{name}"

    def create(self) -> str:
        """An empty database; its URL."""
        name = f"t{uuid4().hex[:12]}"
        connection = self._connect()
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
        connection.close()
        return self.url(name)

    def kill(self) -> None:
        """End the server and everything it started, as a power cut would."""
        children = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=False).stdout.split()
        for pid in [self._process.pid, *map(int, children)]:
            os.kill(pid, signal.SIGKILL)
        self._process.wait(10)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def restart(self) -> None:
        """Start it again, on the data that it has left."""
        self._process = self._start()

    def close(self) -> None:
        """End it for good."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
        self._log.close()

    def _start(self) -> "subprocess.Popen[bytes]":
        options = ["-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=50"]
        command = [str(self._binaries / "postgres"), "-D", str(self._data), *options]
        process = subprocess.Popen(command, stdout=self._log, stderr=self._log, user=self._user, cwd="/")
        until = time.monotonic() + _START_LIMIT_S
        while True:
            try:
                self._connect().close()
                return process
            except (pg8000.dbapi.Error, OSError):
                assert process.poll() is None, Path(self._log.name).read_text()[-2_000:]
                assert time.monotonic() < until
                time.sleep(_POLL_S)

    def _connect(self) -> "pg8000.dbapi.Connection":
        return pg8000.dbapi.connect(user="tests", host="127.0.0.1", port=self.port, database="postgres", timeout=5)
