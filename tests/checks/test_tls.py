"""HTTPS checks: whose certificates are accepted, and which name is asked for."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.checks.conftest import Probe
from tests.checks.servers import Served, answering, by_path, dripping, hanging, http, serving
from unikernels.checks import connecting
from unikernels.models import CheckResult

PASSED, FAILED, INCONCLUSIVE = CheckResult.Outcome
PEM = serialization.Encoding.PEM
Certify = Callable[..., ssl.SSLContext]


@dataclass
class Authority:
    """A made-up CA; files of what it signs lie in *folder*."""

    folder: Path

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a made-up CA")])
        ca = self._builder(self.name, self.key, days=1).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.file = self.folder / "ca.pem"
        self.file.write_bytes(ca.sign(self.key, hashes.SHA256()).public_bytes(PEM))

    def server(self, *names: str, days: float = 1) -> ssl.SSLContext:
        """The TLS side of a server for *names* (IP addresses too), valid for *days* from yesterday on."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a server")])
        certificate = (
            self._builder(subject, key, days)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{'-'.join(names)}-{days}.pem"
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(private + certificate.public_bytes(PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: float
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=days))
        )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """A CA that this process trusts, and no other one."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    connecting.tls_context.cache_clear()
    yield made
    connecting.tls_context.cache_clear()


def test_a_good_certificate_passes_and_the_name_of_the_url_is_asked_for(
    here: str, ask: Probe, authority: Authority
) -> None:
    served: list[Served] = []
    tls = authority.server("www.example.org")
    with serving(here, by_path(served, {b"/": http(200, b"hello")}), tls=tls) as server:
        served.append(server)
        url = f"https://www.example.org:{server.port}/"
        assert ask("http", url=url, connect=here, text="hello").outcome == PASSED
    assert server.names == ["www.example.org"]
    assert f"Host: www.example.org:{server.port}\r\n".encode() in server.requests[0]


def test_an_address_in_the_url_has_to_be_in_the_certificate(
    here: str, ask: Probe, authority: Authority
) -> None:
    for names, outcome in (([here], PASSED), (["www.example.org"], FAILED)):
        with serving(here, answering(http(200)), tls=authority.server(*names)) as server:
            assert ask("http", url=f"https://{server.place}/").outcome == outcome


def test_another_name_is_a_failure_unless_certificates_do_not_matter(
    here: str, ask: Probe, authority: Authority
) -> None:
    with serving(here, answering(http(200)), tls=authority.server("other.example.org")) as server:
        url = f"https://www.example.org:{server.port}/"
        found = ask("http", url=url, connect=here)
        assert found.outcome == FAILED
        assert "certificate is not accepted" in found.text
        assert ask("http", url=url, connect=here, verify=False).outcome == PASSED


def test_a_certificate_of_a_stranger_is_a_failure(
    here: str, ask: Probe, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = Authority(tmp_path_factory.mktemp("stranger"))
    with serving(here, answering(http(200)), tls=stranger.server("www.example.org")) as server:
        url = f"https://www.example.org:{server.port}/"
        assert ask("http", url=url, connect=here).outcome == FAILED
        assert ask("http", url=url, connect=here, verify=False).outcome == PASSED


def test_an_expired_certificate_is_a_failure_that_says_so(
    here: str, ask: Probe, authority: Authority
) -> None:
    with serving(here, answering(http(200)), tls=authority.server("www.example.org", days=-1)) as server:
        found = ask("http", url=f"https://www.example.org:{server.port}/", connect=here)
    assert found.outcome == FAILED
    assert "expired" in found.text


def test_what_speaks_no_tls_is_a_failure(here: str, ask: Probe) -> None:
    with serving(here, lambda connection: connection.sendall(http(400))) as server:
        found = ask("http", url=f"https://{server.place}/")
    assert found.outcome == FAILED
    assert found.text.startswith("TLS failed")


def test_a_handshake_that_never_ends_ends_with_the_time(here: str, ask: Probe) -> None:
    with serving(here, hanging) as server:
        found = ask("http", url=f"https://{server.place}/", timeout=0.2)
    assert (found.outcome, found.text) == (FAILED, "No complete answer within 0.2 s.")


def test_a_slow_drip_within_tls_ends_with_the_time(here: str, ask: Probe, authority: Authority) -> None:
    served: list[Served] = []
    drip = dripping(served, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000, 0.002)
    with serving(here, drip, tls=authority.server(here)) as server:
        served.append(server)
        found = ask("http", url=f"https://{server.place}/", timeout=0.4)
    assert (found.outcome, found.text) == (FAILED, "No complete answer within 0.4 s.")


def test_a_redirect_within_the_server_is_spoken_with_tls_again(
    here: str, ask: Probe, authority: Authority
) -> None:
    served: list[Served] = []
    answers = {b"/": http(302, Location="/in"), b"/in": http(200, b"hello")}
    with serving(here, by_path(served, answers), tls=authority.server("www.example.org")) as server:
        served.append(server)
        url = f"https://www.example.org:{server.port}/"
        assert ask("http", url=url, connect=here, text="hello").outcome == PASSED
    assert server.names == ["www.example.org"] * 2
