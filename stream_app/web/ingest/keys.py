"""Who may write, and for which shop: keys and webhook secrets from one secret document, compared as hashes in constant time."""

import binascii
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from stream_app.errors import ConfigError
from stream_app.web.api.guard import Rates

_NAME: Final = "STREAM_APP_INGEST_KEYS"
_EXPECTED: Final = "expected: `shop: {keys: [KEY], shopify: SECRET, woocommerce: SECRET, events_per_s: 1000}` as YAML, a line a shop"
_BYTES_MIN: Final = 16
_INDEX_BYTES: Final = 8
_HASHED: Final = re.compile(r"sha256:([0-9a-f]{64})")
_SHOP: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_NOBODY: Final = b"no shop has this secret, and none can be found out by the time that an answer takes"


def _check_key(given: object) -> object:
    if not isinstance(given, str):
        raise ValueError("must be text in quotes")  # noqa: TRY004 - pydantic takes a ValueError
    if _HASHED.fullmatch(given) is None and (
        len(given) < _BYTES_MIN or not given.isascii() or not given.isprintable() or set(given) & set(" :")
    ):
        raise ValueError("must be sha256: and the hash in hex, or 16 characters of ASCII or more, without blanks and colons")
    return given


def _check_secret(given: object) -> object:
    if not isinstance(given, str) or len(given) < _BYTES_MIN:
        raise ValueError("must be a text of 16 characters or more")
    return given


Key = Annotated[SecretStr, BeforeValidator(_check_key)]
Secret = Annotated[SecretStr, BeforeValidator(_check_secret)]


class _Given(BaseModel):
    """What the document says of one shop."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    keys: list[Key] = []
    shopify: Secret | None = None
    woocommerce: Secret | None = None
    events_per_s: Annotated[int | None, Field(ge=1, le=10_000_000)] = None


_DOCUMENT: Final = TypeAdapter(dict[str, _Given])


@dataclass(frozen=True)
class Shop:
    """Somebody who may write.

    Attributes:
        name: the only shop he may write for; None for every shop, when nobody but this machine can reach us.
        rates: how many events a second.
    """

    name: str | None
    rates: Rates


class Access:
    """Finds the shop that a key or a signature speaks for."""

    def __init__(
        self, shops: Mapping[str, Shop], keys: Mapping[bytes, tuple[bytes, str]], secrets: Mapping[tuple[str, str], bytes]
    ) -> None:
        """`keys` are hashes of keys and their shops, by the beginning of the hash; `secrets` are those of webhooks, by form and shop."""
        self._shops = shops
        self._keys = keys
        self._secrets = secrets

    def of_key(self, key: str) -> Shop | None:
        """Whose key it is."""
        # Looking a part of the hash up tells nothing: nobody can steer the hash of what he guesses. Long random keys need no slower one.
        given = sha256(key.encode("utf-8", "surrogateescape")).digest()
        known, name = self._keys.get(given[:_INDEX_BYTES], (bytes(len(given)), ""))
        return self._shops[name] if hmac.compare_digest(given, known) and name else None

    def of_signature(self, form: str, name: str, body: bytes, signature: str) -> Shop | None:
        """The shop `name`, if `signature` is its secret's: HMAC-SHA256 of the body, in base64."""
        secret = self._secrets.get((form, name))
        expected = b64encode(hmac.digest(secret or _NOBODY, body, "sha256"))
        is_right = hmac.compare_digest(expected, signature.strip().encode("utf-8", "surrogateescape"))
        return self._shops[name] if is_right and secret is not None else None


def read_access(document: bytes, per_second: int) -> Access:
    """Who may write, from the secret document.

    Args:
        document: YAML, a shop a line.
        per_second: how many events a second a shop may send that has no number of its own.

    Raises:
        ConfigError: the document cannot be used; one line that names the place and quotes nothing.
    """
    given = _parse(document)
    shops: dict[str, Shop] = {}
    keys: dict[bytes, tuple[bytes, str]] = {}
    secrets: dict[tuple[str, str], bytes] = {}
    for name, shop in given.items():
        if not (shop.keys or shop.shopify or shop.woocommerce):
            raise ConfigError(f"{_NAME}: {name}: has neither keys nor a secret of webhooks; {_EXPECTED}")
        shops[name] = Shop(name, Rates(shop.events_per_s or per_second))
        for key in shop.keys:
            digest = _digest(key.get_secret_value())
            _, owner = keys.setdefault(digest[:_INDEX_BYTES], (digest, name))
            if owner != name:
                raise ConfigError(f"{_NAME}: {name}: one of its keys is {owner}'s, too; give each shop keys of its own")
        for form, secret in (("shopify", shop.shopify), ("woocommerce", shop.woocommerce)):
            if secret is not None:
                secrets[form, name] = secret.get_secret_value().encode()
    return Access(shops, keys, secrets)


def key_of(authorization: str) -> str | None:
    """The key in an Authorization header: `Bearer KEY`, or Basic with the key as the user's name, as Segment's libraries send it."""
    scheme, _, given = authorization.partition(" ")
    given = given.strip()
    if scheme.lower() == "bearer":
        return given or None
    if scheme.lower() == "basic":
        try:
            return b64decode(given, validate=True).decode().partition(":")[0] or None
        except (binascii.Error, ValueError):
            return None
    return None


def _parse(document: bytes) -> dict[str, _Given]:
    try:
        return _DOCUMENT.validate_python(dict(_shops(yaml.SafeLoader(document))))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{_NAME}: {place}: {first['msg'].removeprefix('Value error, ')}; {_EXPECTED}") from None
    except (
        yaml.YAMLError,
        ValueError,
        AttributeError,
        RecursionError,
    ) as error:  # PyYAML lets them through: 2026-02-30, a thousand brackets
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise ConfigError(f"{_NAME}: cannot be read as YAML{where}; {_EXPECTED}") from None


def _shops(loader: yaml.SafeLoader) -> Iterator[tuple[str, object]]:
    """What is said of each shop, under its name as it is written: for YAML `0123` is 83, and the last of two takes the place of the first.

    Raises:
        ConfigError: no shop is named, or something is no name, or given twice.
    """
    root = loader.get_single_node()
    if not isinstance(root, yaml.MappingNode) or not root.value:
        raise ConfigError(f"{_NAME}: names no shop; {_EXPECTED}")
    seen = set()
    for name, said in root.value:
        if not isinstance(name, yaml.ScalarNode) or _SHOP.fullmatch(name.value) is None:
            raise ConfigError(f"{_NAME}: a shop's name must be 1 to 128 of letters, digits, . _ -; {_EXPECTED}")
        if name.value in seen:
            raise ConfigError(f"{_NAME}: {name.value}: stands there twice, again at line {name.start_mark.line + 1}; give it one line")
        seen.add(name.value)
        fields = [field.value for field, _ in said.value] if isinstance(said, yaml.MappingNode) else []
        twice = next((field for field in _Given.model_fields if fields.count(field) > 1), None)
        if twice is not None:
            raise ConfigError(f"{_NAME}: {name.value}.{twice}: is given twice; give it once")
        yield name.value, loader.construct_document(said)


def _digest(key: str) -> bytes:
    hashed = _HASHED.fullmatch(key)
    return bytes.fromhex(hashed[1]) if hashed else sha256(key.encode()).digest()
