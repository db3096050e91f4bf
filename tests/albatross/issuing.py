"""A CA, and certificates as somebody else makes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from albatross import messages as m
from albatross.certificates import (
    OID,
    Authority,
    Credentials,
    Pair,
    PrivateKey,
    generate_ca,
)
from albatross.errors import CertificateInvalid
from albatross.wire import decode_extension

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = m.Policy(4, frozenset({0, 1}), 1024, 100, frozenset({"service"}))
OTHER_POLICY = replace(POLICY, memory=2048)
CA = generate_ca("albatross", now=NOW)


def load(
    *, server_ca: bytes = CA.certificate_pem, certificate: bytes | None = None, key: bytes | None = None
) -> Credentials:
    return Credentials.load(
        server_ca=server_ca, certificate=certificate or CA.certificate_pem, key=key or CA.key_pem, now=NOW
    )


def refusal(**given: bytes) -> str:
    with pytest.raises(CertificateInvalid) as refused:
        load(**given)
    return str(refused.value)


def delegate(above: Authority, label: str, *, policy: m.Policy = POLICY) -> Authority:
    return above.intermediate(label, policy, now=NOW, life=DAY)


def chain_pem(authority: Authority) -> bytes:
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in authority.chain)


def critical(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> bool:
    return certificate.extensions.get_extension_for_oid(oid).critical


def command_of(certificate: x509.Certificate) -> m.Command:
    extension = certificate.extensions.get_extension_for_oid(OID)
    assert not extension.critical  # an unknown critical extension makes the daemon refuse
    assert isinstance(extension.value, x509.UnrecognizedExtension)
    return decode_extension(extension.value.value)


def common_name(certificate: x509.Certificate) -> str:
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def made(
    issuer: Pair,
    *,
    key: PrivateKey | None = None,
    extensions: tuple[x509.ExtensionType, ...] = (),
    subject: str = "made",
    hash_: hashes.SHA256 | hashes.SHA224 | None = None,
) -> Pair:
    """A certificate as somebody else may make one."""
    key = key or Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)] if subject else [])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 7 * DAY)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return Pair(builder.sign(issuer.key, hash_), key)


def usage(*, cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=cert_sign,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


IS_CA = x509.BasicConstraints(ca=True, path_length=None)
CARRIES_POLICY = CA.intermediate("x", POLICY, now=NOW).certificate.extensions.get_extension_for_oid(OID).value
