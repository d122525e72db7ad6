"""How brokers are reached: what the clients are given, and the one line about settings that cannot work."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from stream_app.engine.connection import client_options
from stream_app.errors import ConfigError
from stream_app.settings import load_settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("us@example.com").private_key_and_cert_chain_pem.write_to_path(tmp_path / "ours.pem")
    (tmp_path / "text").write_text("no certificate\n")
    (tmp_path / "password").write_text("a secret\n")
    return tmp_path


def test_plaintext_needs_nothing_else() -> None:
    assert client_options(load_settings(broker="a:1, b:2")) == {"bootstrap_servers": ["a:1", "b:2"]}


def test_tls_and_a_password(folder: Path) -> None:
    options = client_options(
        load_settings(
            security_protocol="SASL_SSL", sasl_username="us", sasl_password_file=folder / "password", ssl_cafile=folder / "ca.pem"
        )
    )
    context: ssl.SSLContext = options.pop("ssl_context")
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1, "nobody else's authority is trusted"
    assert options == {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "us",
        "sasl_plain_password": "a secret",
    }


def test_our_own_certificate_is_shown(folder: Path) -> None:
    options = client_options(load_settings(security_protocol="SSL", ssl_certfile=folder / "ours.pem", ssl_check_hostname=False))
    assert isinstance(options["ssl_context"], ssl.SSLContext)
    assert not options["ssl_context"].check_hostname


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"security_protocol": "SASL_SSL"}, "STREAM_APP_SASL_USERNAME: it is not set, and STREAM_APP_SECURITY_PROTOCOL=SASL_SSL needs it"),
        ({"security_protocol": "SASL_PLAINTEXT", "sasl_username": "us"}, "STREAM_APP_SASL_PASSWORD: it is not set"),
        ({"security_protocol": "SASL_SSL", "sasl_username": "us", "sasl_password_file": "none"}, "STREAM_APP_SASL_PASSWORD_FILE: "),
        ({"security_protocol": "SSL", "ssl_cafile": "none"}, "STREAM_APP_SSL_CAFILE: "),
        ({"security_protocol": "SSL", "ssl_cafile": "text"}, "cannot be used (no certificate in PEM)"),
        ({"security_protocol": "SSL", "ssl_certfile": "none"}, "STREAM_APP_SSL_CERTFILE: "),
        ({"security_protocol": "SSL", "ssl_certfile": "text"}, "no certificate with its key in PEM, or a wrong password"),
        ({"security_protocol": "SSL", "ssl_certfile": "ca.pem"}, "no certificate with its key in PEM, or a wrong password"),
        (
            {"security_protocol": "SSL", "ssl_keyfile": "ours.pem"},
            "STREAM_APP_SSL_CERTFILE: it is not set, and ",
        ),
    ],
)
def test_what_cannot_work_is_told_in_one_line(folder: Path, given: dict[str, Any], words: str) -> None:
    files = {name: folder / value for name, value in given.items() if name.endswith("file")}
    with pytest.raises(ConfigError) as told:
        client_options(load_settings(**given | files))
    assert words in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("given", [{"security_protocol": "TLS"}, {"sasl_mechanism": "GSSAPI"}])
def test_an_unknown_way_is_told_with_those_there_are(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"expected: (PLAINTEXT|SCRAM-SHA-512), "):
        load_settings(**given)
