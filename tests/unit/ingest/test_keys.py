"""Who may write: the secret document, and each of its mistakes as one line that quotes no secret."""

import json
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
