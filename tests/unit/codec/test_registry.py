"""Schemas in a Schema Registry: the client's own one in this process, and a server that keeps to the REST contract."""

import json
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from stream_app.codec.schemas import SUFFIX, make_schemas
from stream_app.codec.schemas.registry import connect, register, subjects
from stream_app.errors import ConfigError, Failure
from stream_app.settings import child_environment

PROGRAM = str(Path(sys.executable).parent / "stream-app")


def prefixed(name: str) -> str:
    return f"eu-{name}"


def test_every_type_of_event_gets_a_subject_and_again_no_second_version() -> None:
    client = connect("mock://here")
    first = register(client, prefixed, "NONE")
    assert first == dict.fromkeys((name for name, _ in subjects(prefixed)), 1)
    assert sorted(client.get_subjects()) == sorted(first)
    assert {"eu-orders-order.placed", "eu-policies-policy", "eu-status-changes-status.changed", "eu-insights-insights.now"} <= set(first)
    stored = client.get_latest_version("eu-status-changes-status.changed").schema
    assert (stored.schema_type, json.loads(stored.schema_str)) == ("JSON", make_schemas()[f"status.changed{SUFFIX}"])
    assert register(client, prefixed, "FULL") == first


class Registry(BaseHTTPRequestHandler):
    """Config and versions of subjects, as the registry's REST interface has them."""

    levels: dict[str, str]
    schemas: dict[str, list[str]]
    refuses: str

    def do_PUT(self) -> None:
        subject = unquote(urlsplit(self.path).path.removeprefix("/config/"))
        said = self._body()
        self.levels[subject] = said["compatibility"]
        self._answer(200, said)

    def do_POST(self) -> None:
        if b64decode(self.headers.get("Authorization", "Basic ").removeprefix("Basic ")) != b"us:pw":
            self._answer(401, {"error_code": 401, "message": "Unauthorized"})
            return
        _, kind, subject, *last = unquote(urlsplit(self.path).path).split("/")
        assert kind == "subjects"
        said = self._body()
        assert said["schemaType"] == "JSON"
        versions = self.schemas.setdefault(subject, [])
        if last == ["versions"] and subject == self.refuses:
            self._answer(409, {"error_code": 409, "message": "incompatible"})
            return
        if last == ["versions"] and said["schema"] not in versions:
            versions.append(said["schema"])
        self._answer(200, {"subject": subject, "id": 7, "version": versions.index(said["schema"]) + 1, **said})

    def _body(self) -> dict[str, str]:
        return dict(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, status: int, document: Mapping[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def registry(refuses: str = "") -> Iterator[tuple[str, type[Registry]]]:
    """Its address, and what it keeps."""
    kept = type("Kept", (Registry,), {"levels": {}, "schemas": {}, "refuses": refuses})
    with ThreadingHTTPServer(("127.0.0.1", 0), kept) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", kept
        finally:
            server.shutdown()
            thread.join()


def test_the_command_registers_over_http_with_level_and_password() -> None:
    with registry() as (url, kept):
        settings = {"SCHEMA_REGISTRY": url, "SCHEMA_REGISTRY_AUTH": "us:pw", "TOPIC_PREFIX": "eu-"}
        environment = child_environment(**settings)
        for _ in range(2):
            command = [PROGRAM, "schemas", "--publish", "--compatibility", "backward"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.splitlines() == [f"{subject} version 1" for subject, _ in subjects(prefixed)]
        assert {subject: [json.loads(text) for text in texts] for subject, texts in kept.schemas.items()} == {
            subject: [schema] for subject, schema in subjects(prefixed)
        }
        assert kept.levels == dict.fromkeys(kept.schemas, "BACKWARD")


@pytest.mark.parametrize(
    ("auth", "refuses", "said"),
    [
        ("us:wrong", "", r"refuses eu-orders-order.placed \(HTTP 401\): see STREAM_APP_SCHEMA_REGISTRY_AUTH"),
        ("us:pw", "eu-policies-policy", r"refuses eu-policies-policy \(HTTP 409\): it is not compatible"),
    ],
)
def test_what_the_registry_refuses_is_one_line(auth: str, refuses: str, said: str) -> None:
    with registry(refuses) as (url, kept):
        with pytest.raises(Failure, match=said) as refused:
            register(connect(url, auth), prefixed, "NONE")
        assert "wrong" not in str(refused.value)
        assert bool(kept.schemas) is bool(refuses)


def test_a_registry_that_is_not_there_is_one_line() -> None:
    with pytest.raises(Failure, match="cannot be reached"):
        register(connect("http://127.0.0.1:9"), prefixed, "NONE")
    with pytest.raises(ConfigError, match="must be http"):
        connect("ftp://x")
    with pytest.raises(ConfigError, match="user:password"):
        connect("http://127.0.0.1:9", "nobody")
