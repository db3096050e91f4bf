"""Certificates of every kind, also those that nobody should make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from albatross.simulator.chain import ALBATROSS
from tests.albatross.simulator.talk import now

SIGN, SIGN_CERTIFICATES = "digital_signature", "key_cert_sign"
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Minted:
    certificate: x509.Certificate
    key: Ed25519PrivateKey

    @property
    def der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)


def mint(
    *names,
    issuer=None,
    ca=None,
    usage=None,
    purposes=None,
    extension=None,
    critical=False,
    begin=-60,
    end=3600,
    more=(),
    key=None,
):
    """A certificate with these common names; *ca* and *usage* None leave their extensions out.

    *begin* and *end*: seconds from now. *more*: pairs of an extension and whether it is critical.
    """
    key = key or Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name, _validate=False) for name in names])
    moment = now()
    signer = issuer or Minted(None, key)  # type: ignore[arg-type]  # it has none yet
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment + timedelta(seconds=begin))
        .not_valid_after(moment + timedelta(seconds=end))
    )
    added = list(more)
    if ca is not None:
        added.append((x509.BasicConstraints(ca, None), True))
    if usage is not None:
        added.append((x509.KeyUsage(**{word: word in usage for word in _USAGES}), True))
    if purposes is not None:
        added.append((x509.ExtendedKeyUsage(purposes), False))
    if issuer is not None:
        added.append((x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
        added.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False))
    if extension is not None:
        added.append((x509.UnrecognizedExtension(ALBATROSS, extension), critical))
    for value, is_critical in added:
        builder = builder.add_extension(value, critical=is_critical)
    return Minted(builder.sign(signer.key, None), key)
