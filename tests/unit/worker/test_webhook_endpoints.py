"""The endpoint file, its filters, the signatures of Standard Webhooks, and the addresses that may be connected to."""

import time
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_app.errors import ConfigError
from stream_app.worker.webhooks.address import is_public
from stream_app.worker.webhooks.endpoints import Endpoint, Said, read_endpoints, read_event
from stream_app.worker.webhooks.sender import judge, read_retry_after
from stream_app.worker.webhooks.signature import headers, read_secret, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ROOT = Path(__file__).parents[3]
OTHER = "whsec_plJ3nmyCDGBKInavdOK15jslMIbDXmGx"


def endpoint(**given: Any) -> Endpoint:
    return Endpoint.model_validate({"name": "crm", "url": "https://hooks.example.com/in", "secrets": [SECRET], **given})


def written(folder: Path, document: Any) -> Path:
    file = folder / "webhooks.yaml"
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return file


def test_the_vector_of_the_standard() -> None:
    """The example that the reference libraries of Standard Webhooks test themselves with."""
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers([read_secret(SECRET)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": expected,
    }


def test_two_keys_make_two_signatures_the_newest_first() -> None:
    keys = endpoint(secrets=[OTHER, SECRET]).keys
    both = sign(keys, "m", 1, b"{}")
    assert both == f"{sign(keys[:1], 'm', 1, b'{}')} {sign(keys[1:], 'm', 1, b'{}')}"
    assert sign(keys, "m", 1, b"{}") != sign(keys, "m", 2, b"{}") != sign(keys, "n", 2, b"{}")


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_!!!", "whsec_" + "QUFB" * 40]
)
def test_what_is_no_secret_is_refused_and_not_quoted(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and 24 to 64 bytes") as refused:
        read_secret(secret)
    assert not secret[6:] or secret[6:] not in str(refused.value)


CHANGE = Said("status.changed", "i", "/shops/acme", "live", "lifecycle", "active", "inactive")


@pytest.mark.parametrize(
    "url",
    [
        "https://4chan.example/",
        "https://crm.example./in",
        "https://a1/",
        "https://web.1/",
        "https://my_crm.example/",
        "https://büro.example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1]/",
    ],
)
def test_a_host_that_may_be_public_is_looked_at_when_it_is_resolved(url: str) -> None:
    assert endpoint(url=url).url == url


def test_what_an_event_says() -> None:
    change = b'{"type":"status.changed","id":"i","source":"/shops/acme","origin":"live","data":{"dimension":"class","from":null,"to":"C"}}'
    assert read_event(change) == Said("status.changed", "i", "/shops/acme", "live", "class", None, "C")
    assert endpoint(**{"from": [None]}).takes(read_event(b'{"type":"t","id":"i","source":"s","data":null}') or CHANGE) is False
    for value in (None, b"", b"[]", b'{"type":"t"}', b"\xff"):
        assert read_event(value) is None


def test_a_file_and_secrets_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    one = {"name": "crm", "url": "https://hooks.example.com", "secret_files": [str(tmp_path / "secret")]}
    (found,) = read_endpoints(written(tmp_path, {"endpoints": [one]}))
    assert found.keys == [read_secret(SECRET)]
    assert SECRET not in repr(found)


GOOD = {"name": "crm", "url": "https://hooks.example.com/in", "secrets": [SECRET]}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("a: [", "not YAML"),
        ("a: 2026-02-30", "not YAML"),
        ("[" * 2_000, "not YAML"),
        ("[]", "dictionary"),
        ({"endpoints": []}, "endpoints: "),
        ({"endpoints": [GOOD, GOOD]}, "given twice"),
        ({"endpoints": [{**GOOD, "name": "Not good"}]}, "endpoints.0.name"),
        ({"endpoints": [{**GOOD, "url": "ftp://x"}]}, "https://host/path"),
        ({"endpoints": [{**GOOD, "url": "https://user:pw@x.example"}]}, "no user"),
        ({"endpoints": [{**GOOD, "url": "http://hooks.example.com"}]}, "plain http"),
        ({"endpoints": [{**GOOD, "url": "https://127.0.0.1/"}]}, "allow_private"),
        ({"endpoints": [{**GOOD, "url": "https://[::1]/"}]}, "allow_private"),
        ({"endpoints": [{**GOOD, "url": "https://localhost/"}]}, "allow_private"),
        ({"endpoints": [{**GOOD, "url": "https://127。0。0。1/"}]}, "allow_private"),
        ({"endpoints": [{**GOOD, "url": "https://１２７.0.0.1/"}]}, "allow_private"),
        ({"endpoints": [{**GOOD, "url": "https://ⓛocalhost/"}]}, "allow_private"),
        ({"endpoints": [{**GOOD, "url": "https://localhost./"}]}, "allow_private"),
        ({"endpoints": [{**GOOD, "url": "https://crm.LocalHost/"}]}, "allow_private"),
        ({"endpoints": [{**GOOD, "url": "https://127.1/"}]}, "an address must be written in full"),
        ({"endpoints": [{**GOOD, "url": "https://2130706433/"}]}, "an address must be written in full"),
        ({"endpoints": [{**GOOD, "url": "https://127.0.0.0x1./"}]}, "an address must be written in full"),
        ({"endpoints": [{**GOOD, "url": "http://127.1/", "allow_private": True}]}, "an address must be written in full"),
        *[
            ({"endpoints": [{**GOOD, "url": f"https://{host}/"}]}, "a name or an address")
            for host in ("a..b", ".example", ".", "a" * 64, "a." * 127, "hooks.example.com ", "exa mple.com", "*.example.com", "h,example")
        ],
        ({"endpoints": [{**GOOD, "url": "https://xn--/"}]}, "a name or an address"),
        ({"endpoints": [{**GOOD, "secrets": []}]}, "give at least one"),
        ({"endpoints": [{**GOOD, "secrets": ["whsec_hush-hush"]}]}, "24 to 64 bytes"),
        ({"endpoints": [{**GOOD, "secret_files": ["/nowhere"]}]}, "/nowhere cannot be read"),
        ({"endpoints": [{**GOOD, "types": ["nothing"]}]}, "there is no nothing"),
        ({"endpoints": [{**GOOD, "dimensions": ["nothing"]}]}, "there is no nothing"),
        ({"endpoints": [{**GOOD, "types": ["customer.profile"]}]}, "there is no customer.profile"),
        ({"endpoints": [{**GOOD, "types": []}]}, "endpoints.0.types: List should have at least 1 item"),
        ({"endpoints": [{**GOOD, "to": []}]}, "endpoints.0.to: List should have at least 1 item"),
        ({"endpoints": [{**GOOD, "shops": ["ac me"]}]}, "a shop is named as in"),
        ({"endpoints": [{**GOOD, "unknown": 1}]}, "endpoints.0.unknown"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(document: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        read_endpoints(written(tmp_path, document))
    text = str(refused.value)
    assert said in text
    assert "\n" not in text
    assert "hush" not in text


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_endpoints(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d70e", True),
        ("2002:7f00:1::", False),
        ("fec0::1", False),
        ("64:ff9b:1::7f00:1", False),
        ("::127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("status", "delivered", "gone", "endpoint_fault"),
    [
        (200, True, False, True),
        (204, True, False, True),
        (207, False, False, False),
        (301, False, False, True),
        (400, False, False, False),
        (401, False, False, True),
        (404, False, False, True),
        (410, False, True, True),
        (422, False, False, False),
        (429, False, False, True),
        (500, False, False, True),
    ],
)
def test_what_a_status_means(status: int, delivered: bool, gone: bool, endpoint_fault: bool) -> None:
    answer = judge(status)
    assert (answer.delivered, answer.gone, answer.reason) == (delivered, gone, str(status))
    assert delivered or answer.endpoint_fault is endpoint_fault


@pytest.mark.parametrize(
    ("text", "asked_ms"),
    [
        ("Mon, 01 Jan 99999999999999 00:00:00 GMT", 0),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999", 0),
        (None, 0),
        ("120", 120_000),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30_000),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("9" * 30, 0),
    ],
)
def test_retry_after(text: str | None, asked_ms: int) -> None:
    assert read_retry_after(text, datetime(2026, 11, 22, 12, tzinfo=UTC)) == asked_ms


def indented(begins: str) -> str:
    """The indented block of docs/webhooks.md that begins with these words."""
    lines = (ROOT / "docs" / "webhooks.md").read_text().splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith(f"    {begins}"))
    block = takewhile(lambda line: not line or line.startswith("    "), lines[first:])
    return "\n".join(line[4:] for line in block)


def test_the_example_of_the_docs_is_a_file_that_can_be_used(tmp_path: Path) -> None:
    (found,) = read_endpoints(written(tmp_path, indented("endpoints:")))
    assert (found.from_, found.to) == (["active"], ["inactive", None])


def test_the_check_of_the_docs_takes_what_is_signed_and_nothing_else() -> None:
    names: dict[str, Any] = {}
    exec(indented("import base64"), names)
    verify, now = names["verify"], int(time.time())
    signed = headers(endpoint(secrets=[OTHER, SECRET]).keys, "id", now, b"{}")
    assert verify(SECRET, signed, b"{}")
    assert verify(OTHER, signed, b"{}")
    assert not verify(SECRET, signed, b"{ }")
    assert not verify(SECRET, signed | {"webhook-id": "other"}, b"{}")
    assert not verify(SECRET, headers(endpoint().keys, "id", now - 301, b"{}"), b"{}")
    assert not verify("whsec_" + "QUFB" * 8, signed, b"{}")
