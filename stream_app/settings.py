"""Settings: the only reader of the environment.

A value comes, in this order, from the command line, an environment variable `STREAM_APP_*`, the file `.env`, the settings file
(`stream-app.yaml` in the working directory, or the file that `STREAM_APP_SETTINGS_FILE` names), or the default below.
"""

import os
import re
import socket
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource
from yaml import YAMLError

from stream_app.errors import ConfigError

PREFIX = "STREAM_APP_"
SETTINGS_FILE = PREFIX + "SETTINGS_FILE"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
_PORT_MAX = 65_535
_KEY_BYTES_MIN = 16

Port = Annotated[int, Field(ge=0, le=_PORT_MAX)]


class Settings(BaseSettings):
    """Everything that can be set. Units stand last in the names; a field's variable is `STREAM_APP_` and its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    broker: str = Field("127.0.0.1:9092", description="the addresses of Kafka brokers, host:port, comma-separated")
    id: str = Field("customer-status", description="the consumer group and prefix of transactional ids: letters, digits, . _ -")
    instance: str = Field("", description="the static group member id: letters, digits, . _ -")
    processes: int = Field(1, ge=1, le=256, description="how many processes share a worker's partitions, 1 to 256; as many as it has cores")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", description="SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN"
    )
    sasl_username: str | None = Field(None, description="the user of SASL_PLAINTEXT and SASL_SSL")
    sasl_password: SecretStr | None = Field(None, description="that user's password")
    sasl_password_file: Path | None = Field(None, description="a file that holds the password")
    ssl_cafile: Path | None = Field(
        None, description="the authority that brokers' certificates are signed by, PEM; without it the system's"
    )
    ssl_certfile: Path | None = Field(None, description="our certificate, PEM, where brokers ask for one")
    ssl_keyfile: Path | None = Field(None, description="its key, PEM, if it is not in the same file")
    ssl_key_password: SecretStr | None = Field(None, description="the key's password, if it has one")
    ssl_key_password_file: Path | None = Field(None, description="a file that holds the key's password")
    ssl_check_hostname: bool = Field(True, description="true or false: whether a broker's certificate must bear its name")
    data_dir: Path = Field(Path(".data"), description="a directory of this process alone")
    cache_dir: Path = Field(Path(), description="a directory for what is downloaded once")
    topic_prefix: str = Field("", description="what stands before every topic name: letters, digits, . _ -")

    metrics_port: Port = Field(0, description="a port from 1 to 65535, or 0 for no metrics")
    metrics_host: str = Field("127.0.0.1", min_length=1, description="the address that metrics are served on")
    insights_metrics_port: Port = Field(0, description="a port from 1 to 65535 for the insights process, or 0 for no metrics of it")
    log_format: Literal["text", "json"] = Field("text", description="text or json")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")

    grace_ms: int = Field(200, ge=0, le=3_600_000, description="how long a deadline waits for events that are under way, 0 or more")
    retention_days: int | None = Field(None, ge=1, description="how long input topics keep events; leave it out to keep them for ever")
    unit_records_max: int = Field(8_000, ge=1, le=1_000_000, description="the most records of one unit of work, 1 or more")
    batch_wait_ms: int = Field(20, ge=0, le=10_000, description="how long a unit of work waits for more records, 0 or more")
    merge_wait_ms: int = Field(30_000, ge=0, le=600_000, description="how long an input with lag is waited for, 0 or more")
    sweep_rate: int = Field(
        2_000, ge=0, le=1_000_000, description="how many customers a second a worker brings under a new policy; 0 pauses it"
    )
    insights: bool = Field(True, description="true or false: whether a worker also sums up insights per shop, in a process beside it")
    insights_every_ms: int = Field(
        1_000, ge=0, le=3_600_000, description="the least time between two records of one shop's insights, 0 or more"
    )
    stall_timeout_s: int = Field(60, ge=1, description="the longest time without progress while records wait, 1 or more")
    session_timeout_ms: int = Field(10_000, ge=1_000, le=1_800_000, description="when the group gives a silent worker up, 1000 or more")
    transaction_timeout_ms: int = Field(15_000, ge=1_000, le=900_000, description="when the broker aborts a transaction, 1000 to 900000")
    erasure_key: SecretStr | None = Field(None, description="a secret of at least 16 bytes, that erased customers' ids are hashed with")
    erasure_key_file: Path | None = Field(None, description="a file that holds the erasure key")
    history_url: SecretStr | None = Field(None, description="the history database: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
    serve_host: str = Field("127.0.0.1", min_length=1, description="the address that the page and the read API are served on")
    serve_port: Port = Field(8080, description="a port from 1 to 65535, or 0 for any that is free")
    serve_token: SecretStr | None = Field(None, description="a secret of at least 16 bytes, that every request to the read API bears")
    serve_token_file: Path | None = Field(None, description="a file that holds the token")
    serve_rate: int = Field(200, ge=1, le=1_000_000, description="how many requests a second one client may make, 1 or more")
    ingest_host: str = Field("127.0.0.1", min_length=1, description="the address that events are taken on")
    ingest_port: Port = Field(8081, description="a port from 1 to 65535, or 0 for any that is free")
    ingest_keys: SecretStr | None = Field(None, description="who may write: a line of YAML a shop, with its keys and webhook secrets")
    ingest_keys_file: Path | None = Field(None, description="a file that holds the keys of ingest")
    ingest_rate: int = Field(50_000, ge=1, le=10_000_000, description="how many events a second one shop may send, 1 or more")
    ingest_waiting_mib: int = Field(64, ge=8, le=65_536, description="how many MiB of events may wait for Kafka, 8 or more")
    schema_registry: str | None = Field(None, description="the address of a Schema Registry, http(s)://host:port")
    schema_registry_auth: SecretStr | None = Field(None, description="user:password there")
    schema_registry_auth_file: Path | None = Field(None, description="a file that holds user:password")
    store: Literal["rocksdb", "memory"] = Field("rocksdb", description="rocksdb or memory")

    @field_validator("broker")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for address in value.split(","):
            found = _ADDRESS.fullmatch(address.strip())
            if not found or not 0 < int(found[2]) <= _PORT_MAX:
                raise ValueError("each address must be host:port")
        return value

    @field_validator("id", "instance", "topic_prefix")
    @classmethod
    def _name(cls, value: str) -> str:
        if value and not _NAME.fullmatch(value):
            raise ValueError("a character is not allowed, or there are more than 128")
        return value

    @field_validator("id")
    @classmethod
    def _present(cls, value: str) -> str:
        if not value:
            raise ValueError("it must not be empty")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order in which sources are asked: the first that knows a value wins."""
        file = YamlConfigSettingsSource(settings_cls, yaml_file=_settings_file())
        return init_settings, env_settings, dotenv_settings, file

    @property
    def brokers(self) -> list[str]:
        """The broker addresses, each host:port."""
        return [address.strip() for address in self.broker.split(",")]

    def topic(self, name: str) -> str:
        """The name of a topic on the broker."""
        return self.topic_prefix + name


