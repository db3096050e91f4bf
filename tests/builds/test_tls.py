"""A builder-web behind TLS: who is trusted, and that time limits hold there too."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_django import Settings

from accounts.actors import SYSTEM
from unikernels.builds.client import Client
from unikernels.builds.edge import client_for
from unikernels.builds.errors import TimedOut, Unreachable
from unikernels.builds.services import builder_add, builder_change
from unikernels.builds.simulator.seed import seed
from unikernels.builds.simulator.server import Server
from unikernels.builds.web import Limits


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the key and the self-signed certificate of 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "builder")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path_factory.mktemp("tls") / "builder.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(pem)
    )
    return path


class TlsServer(Server):
    def handle_error(self, request: object, client_address: object) -> None:
        """Handshakes that fail are what is tested."""


@contextmanager
def serving_tls(certificate: Path) -> Iterator[tuple[Server, str]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = TlsServer(seed())
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server, server.url.replace("http:", "https:")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def secure(certificate: Path) -> Iterator[tuple[Server, str]]:
    with serving_tls(certificate) as served:
        yield served


def test_a_trusted_server_is_asked(secure: tuple[Server, str], certificate: Path) -> None:
    _, address = secure
    assert Client(address, ca=str(certificate)).jobs()


def test_the_certificate_in_the_row_of_a_builder_is_trusted(
    db: None, secure: tuple[Server, str], certificate: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.DATA_DIR = tmp_path
    _, address = secure
    pem = certificate.read_text().partition("-----BEGIN CERTIFICATE")
    builder = builder_add(actor=SYSTEM, name="own", url=address, ca=pem[1] + pem[2])
    assert client_for(builder).jobs()
    assert client_for(builder_change(actor=SYSTEM, builder=builder, name="mine")) is client_for(builder)
    without = builder_change(actor=SYSTEM, builder=builder, ca="")
    with pytest.raises(Unreachable, match="TLS"):
        client_for(without).jobs()


def test_a_server_that_nobody_trusts_is_not(secure: tuple[Server, str]) -> None:
    server, address = secure
    with pytest.raises(Unreachable, match="TLS"):
        Client(address).jobs()
    assert server.requests == []


def test_plain_http_is_no_tls(builder: Server) -> None:
    with pytest.raises(Unreachable, match="TLS"):
        Client(builder.url.replace("http:", "https:")).jobs()


@pytest.mark.parametrize("kind", ["drip", "slow"])
def test_the_total_time_is_limited(secure: tuple[Server, str], certificate: Path, kind: str) -> None:
    server, address = secure
    server.faults.add(kind, seconds=0.05 if kind == "drip" else 60)
    client = Client(
        address, ca=str(certificate), limits=Limits(total=0.3)
    )  # no silence is too long by itself
    with pytest.raises(TimedOut):
        client.jobs()
