"""How the brokers are reached: plainly, over TLS, with a password; the same for every client.

A file or a combination of settings that cannot work is a wrong setting, told before anything is connected.
"""

import asyncio
import ssl
from functools import cache
from pathlib import Path
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import IllegalSaslStateError, KafkaError, SaslAuthenticationFailed, UnsupportedSaslMechanismError

from stream_app.errors import ConfigError
from stream_app.settings import PREFIX, Settings, read_sasl_password, read_ssl_key_password

_CONNECT_TIMEOUT_MS = 3_000


def client_options(settings: Settings) -> dict[str, Any]:
    """What every client of aiokafka is given: where the brokers are, and how they are spoken to.

    Raises:
        ConfigError: a setting or a file lacks or cannot be used; the text is one line.
    """
    protocol = settings.security_protocol
    options: dict[str, Any] = {"bootstrap_servers": settings.brokers}
    if protocol == "PLAINTEXT":
        return options
    options["security_protocol"] = protocol
    if protocol.endswith("SSL"):
        options["ssl_context"] = _context(
            settings.ssl_cafile,
            settings.ssl_certfile,
            settings.ssl_keyfile,
            read_ssl_key_password(settings),
            check_hostname=settings.ssl_check_hostname,
        )
    if protocol.startswith("SASL"):
        password = read_sasl_password(settings)
        for name, value in (("SASL_USERNAME", settings.sasl_username), ("SASL_PASSWORD", password)):
            if not value:
                raise ConfigError(f"{PREFIX}{name}: it is not set, and {PREFIX}SECURITY_PROTOCOL={protocol} needs it")
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": password,
        }
    return options


@cache
def _context(ca: Path | None, certificate: Path | None, key: Path | None, password: str | None, *, check_hostname: bool) -> ssl.SSLContext:
    """The TLS context; without `ca` the certificates that the system trusts."""
    context = _trusting(ca)
    context.check_hostname = check_hostname
    if certificate is None:
        if key is not None:
            raise ConfigError(f"{PREFIX}SSL_CERTFILE: it is not set, and {PREFIX}SSL_KEYFILE needs it")
        return context
    try:
        context.load_cert_chain(certificate, key, password or "")
    except OSError as error:  # ssl.SSLError is one
        why = (
            error.strerror
            if error.filename or not isinstance(error, ssl.SSLError)
            else "no certificate with its key in PEM, or a wrong password"
        )
        raise ConfigError(f"{PREFIX}SSL_CERTFILE: {certificate} cannot be used ({why}); its key may be in {PREFIX}SSL_KEYFILE") from None
    return context


def _trusting(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        why = "no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(f"{PREFIX}SSL_CAFILE: {ca} cannot be used ({why})") from None


async def why_unreachable(settings: Settings) -> str:
    """One line about why no broker could be connected to, with the fix; it tries each once more to find out."""
    found = [await _try(settings, *address.rsplit(":", 1)) for address in settings.brokers]
    return next(filter(None, found), f"no Kafka broker answers at {settings.broker}: start it, or set {PREFIX}BROKER to where it is")


async def _try(settings: Settings, host: str, port: str) -> str | None:
    options = client_options(settings)
    del options["bootstrap_servers"]
    try:
        connection = await create_conn(host.strip("[]"), int(port), request_timeout_ms=_CONNECT_TIMEOUT_MS, **options)
    except (KafkaError, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        return _explain(settings, f"{host}:{port}", error)
    connection.close()
    return None


def _explain(settings: Settings, address: str, error: BaseException) -> str | None:
    """What went wrong with a connection; None where nobody took it."""
    cause = error.__cause__ or error.__context__
    tls = next((one for one in (error, cause) if isinstance(one, ssl.SSLError)), None)
    said = None
    match tls or error:
        case ssl.SSLCertVerificationError() as found:
            said = f"shows a certificate that is not trusted ({found.verify_message}): set {PREFIX}SSL_CAFILE to its authority's"
        case ssl.SSLError() as found if "ALERT" in (found.reason or ""):
            fix = "renew it if it has expired" if settings.ssl_certfile else "give one"
            said = f"refuses our certificate ({(found.reason or '').lower().replace('_', ' ')}): {fix}, with {PREFIX}SSL_CERTFILE"
        case ssl.SSLError() as found:
            said = f"does not speak TLS there ({found.reason}): set {PREFIX}SECURITY_PROTOCOL, or another port in {PREFIX}BROKER"
        case SaslAuthenticationFailed():
            said = f"refuses the user or the password: set {PREFIX}SASL_USERNAME and {PREFIX}SASL_PASSWORD, or create the user"
        case UnsupportedSaslMechanismError() | IllegalSaslStateError():
            said = f"does not take {settings.sasl_mechanism}: set {PREFIX}SASL_MECHANISM to what it takes"
        case KafkaError() | ConnectionResetError() | asyncio.IncompleteReadError():
            protocol = f"{PREFIX}SECURITY_PROTOCOL ({settings.security_protocol})"
            return f"no Kafka broker answers at {address}: it closes the connection; see that it lives, and speaks {protocol} on that port"
    return said and f"the broker at {address} {said}"