def load_settings(**given: Any) -> Settings:
    """Read the settings; `given` (from the command line; None is "not given") wins over all other sources.

    Raises:
        ConfigError: a value cannot be used; the text is one line that names the variable and the fix.
    """
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise ConfigError(_one_line(error)) from None
    except (OSError, YAMLError, UnicodeError, ValueError, TypeError) as error:
        fix = "write one `name: value` a line"
        raise ConfigError(f"settings file {_settings_file()}: cannot be read as YAML ({type(error).__name__}): {fix}") from None
    derived: dict[str, Any] = {"data_dir": settings.data_dir.expanduser().absolute()}
    if settings.cache_dir == Path():
        derived["cache_dir"] = _cache_home() / "stream-app"
    if not settings.instance:
        derived["instance"] = _instance(derived["data_dir"])
    return settings.model_copy(update=derived)


def read_erasure_key(settings: Settings) -> bytes | None:
    """The secret that the marks of erased customers are hashed with, 32 bytes; None when no key is set.

    Raises:
        ConfigError: both ways to give it are used, or what is given is empty, too short or cannot be read; the text is one line.
    """
    given = _read_secret("ERASURE_KEY", settings.erasure_key, settings.erasure_key_file)
    return None if given is None else blake2b(given, digest_size=32, person=b"erasure key").digest()


