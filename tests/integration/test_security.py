"""A broker that lets nobody in without a certificate or a password, and nobody do what no rule allows."""

import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import ClientSession
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from stream_app.demo.broker import HOST, EmbeddedBroker, free_port
from stream_app.settings import child_environment, load_settings
from stream_app.worker.cluster import admin_client, read_to_end
from stream_app.worker.doctor.wire import ask
from stream_app.worker.topics import create_topics
from tests.integration import product
from tests.integration.test_doctor_rights import ALLOW, DESCRIBE, GROUP, LITERAL, PREFIXED, READ, TOPIC, TRANSACTIONAL_ID, WRITE
from tests.integration.test_ingest import port_of
from tests.integration.workers import START_LIMIT_S, workers

pytestmark = pytest.mark.kafka
DESCRIBE_CONFIGS = 10
NAME, USER, PASSWORD = "certified", "worker", "a password with = and a space"
EVENT = (
    '{"specversion":"1.0","id":"e1","source":"/shops/acme","type":"order.placed","subject":"c1","time":"2026-03-01T10:00:00Z",'
    '"data":{"order_id":"o1","currency":"EUR","total_minor":1000}}\n'
)


class LockedBroker(EmbeddedBroker):
    """The embedded broker with two more doors: SASL_SSL for a user with a password, SSL for who shows a certificate."""

    def __init__(self, folder: Path, cache_dir: Path) -> None:
        super().__init__(folder / "kafka", cache_dir)
        self.folder = folder
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        self._write(folder / "broker.pem", self.authority.issue_cert(HOST, "localhost"))
        self._write(folder / "ours.pem", self.authority.issue_cert("us@example.com", common_name=NAME))
        past = datetime.now(UTC) - timedelta(days=1)
        self._write(folder / "expired.pem", self.authority.issue_cert("us@example.com", common_name=NAME, not_after=past))
        trustme.CA().cert_pem.write_to_path(folder / "stranger.pem")

    @staticmethod
    def _write(file: Path, leaf: trustme.LeafCert) -> None:
        """Key and certificates in one file, the key as Kafka reads it."""
        key = load_pem_private_key(leaf.private_key_pem.bytes(), None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(key + b"".join(blob.bytes() for blob in leaf.cert_chain_pems))

    def _configure(self) -> Path:
        config = super()._configure()
        self.sasl_port, self.tls_port = free_port(self.port), 0
        self.tls_port = free_port(self.port, self.sasl_port)
        text = config.read_text(encoding="utf-8")
        doors = f"SASL://{HOST}:{self.sasl_port},TLS://{HOST}:{self.tls_port}"
        for name, more in (("listeners=", doors), ("advertised.listeners=", doors)):
            text = text.replace(f"\n{name}", f"\n{name}{more},")
        text = text.replace("\nlistener.security.protocol.map=", "\nlistener.security.protocol.map=SASL:SASL_SSL,TLS:SSL,")
        more_text = f"""inter.broker.listener.name=PLAINTEXT
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
ssl.keystore.type=PEM
ssl.keystore.location={self.folder / "broker.pem"}
ssl.truststore.type=PEM
ssl.truststore.location={self.folder / "ca.pem"}
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.tls.ssl.client.auth=required
listener.name.tls.ssl.principal.mapping.rules=RULE:^.*CN=([^,]+).*$/$1/
"""
        config.write_text(text + more_text, encoding="utf-8")
        return config

    def _java(self, jars: str, *command: str) -> list[str]:
        user = ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"] if command[:1] == ("kafka.tools.StorageTool",) else []
        return [*super()._java(jars, *command), *user]

    def by_password(self) -> dict[str, str]:
        return {
            "BROKER": f"{HOST}:{self.sasl_port}",
            "SECURITY_PROTOCOL": "SASL_SSL",
            "SASL_USERNAME": USER,
            "SASL_PASSWORD": PASSWORD,
            "SSL_CAFILE": str(self.folder / "ca.pem"),
        }

    def by_certificate(self) -> dict[str, str]:
        return {
            "BROKER": f"{HOST}:{self.tls_port}",
            "SECURITY_PROTOCOL": "SSL",
            "SSL_CERTFILE": str(self.folder / "ours.pem"),
            "SSL_CAFILE": str(self.folder / "ca.pem"),
        }


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockedBroker]:
    with LockedBroker(tmp_path_factory.mktemp("locked"), load_settings().cache_dir) as broker:
        yield broker


def _failed(environment: dict[str, str], *words: str) -> str:
    """The one line of a command that fails."""
    done = subprocess.run(
        [product.PROGRAM, *words], env=child_environment(**environment), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert PASSWORD not in done.stderr
    return done.stderr.strip()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"SASL_PASSWORD": "wrong"}, "refuses the user or the password: set STREAM_APP_SASL_USERNAME"),
        ({"SASL_USERNAME": "nobody"}, "refuses the user or the password"),
        ({"SASL_MECHANISM": "PLAIN"}, "does not take PLAIN: set STREAM_APP_SASL_MECHANISM"),
        ({"SSL_CAFILE": "stranger.pem"}, "shows a certificate that is not trusted"),
        (
            {"SECURITY_PROTOCOL": "PLAINTEXT"},
            "it closes the connection; see that it lives, and speaks STREAM_APP_SECURITY_PROTOCOL (PLAINTEXT)",
        ),
        ({"BROKER": "plain"}, "it closes the connection; see that it lives, and speaks STREAM_APP_SECURITY_PROTOCOL (SASL_SSL)"),
    ],
)
def test_who_is_not_let_in_by_password_is_told_why(locked: LockedBroker, tmp_path: Path, change: dict[str, str], words: str) -> None:
    environment = locked.by_password() | {"DATA_DIR": str(tmp_path)} | change
    environment["SSL_CAFILE"] = str(locked.folder / environment["SSL_CAFILE"])
    environment["BROKER"] = locked.address if change.get("BROKER") else environment["BROKER"]
    assert words in _failed(environment, "topics", "create")


