"""A shop behind the page: some households of the demo's data, the demo's policy, a worker, and `stream-app serve` as a process."""

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stream_app.demo.broker import free_port
from stream_app.demo.dataset import NAME, events_file
from stream_app.settings import Settings, child_environment, load_settings
from tests.integration.product import PROGRAM

HOUSEHOLDS = 30
SHOP = "completejourney"
WAIT_S = 60.0
_SUBJECT = '"subject":"household-'


def some_households(target: Path) -> Path:
    """The year of the first households of the demo's data."""
    with events_file(NAME, load_settings().cache_dir).open() as lines, target.open("w") as out:
        out.writelines(line for line in lines if int(line.partition(_SUBJECT)[2].partition('"')[0]) <= HOUSEHOLDS)
    return target


def order(customer: str, number: int, at: str) -> dict[str, Any]:
    """One order of a customer."""
    return {
        "specversion": "1.0",
        "id": f"{customer}-{number}",
        "source": f"/shops/{SHOP}",
        "type": "order.placed",
        "subject": customer,
        "time": at,
        "data": {
            "order_id": f"{customer}-{number}",
            "currency": "USD",
            "total_minor": 5_000,
            "lines": [{"sku": "s", "category": "GROCERY", "quantity": 1, "total_minor": 5_000}],
        },
    }


class Server:
    """`stream-app serve`, which can be killed and started again on its port."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._log = (home / "serve.log").open("ab")
        self._environment = {
            "BROKER": settings.broker,
            "TOPIC_PREFIX": settings.topic_prefix,
            "ID": settings.id,
            "DATA_DIR": str(home / "serve"),
            "SERVE_PORT": str(self.port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        environment = child_environment(**self._environment)
        self._process = subprocess.Popen([PROGRAM, "serve"], env=environment, stdout=self._log, stderr=self._log)
        until(lambda: self.get("/overview") is not None)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def freeze(self) -> None:
        """Let it hang: its connections stay open, and nothing comes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        self.kill()
        self._log.close()

    def get(self, path: str) -> Any:
        """An answer of the API; None when nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.address}/api/v1{path}", timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except OSError:
            return None


def until(holds: Any, what: str = "it") -> None:
    """Wait until something holds, looking ten times a second."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.1)


@contextmanager
def served(settings: Settings, home: Path) -> Iterator[Server]:
    """The server, for a while."""
    server = Server(settings, home)
    try:
        server.start()
        yield server
    finally:
        server.close()


def as_lines(events: Iterable[dict[str, Any]], target: Path) -> Path:
    """Events as a file to publish."""
    target.write_text("".join(json.dumps(event) + "\n" for event in events))
    return target
