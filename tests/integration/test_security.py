"""On a broker that lets nobody in without a certificate or a password: who is refused is told why, and each part needs what we say."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from stream_app.demo.broker import HOST
from stream_app.errors import RightsError
from stream_app.settings import child_environment, load_settings
from stream_app.worker.cluster import admin_client, read_to_end
from stream_app.worker.doctor.rights import DESCRIBE_CONFIGS, find_lacking_to_write
from stream_app.worker.doctor.wire import ask
from stream_app.worker.preflight import check_rights
from stream_app.worker.topics import create_topics
from tests.deploy.chart import of, render
from tests.integration import charted, product
from tests.integration.locked import NAME, PASSWORD, USER, LockedBroker
from tests.integration.test_doctor_rights import ALLOW, DESCRIBE, GROUP, LITERAL, PREFIXED, READ, TOPIC, TRANSACTIONAL_ID, WRITE
from tests.integration.test_ingest import port_of
from tests.integration.workers import START_LIMIT_S, workers

pytestmark = pytest.mark.kafka
EVENT = (
    '{"specversion":"1.0","id":"e1","source":"/shops/acme","type":"order.placed","subject":"c1","time":"2026-03-01T10:00:00Z",'
    '"data":{"order_id":"o1","currency":"EUR","total_minor":1000}}\n'
)


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


async def test_the_charts_users_may_do_their_work_and_nothing_else(locked: LockedBroker, tmp_path: Path) -> None:
    values = {"kafka": {"id": "chart", "topicPrefix": "eu-"}, "strimzi": {"users": {"enabled": True, "authentication": "tls"}}}
    await create_topics(load_settings(broker=locked.address, topic_prefix="eu-", id="chart"), partitions=1)
    users = {}
    for user in of("KafkaUser", render(values)):
        name = user["metadata"]["name"]
        locked.write(locked.folder / f"{name}.pem", locked.authority.issue_cert("us@example.com", common_name=name))
        for rule in charted.rules(user):
            await _rule(locked, name, *rule)
        login = {**locked.by_certificate(), "SSL_CERTFILE": str(locked.folder / f"{name}.pem")}
        users[name.removeprefix("demo-")] = load_settings(
            **{key.lower(): value for key, value in login.items()}, topic_prefix="eu-", id="chart", data_dir=tmp_path, insights=True
        )
    assert set(users) == {"worker", "ingest", "serve", "webhooks", "operator"}
    await check_rights(users["worker"])
    await check_rights(users["ingest"], find_lacking_to_write)
    for name in ("ingest", "serve", "webhooks", "operator"):
        with pytest.raises(RightsError, match="not allowed"):
            await check_rights(users[name])
    for name in ("serve", "webhooks"):
        with pytest.raises(RightsError, match="not allowed"):
            await check_rights(users[name], find_lacking_to_write)
    await charted.operate(users["operator"], tmp_path)
    await charted.look(users["serve"])
    await charted.deliver(users["webhooks"])