@pytest.mark.parametrize(
    ("file", "words"),
    [("expired.pem", "certificate unknown): renew it if it has expired"), (None, "refuses our certificate")],
)
def test_who_is_not_let_in_by_certificate_is_told_why(locked: LockedBroker, tmp_path: Path, file: str | None, words: str) -> None:
    environment = locked.by_certificate() | {"DATA_DIR": str(tmp_path)}
    del environment["SSL_CERTFILE"]
    if file:
        environment["SSL_CERTFILE"] = str(locked.folder / file)
    assert words in _failed(environment, "topics", "create")


async def _rule(locked: LockedBroker, who: str, kind: int, name: str, pattern: int, operation: int, *, take_back: bool = False) -> None:
    async with admin_client(load_settings(broker=locked.address)) as admin:
        if take_back:
            request: Any = DeleteAclsRequest(kind, name, pattern, f"User:{who}", "*", operation, ALLOW)
            assert [entry[0] for entry in (await ask(admin, request)).filter_responses] == [0]
        else:
            request = CreateAclsRequest(kind, name, pattern, f"User:{who}", "*", operation, ALLOW)
            assert [code for code, *_ in (await ask(admin, request)).creation_responses] == [0]


@pytest.mark.parametrize(("way", "who"), [("by_password", USER), ("by_certificate", NAME)])
async def test_a_worker_does_its_work_and_stops_where_a_right_lacks(locked: LockedBroker, tmp_path: Path, way: str, who: str) -> None:
    prefix, app = f"{way.replace('_', '-')}-", f"{way}-app"
    environment = {**getattr(locked, way)(), "TOPIC_PREFIX": prefix, "ID": app, "DATA_DIR": str(tmp_path / "w"), "INSTANCE": "w1"}
    inside = load_settings(broker=locked.address, topic_prefix=prefix, id=app)
    await create_topics(inside, partitions=1)
    (tmp_path / "events.jsonl").write_text(EVENT)
    (tmp_path / "policy.yaml").write_text("currency: EUR\n")
    publish = ("publish", str(tmp_path / "events.jsonl"))
    assert "not allowed" in _failed(environment, *publish)
    rules = [
        *((TOPIC, prefix, PREFIXED, operation) for operation in (READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS)),
        (GROUP, app, PREFIXED, READ),
        (TRANSACTIONAL_ID, app, PREFIXED, WRITE),
    ]
    for rule in rules:
        await _rule(locked, who, *rule)
    product.run(environment, "policy", "publish", str(tmp_path / "policy.yaml"))
    product.run(environment, *publish)
    with workers(tmp_path, "stream_app", "worker") as start:
        worker = start(environment)
        began = time.monotonic()
        while not await product.committed(inside):
            assert worker.process.poll() is None
            assert time.monotonic() - began < START_LIMIT_S
        assert worker.stop() == 0
    said = await product.committed(inside)
    if who == NAME:  # rights are the same for both
        return
    for kind, name, pattern, operation in rules:
        if operation in (DESCRIBE, DESCRIBE_CONFIGS):
            continue
        await _rule(locked, who, kind, name, pattern, operation, take_back=True)
        assert re.search(r"(READ|WRITE) on .* is not allowed", _failed(environment, "worker"))
        await _rule(locked, who, kind, name, pattern, operation)
    assert await product.committed(inside) == said, "nothing was written by those that were stopped"


async def test_ingest_needs_to_write_the_inputs_and_nothing_else(locked: LockedBroker, tmp_path: Path) -> None:
    prefix = "in-"
    inside = load_settings(broker=locked.address, topic_prefix=prefix)
    environment = {**locked.by_password(), "TOPIC_PREFIX": prefix, "DATA_DIR": str(tmp_path), "INGEST_PORT": "0"}
    await create_topics(inside, partitions=1)
    rules = [(TOPIC, f"{prefix}{name}", LITERAL, WRITE) for name in ("orders", "contacts")]
    for rule in rules:
        await _rule(locked, USER, *rule)
    with workers(tmp_path, "stream_app", "ingest") as start:
        taking = start(environment)
        kind = {"Content-Type": "application/cloudevents+json"}
        async with (
            ClientSession() as session,
            session.post(f"http://{HOST}:{await port_of(taking)}/v1/events", data=EVENT, headers=kind) as response,
        ):
            assert response.status == 202
        assert taking.stop() == 0
    assert [record.value async for record in read_to_end(inside, "orders")] == [EVENT.encode()]
    for rule in rules:
        await _rule(locked, USER, *rule, take_back=True)
        assert re.search(rf"(DESCRIBE|WRITE) on topic {rule[1]} is not allowed", _failed(environment, "ingest"))
        await _rule(locked, USER, *rule)
