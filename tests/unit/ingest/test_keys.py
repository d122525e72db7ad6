"""Who may write: the secret document, and each of its mistakes as one line that quotes no secret."""

import hmac
import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from stream_app.errors import ConfigError
from stream_app.settings import load_settings
from stream_app.web.ingest.keys import key_of, read_access
from stream_app.web.ingest.process import check_ingest
from tests.unit.ingest.door import KEY, OTHER_KEY

HIDDEN = "this-must-not-be-shown"
DOCUMENT = f"""\
acme:
  keys: [{KEY}, "sha256:{sha256(HIDDEN.encode()).hexdigest()}"]
  events_per_s: 7
other: {{keys: [{OTHER_KEY}]}}
123: {{shopify: {HIDDEN}}}
"""
SECRET = "shpss_0123456789abcdef"


def test_a_key_speaks_for_its_shop_and_a_hash_stands_for_its_key() -> None:
    access = read_access(DOCUMENT.encode(), 50)
    for key, name in ((KEY, "acme"), (HIDDEN, "acme"), (OTHER_KEY, "other")):
        shop = access.of_key(key)
        assert shop is not None
        assert shop.name == name
    for key in ("", KEY[:-1], KEY + " ", KEY.upper(), "sha256:" + sha256(HIDDEN.encode()).hexdigest(), "\udcff"):
        assert access.of_key(key) is None


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("[]", "names no shop"),
        ("{}", "names no shop"),
        ("acme: {keys: [", "cannot be read as YAML at line 1"),
        ("acme: {keys: [2026-02-30]}", "cannot be read as YAML"),
        ("[" * 2_000, "cannot be read as YAML"),
        ({"a/b": {"keys": [KEY]}}, "a shop's name must be"),
        ({"acme": {}}, "acme: has neither keys nor a secret"),
        ({"acme": None}, "acme: "),
        ({"acme": {"keys": ["too-short"]}}, "acme.keys.0: must be sha256: and the hash"),
        ({"acme": {"keys": [HIDDEN + " x"]}}, "acme.keys.0: must be"),
        ({"acme": {"keys": [HIDDEN + ":x"]}}, "acme.keys.0: must be"),
        ({"acme": {"keys": [1234567890123456789]}}, "acme.keys.0: must be text in quotes"),
        ({"acme": {"keys": HIDDEN}}, "acme.keys: "),
        ({"acme": {"shopify": "short"}}, "acme.shopify: must be a text of 16"),
        ({"acme": {"keys": [KEY], "key": HIDDEN}}, "acme.key: "),
        ({"acme": {"keys": [KEY], "events_per_s": 0}}, "acme.events_per_s: "),
        ({"acme": {"keys": [HIDDEN]}, "other": {"keys": [HIDDEN]}}, "other: one of its keys is acme's, too"),
        (b"acme: {keys: [\xff]}", "cannot be read as YAML"),
        (f"acme: {{keys: [{HIDDEN}]}}\nacme: {{keys: [{KEY}]}}", "acme: stands there twice, again at line 2"),
        (f"1: {{keys: [{HIDDEN}]}}\n'1': {{keys: [{KEY}]}}", "1: stands there twice, again at line 2"),
        (f"acme: {{keys: [{HIDDEN}], keys: [{KEY}]}}", "acme.keys: is given twice"),
        (f"[acme]: {{keys: [{HIDDEN}]}}", "a shop's name must be"),
        (f"'': {{keys: [{HIDDEN}]}}", "a shop's name must be"),
        (f"<<: {{acme: {{keys: [{HIDDEN}]}}}}", "a shop's name must be"),
        (f"acme: {{keys: [{HIDDEN}]}}\n---\nother: {{keys: [{KEY}]}}", "cannot be read as YAML"),
        ("acme: &a [*a]", "acme: "),
        ("acme: {keys: &a [*a]}", "acme.keys.0: must be text"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_place_and_quotes_no_secret(document: Any, said: str) -> None:
    text = document if isinstance(document, bytes) else (document if isinstance(document, str) else json.dumps(document)).encode()
    with pytest.raises(ConfigError) as caught:
        read_access(text, 50)
    line = str(caught.value)
    assert line.startswith(f"STREAM_APP_INGEST_KEYS: {said}")
    assert "\n" not in line
    assert HIDDEN not in line


@pytest.mark.parametrize("name", ["0123", "1.10", "1_000", "yes", "NO", "null", "2026-03-01", "0x1F", "1e3", ".5", "-", "'0123'", '"yes"'])
def test_a_shop_s_name_is_read_as_it_is_written(name: str) -> None:
    access = read_access(f"{name}: {{keys: [{KEY}], shopify: {SECRET}}}".encode(), 50)
    shop = access.of_key(KEY)
    assert shop is not None
    assert shop.name == name.strip("\"'")
    assert access.of_signature("shopify", shop.name, b"x", b64encode(hmac.digest(SECRET.encode(), b"x", "sha256")).decode()) is shop


def test_what_a_shop_has_may_be_named_elsewhere() -> None:
    access = read_access(f"acme: &those {{shopify: {SECRET}, events_per_s: 7}}\nother: {{<<: *those, keys: [{KEY}]}}\n".encode(), 50)
    shop = access.of_key(KEY)
    assert shop is not None
    assert shop.name == "other"
    for name in ("acme", "other"):
        assert access.of_signature("shopify", name, b"x", b64encode(hmac.digest(SECRET.encode(), b"x", "sha256")).decode()) is not None


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic YWJjOg==", "abc"),
        ("Basic YWJjOnB3", "abc"),
        ("Basic YWJj", "abc"),
        ("Basic", None),
        ("Basic Og==", None),
        ("Basic /w==", None),
        ("Basic abc", None),
        ("Token abc", None),
        ("", None),
    ],
)
def test_the_key_in_a_header(header: str, key: str | None) -> None:
    assert key_of(header) == key


def test_beyond_this_machine_nothing_is_taken_without_keys(tmp_path: Path) -> None:
    assert check_ingest(load_settings()) is None
    with pytest.raises(ConfigError, match=r"STREAM_APP_INGEST_KEYS: missing, and 0\.0\.0\.0 can be reached by others"):
        check_ingest(load_settings(ingest_host="0.0.0.0"))
    (tmp_path / "keys.yaml").write_text(DOCUMENT)
    settings = load_settings(ingest_host="0.0.0.0", ingest_keys_file=tmp_path / "keys.yaml")
    assert check_ingest(settings) is not None
    assert HIDDEN not in repr(settings)
