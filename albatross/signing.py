"""Certificates: the CA pair of an instance, and what is made of it for every single command.

A command does not travel over the connection: it sits in a private extension of a client
certificate (the *leaf*) that we sign for this one command. The leaf's common name is the label of
the thing it is about; the domain is the common name of an *intermediate* certificate between our
CA and the leaf, which also carries the policy of that domain. The daemon applies that policy.
Source: ``albatross-protocol`` section 3; ``protocol-observed`` 9-13.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from albatross.errors import CertificateInvalid, RequestRefused
from albatross.messages import Command, Policy, PolicyAdd
from albatross.names import MAX_PATH, parse_label
from albatross.refusals import refuse_harmful
from albatross.wire import encode_extension

OID = x509.ObjectIdentifier("1.3.6.1.4.1.49836.42")

# Albatross compares validity strictly with its own clock: we may be this much ahead of it.
CLOCK_SKEW = timedelta(seconds=150)
LEAF_LIFE = timedelta(seconds=300)  # as Mollymawk's original; also how far we may be behind
# Wider, so that clocks that differ show at the leaf: only there Albatross tells that it is the time.
INTERMEDIATE_SKEW = timedelta(hours=1)
INTERMEDIATE_LIFE = timedelta(hours=1)

Extension = TypeVar("Extension", bound=x509.ExtensionType)
PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
SIGNATURE_HASHES: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


def utc_now() -> datetime:
    """The time now, aware."""
    return datetime.now(UTC)


# --- signing -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS 8, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


@dataclass(frozen=True, slots=True)
class Leaf(Pair):
    """A certificate that carries a command. ``chain`` is what is sent after it, nearest first."""

    chain: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class Authority(Pair):
    """A CA that can sign for everything below ``path``.

    ``chain`` is what is sent after a leaf, nearest first (empty for the root itself). ``room`` is
    the number of intermediates that may follow, or None when no certificate limits it.
    """

    chain: tuple[x509.Certificate, ...] = ()
    path: tuple[str, ...] = ()
    room: int | None = None

    def intermediate(
        self, label: str, policy: Policy, *, now: datetime, life: timedelta = INTERMEDIATE_LIFE
    ) -> Authority:
        """A new CA for the path *label* below this one, which sets *policy* for it when it is used.

        Raises ``NameInvalid``, ``RequestRefused`` (no room for it), ``EncodeError`` (a number in
        the policy) and ``CertificateInvalid`` (this CA has expired).
        """
        label = parse_label(label)
        if (self.room is not None and self.room < 1) or len(self.chain) >= MAX_PATH:
            raise RequestRefused(f"the certificates given for this instance reach no deeper than {self.path}")
        key = Ed25519PrivateKey.generate()
        builder = _builder(label, key, self, now, life, skew=INTERMEDIATE_SKEW)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(
            _key_usage(key_cert_sign=True, digital_signature=True, content_commitment=True), critical=True
        )
        builder = _identified(builder, key, self.certificate)
        certificate = _sign(_with_command(builder, encode_extension(PolicyAdd(policy))), self.key)
        room = None if self.room is None else self.room - 1
        return Authority(certificate, key, (certificate, *self.chain), (*self.path, label), room)

    def leaf(self, command: Command, label: str | None, *, now: datetime) -> Leaf:
        """A certificate with a fresh key that has *command* run for *label* in this path.

        *label* None: for the path itself. Raises ``RequestRefused`` for what would harm the host,
        ``NameInvalid``, ``EncodeError`` and ``CertificateInvalid`` (this CA has expired).
        """
        refuse_harmful(command, label)
        common_name = "." if label is None else parse_label(label)
        return self.raw_leaf(encode_extension(command), common_name, now=now)

    def raw_leaf(self, extension: bytes | None, common_name: str | None, *, now: datetime) -> Leaf:
        """A leaf with any extension (or none) and any name, to try what a server refuses.

        *common_name* has at most 64 characters; None leaves it out.
        """
        key = Ed25519PrivateKey.generate()
        builder = _builder(common_name, key, self, now, LEAF_LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(
            _key_usage(digital_signature=True, key_encipherment=True), critical=True
        )
        builder = _identified(builder, key, self.certificate)
        return Leaf(_sign(_with_command(builder, extension), self.key), key, self.chain)


def value_of(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    """The extension of that *kind*, or None without it."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def time_fault(certificate: x509.Certificate, now: datetime) -> str:
    """What is wrong with the validity of *certificate*, or an empty text. The bounds do not count."""
    if now >= certificate.not_valid_after_utc:
        return f"it expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if now <= certificate.not_valid_before_utc:
        return f"it is valid only from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on"
    return ""


