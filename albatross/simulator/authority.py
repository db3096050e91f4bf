"""The certificates of a simulated instance, made at its first start.

::

    ca.pem           the CA: it has signed the server's certificate and signs what clients send
    ca-key.pem       its private key; whoever has the two may do everything (0600)
    server.pem       what the instance shows to clients
    server-key.pem   (0600)

Somebody who adds the instance pastes ``ca.pem`` (server CA and certificate) and ``ca-key.pem``.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from albatross.certificates import Authority, Pair, generate_ca, server_certificate
from albatross.simulator.tls import server_context


@dataclass(frozen=True, slots=True)
class Papers:
    """PEM texts, and the TLS contexts made of them."""

    ca_pem: str
    key_pem: str
    context: ssl.SSLContext
    wrong_context: ssl.SSLContext


def papers_in(directory: Path) -> Papers:
    """The papers kept in *directory*, made when there are none. Raises ``OSError``."""
    ca, key = directory / "ca.pem", directory / "ca-key.pem"
    if not (directory / "server-key.pem").exists():
        authority = generate_ca("albatross simulator")
        _write(ca, key, authority)
        _write_server(directory, "server", authority)
    if not (directory / "stranger-key.pem").exists():
        _write_server(directory, "stranger", generate_ca("somebody else"))
    ca_pem = ca.read_text()
    return Papers(
        ca_pem,
        key.read_text(),
        _context(directory, "server", ca_pem),
        _context(directory, "stranger", ca_pem),
    )


def _write_server(directory: Path, name: str, authority: Authority) -> None:
    _write(directory / f"{name}.pem", directory / f"{name}-key.pem", server_certificate(authority, "server"))


def _write(certificate: Path, key: Path, pair: Pair) -> None:
    certificate.write_bytes(pair.certificate_pem)
    handle = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pair.key_pem)


def _context(directory: Path, name: str, ca_pem: str) -> ssl.SSLContext:
    return server_context(directory / f"{name}.pem", directory / f"{name}-key.pem", ca_pem)
