"""A broker that lets nobody in without a certificate or a password, and nobody do what no rule allows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from stream_app.demo.broker import HOST, EmbeddedBroker, free_port

NAME, USER, PASSWORD = "certified", "worker", "a password with = and a space"


class LockedBroker(EmbeddedBroker):
    """The embedded broker with two more doors: SASL_SSL for a user with a password, SSL for who shows a certificate."""

    def __init__(self, folder: Path, cache_dir: Path) -> None:
        super().__init__(folder / "kafka", cache_dir)
        self.folder = folder
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        self.write(folder / "broker.pem", self.authority.issue_cert(HOST, "localhost"))
        self.write(folder / "ours.pem", self.authority.issue_cert("us@example.com", common_name=NAME))
        past = datetime.now(UTC) - timedelta(days=1)
        self.write(folder / "expired.pem", self.authority.issue_cert("us@example.com", common_name=NAME, not_after=past))
        trustme.CA().cert_pem.write_to_path(folder / "stranger.pem")

    @staticmethod
    def write(file: Path, leaf: trustme.LeafCert) -> None:
        """Key and certificates in one file, the key as Kafka reads it."""
        key = load_pem_private_key(leaf.private_key_pem.bytes(), None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(key + b"".join(blob.bytes() for blob in leaf.cert_chain_pems))

    def _configure(self) -> Path:
        config = super()._configure()
        self.sasl_port, self.tls_port = free_port(self.port), 0
        self.tls_port = free_port(self.port, self.sasl_port)
        text = config.read_text(encoding="utf-8")
        doors = f"SASL://{HOST}:{self.sasl_port},TLS://{HOST}:{self.tls_port}"
        for name, more in (("listeners=", doors), ("advertised.listeners=", doors)):
            text = text.replace(f"\n{name}", f"\n{name}{more},")
        text = text.replace("\nlistener.security.protocol.map=", "\nlistener.security.protocol.map=SASL:SASL_SSL,TLS:SSL,")
        more_text = f"""inter.broker.listener.name=PLAINTEXT
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
ssl.keystore.type=PEM
ssl.keystore.location={self.folder / "broker.pem"}
ssl.truststore.type=PEM
ssl.truststore.location={self.folder / "ca.pem"}
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.tls.ssl.client.auth=required
listener.name.tls.ssl.principal.mapping.rules=RULE:^.*CN=([^,]+).*$/$1/
"""
        config.write_text(text + more_text, encoding="utf-8")
        return config

    def _java(self, jars: str, *command: str) -> list[str]:
        user = ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"] if command[:1] == ("kafka.tools.StorageTool",) else []
        return [*super()._java(jars, *command), *user]

    def by_password(self) -> dict[str, str]:
        return {
            "BROKER": f"{HOST}:{self.sasl_port}",
            "SECURITY_PROTOCOL": "SASL_SSL",
            "SASL_USERNAME": USER,
            "SASL_PASSWORD": PASSWORD,
            "SSL_CAFILE": str(self.folder / "ca.pem"),
        }

    def by_certificate(self) -> dict[str, str]:
        return {
            "BROKER": f"{HOST}:{self.tls_port}",
            "SECURITY_PROTOCOL": "SSL",
            "SSL_CERTFILE": str(self.folder / "ours.pem"),
            "SSL_CAFILE": str(self.folder / "ca.pem"),
        }
