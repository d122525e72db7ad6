"""The endpoint file: who gets which events, signed with what."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Struct
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from yaml import YAMLError, safe_load
from yarl import URL

from stream_app.codec.envelope import read_shop
from stream_app.errors import ConfigError
from stream_app.worker.webhooks.address import is_public
from stream_app.worker.webhooks.filters import TYPES, check_names, check_together
from stream_app.worker.webhooks.shape import check_template
from stream_app.worker.webhooks.signature import read_secret

ENDPOINTS_MAX = 100
_FILE_BYTES_MAX = 1 << 20
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]+")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
_NAME_MAX = 253
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")  # of such alone an address is made, such as 127.1
_OUR_HEADERS = frozenset({"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"})


class Said(Struct):
    """What an event says that filters ask for; `from_` and `to` are unset where there is none."""

    type: str
    id: str
    source: str
    origin: str = "live"
    dimension: str | None = None
    from_: Any = UNSET
    to: Any = UNSET


class Endpoint(BaseModel):
    """One receiver. A filter that is left out lets everything through; of a list any value will do."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")]
    url: str
    secrets: list[SecretStr] = Field([], max_length=5)
    secret_files: list[Path] = Field([], max_length=5)
    headers: dict[str, str] = Field({}, max_length=20)
    header_files: dict[str, Path] = Field({}, max_length=5)
    body: Any = None
    types: list[str] | None = Field(None, min_length=1)
    dimensions: list[str] | None = Field(None, min_length=1)
    from_: list[str | None] | None = Field(None, alias="from", min_length=1)
    to: list[str | None] | None = Field(None, min_length=1)
    shops: list[str] | None = Field(None, min_length=1)
    backfill: bool = False
    allow_private: bool = False
    begin: Literal["latest", "earliest"] = "latest"
    timeout_s: float = Field(15, gt=0, le=60)
    concurrency: int = Field(8, ge=1, le=64)
    _keys: list[bytes] = PrivateAttr(default_factory=list)
    _sent: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def keys(self) -> list[bytes]:
        """What messages are signed with, the newest first."""
        return self._keys

    @property
    def sent_headers(self) -> dict[str, str]:
        """What every request bears beside the signature; some of it is secret."""
        return self._sent

    @field_validator("url")
    @classmethod
    def _usable(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError("it must be https://host/path")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise ValueError("it must hold no user, password or fragment")
        try:
            host, written = URL(url).host or "", URL(url).raw_host or ""
        except ValueError:
            host = written = ""
        if not _is_address(host):
            labels = written.removesuffix(".").split(".")
            if len(written) > _NAME_MAX or not all(map(_LABEL.fullmatch, labels)):
                raise ValueError("it must be https://host/path, and the host a name or an address")
            if all(map(_NUMBER.fullmatch, labels)):
                raise ValueError("an address must be written in full, such as 192.0.2.1")
        return url

    @field_validator("types", "dimensions", "shops")
    @classmethod
    def _known(cls, names: list[str] | None, info: Any) -> list[str] | None:
        check_names(info.field_name, names or ())
        return names

    @model_validator(mode="after")
    def _together(self) -> "Endpoint":
        parts = urlsplit(self.url)
        if not self.allow_private:
            if parts.scheme != "https":
                raise ValueError("url: plain http is for receivers in your own network, with allow_private: true")
            if not _may_be_public(URL(self.url).host or ""):
                raise ValueError("url: a private, loopback or link-local address needs allow_private: true")
        if not self.secrets and not self.secret_files and not self.header_files:
            raise ValueError("secrets: give at least one, whsec_ and 24 to 64 bytes in base64, or a file in secret_files")
        self._keys.extend(read_secret(secret.get_secret_value()) for secret in self.secrets)
        for file in self.secret_files:
            try:
                self._keys.append(read_secret(file.expanduser().read_text(encoding="ascii").strip()))
            except (OSError, UnicodeError, RuntimeError):  # RuntimeError: ~ of a user who is not there
                raise ValueError(f"secret_files: {file} cannot be read") from None
        self._take_headers()
        check_together(self.types, self.dimensions, {"from": self.from_, "to": self.to})
        if self.body is not None:
            check_template(self.body, self.types or TYPES)
        return self

    def _take_headers(self) -> None:
        self._sent["content-type"] = "application/cloudevents+json" if self.body is None else "application/json"
        given = dict(self.headers)
        for name, file in self.header_files.items():
            try:
                given[name] = file.expanduser().read_text(encoding="ascii").strip()
            except (OSError, UnicodeError, RuntimeError):  # RuntimeError: ~ of a user who is not there
                raise ValueError(f"header_files: {file} cannot be read") from None
        for name, value in given.items():
            lower = name.lower()
            if not _HEADER_NAME.fullmatch(name) or lower in _OUR_HEADERS or lower.startswith("webhook-"):
                raise ValueError(f"headers: {name!r} cannot be set")
            if not _HEADER_VALUE.fullmatch(value):
                raise ValueError(f"headers: {name} must be one line of printable ASCII")
            self._sent[lower] = value

    def takes(self, said: Said) -> bool:
        """Whether it gets an event."""
        if said.origin != "live" and not (self.backfill and said.origin == "backfill"):
            return False
        if self.types is not None and said.type not in self.types:
            return False
        if self.dimensions is not None and said.dimension not in self.dimensions:
            return False
        if self.from_ is not None and said.from_ not in self.from_:
            return False
        if self.to is not None and said.to not in self.to:
            return False
        return self.shops is None or read_shop(said.source) in self.shops


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    endpoints: list[Endpoint] = Field(min_length=1, max_length=ENDPOINTS_MAX)

    @model_validator(mode="after")
    def _named_once(self) -> "_Document":
        names = [endpoint.name for endpoint in self.endpoints]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the name {name} is given twice; a name stands for what an endpoint has already got")
        return self


def read_endpoints(file: Path) -> list[Endpoint]:
    """The endpoints of a file.

    Raises:
        ConfigError: it cannot be used; one line that names the field and the fix, and quotes no secret.
    """
    try:
        if file.stat().st_size > _FILE_BYTES_MAX:
            raise ConfigError(f"{file}: larger than 1 MiB; that is no endpoint file")
        document = safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}); give a YAML file with `endpoints:`") from None
    except (YAMLError, ValueError, AttributeError, RecursionError) as error:  # PyYAML lets them through: 2026-02-30, a thousand brackets
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{file}{where}: not YAML") from None
    try:
        return _Document.model_validate(document).endpoints
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{file}: {place}: {first['msg'].removeprefix('Value error, ')}") from None


class _Data(Struct):
    dimension: Any = None
    from_: Any = msgspec.field(default=UNSET, name="from")
    to: Any = UNSET


class _Head(Struct):
    type: str
    id: str
    source: str
    origin: str = "live"
    data: Any = None


_head = msgspec.json.Decoder(_Head).decode


def read_event(value: bytes | None) -> Said | None:
    """What a published record says; None for one that is no event."""
    try:
        head = _head(value or b"")
        data = msgspec.convert(head.data, _Data) if isinstance(head.data, dict) else _Data()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    dimension = data.dimension if isinstance(data.dimension, str) else None
    return Said(head.type, head.id, head.source, head.origin, dimension, data.from_, data.to)


def _may_be_public(host: str) -> bool:
    """Whether a URL's host, if it is an address, is a public one; a name is looked at when it is resolved.

    It must be the host as the HTTP client reads it: other digits and dots of Unicode than ASCII's make an address too.
    """
    if _is_address(host):
        return is_public(host)
    return host.rstrip(".").lower().rpartition(".")[2] != "localhost"


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