def _name(common_name: str | None) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])


def _builder(
    common_name: str | None,
    key: PrivateKey,
    issuer: Pair | None,
    now: datetime,
    life: timedelta,
    *,
    skew: timedelta = CLOCK_SKEW,
) -> x509.CertificateBuilder:
    now = now.replace(microsecond=0)
    end = now + life
    subject = _name(common_name)
    if issuer is not None:
        if fault := time_fault(issuer.certificate, now):
            raise CertificateInvalid(f"The CA certificate of this instance cannot be used: {fault}.")
        end = min(end, issuer.certificate.not_valid_after_utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - skew)
        .not_valid_after(end)
    )


def _key_usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _identified(
    builder: x509.CertificateBuilder, key: PrivateKey, issuer: x509.Certificate
) -> x509.CertificateBuilder:
    """*builder* with the identifiers of both keys (without them a leaf named as its CA looks self-signed)."""
    subject = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(subject, critical=False).add_extension(_key_of(issuer), critical=False)


def _key_of(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """What names the key of *issuer*: its own word for it, which Albatross compares, or the usual hash."""
    own = value_of(issuer, x509.SubjectKeyIdentifier)
    if own is not None:
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    return x509.AuthorityKeyIdentifier(
        x509.SubjectKeyIdentifier.from_public_key(issuer.public_key()).digest, None, None
    )


def _with_command(builder: x509.CertificateBuilder, extension: bytes | None) -> x509.CertificateBuilder:
    """*builder* with Albatross's extension; never critical, its validator refuses unknown critical ones."""
    if extension is None:
        return builder
    return builder.add_extension(x509.UnrecognizedExtension(OID, extension), critical=False)


def _sign(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    if isinstance(key, Ed25519PrivateKey):
        return builder.sign(key, None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return builder.sign(key, SIGNATURE_HASHES[key.curve.name])
    return builder.sign(key, hashes.SHA256())


# --- what an operator makes once ---------------------------------------------------------------


def generate_ca(
    name: str,
    *,
    key: PrivateKey | None = None,
    now: datetime | None = None,
    life: timedelta = timedelta(3650),
) -> Authority:
    """A root CA as ``albatross-client generate`` makes it: without key identifiers. *now* is UTC."""
    key = key or Ed25519PrivateKey.generate()
    builder = _builder(name, key, None, now or utc_now(), life)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    usage = _key_usage(key_cert_sign=True, crl_sign=True, digital_signature=True, content_commitment=True)
    return Authority(_sign(builder.add_extension(usage, critical=True), key), key)


def server_certificate(
    ca: Pair,
    name: str = "server",
    *,
    key: PrivateKey | None = None,
    now: datetime | None = None,
    life: timedelta = timedelta(3650),
) -> Pair:
    """A certificate for the TLS endpoint of an instance, as ``albatross-client generate`` makes it."""
    key = key or Ed25519PrivateKey.generate()
    builder = _builder(name, key, ca, now or utc_now(), life)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(digital_signature=True, key_encipherment=True), critical=True)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = _identified(builder.add_extension(usage, critical=True), key, ca.certificate)
    return Pair(_sign(builder, ca.key), key)