def read_serve_token(settings: Settings) -> str | None:
    """What every request to the read API must bear; None when no token is set.

    Raises:
        ConfigError: as `read_erasure_key`, or it is not one line of text.
    """
    given = _read_secret("SERVE_TOKEN", settings.serve_token, settings.serve_token_file)
    if given is None:
        return None
    try:
        token = given.decode("ascii")
    except UnicodeDecodeError:
        token = ""
    if not token.isprintable() or not token or " " in token:
        raise ConfigError(f"{PREFIX}SERVE_TOKEN: a character is not allowed; expected: letters, digits and signs of ASCII, no spaces")
    return token


def read_ingest_keys(settings: Settings) -> bytes | None:
    """The document that says who may write to `ingest`; None when there is none.

    Raises:
        ConfigError: as `read_erasure_key`.
    """
    return _read_secret("INGEST_KEYS", settings.ingest_keys, settings.ingest_keys_file)


def read_sasl_password(settings: Settings) -> str | None:
    """The password that brokers are shown; None when none is set; raises as `read_erasure_key`, but it may be short."""
    return _read_password("SASL_PASSWORD", settings.sasl_password, settings.sasl_password_file)


def read_ssl_key_password(settings: Settings) -> str | None:
    """The password of our certificate's key; None when none is set; raises as `read_erasure_key`, but it may be short."""
    return _read_password("SSL_KEY_PASSWORD", settings.ssl_key_password, settings.ssl_key_password_file)


def read_registry_auth(settings: Settings) -> str | None:
    """Who we are at the Schema Registry, `user:password`; None when it is not set; raises as `read_sasl_password`."""
    return _read_password("SCHEMA_REGISTRY_AUTH", settings.schema_registry_auth, settings.schema_registry_auth_file)


def _read_password(name: str, given: SecretStr | None, file: Path | None) -> str | None:
    found = _read_secret(name, given, file, bytes_min=1)
    try:
        return None if found is None else found.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{PREFIX}{name}: it is not text in UTF-8") from None


def _read_secret(name: str, given: SecretStr | None, file: Path | None, bytes_min: int = _KEY_BYTES_MIN) -> bytes | None:
    """A secret from its variable, or from the file that the variable with `_FILE` names."""
    name = PREFIX + name
    if given is not None and file is not None:
        raise ConfigError(f"{name}: {name}_FILE is set as well: unset one of them")
    fix = f"expected: a secret of at least {bytes_min} bytes"
    if file is not None:
        name += "_FILE"
        try:
            secret = file.expanduser().read_bytes().strip()
        except OSError as error:
            raise ConfigError(f"{name}: {file} cannot be read ({error.strerror}); {fix} in it") from None
    elif given is not None:
        secret = given.get_secret_value().strip().encode()
    else:
        for empty in (name, name + "_FILE"):
            if os.environ.get(empty) == "":
                raise ConfigError(f"{empty}: it is set, and empty; {fix}, or unset it")
        return None
    if len(secret) < bytes_min:
        raise ConfigError(f"{name}: it is {'too short' if secret else 'empty'}; {fix}")
    return secret


def child_environment(**extra: str) -> dict[str, str]:
    """The environment of a process that we start: our own, with `extra` settings (names without `STREAM_APP_`, in capitals)."""
    return {**os.environ, **{PREFIX + name: value for name, value in extra.items()}}


def _settings_file() -> Path:
    named = os.environ.get(SETTINGS_FILE)
    if named and not Path(named).is_file():
        raise ConfigError(f"{SETTINGS_FILE}: {named} is no file: name an existing settings file, or unset the variable")
    return Path(named or "stream-app.yaml")


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "?"
    field = Settings.model_fields.get(name)
    wrong = first["msg"].removeprefix("Value error, ")
    fix = f"; expected: {field.description}" if field else ""
    return f"{PREFIX}{name.upper()}: {wrong[:1].lower()}{wrong[1:]}{fix}"


def _cache_home() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    return Path(named) if named else Path.home() / ".cache"


def _instance(data_dir: Path) -> str:
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:100] or "host"
    return f"{host}-{blake2b(str(data_dir).encode(), digest_size=6).hexdigest()}"
