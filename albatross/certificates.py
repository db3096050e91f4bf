"""The certificates that a person gives for an instance, read, checked and put to use.

The pair must be a CA: the root that the instance trusts, or an intermediate that Albatross delegates
a path with. Everything that is wrong is told in a sentence for the person who gave it.
``signing`` makes the certificates; what others need of it is importable from here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from albatross.errors import AlbatrossError, CertificateInvalid, RequestRefused
from albatross.messages import Policy, PolicyAdd
from albatross.names import MAX_PATH, parse_label
from albatross.signing import (
    CLOCK_SKEW,
    LEAF_LIFE,
    OID,
    SIGNATURE_HASHES,
    Authority,
    Leaf,
    Pair,
    PrivateKey,
    generate_ca,
    server_certificate,
    time_fault,
    utc_now,
    value_of,
)
from albatross.wire import decode_extension

__all__ = [
    "CLOCK_SKEW",
    "LEAF_LIFE",
    "OID",
    "Authority",
    "Credentials",
    "Leaf",
    "Pair",
    "PrivateKey",
    "generate_ca",
    "server_certificate",
    "utc_now",
]

INTERMEDIATE_SPARE = timedelta(minutes=10)  # an intermediate with less left is made anew
MAX_INTERMEDIATES = 256  # kept at once; a few KB each, and one per domain is the usual
MAX_PEM = 256 * 1024  # a chain of nine certificates is under 20 KB
MIN_RSA_BITS = 2048
_SIGNATURES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)  # what Albatross verifies, beside Ed25519


class Credentials:
    """What is needed to talk to one instance: the CA of its server, and an authority of ours.

    ``path`` is () for the root CA, else the path that was delegated to us. Intermediates are kept
    while they are valid. Safe to use from several threads.
    """

    def __init__(self, server_ca: x509.Certificate, authority: Authority) -> None:
        self.server_ca = server_ca
        self.authority = authority
        self._kept: OrderedDict[tuple[tuple[str, ...], tuple[Policy, ...]], Authority] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls, *, server_ca: bytes, certificate: bytes, key: bytes, now: datetime | None = None
    ) -> Credentials:
        """Read and check the PEM texts of an instance; *now* is UTC.

        *certificate* is the root CA, or a delegated intermediate with all intermediates above it
        (in any order, the root may be among them); *key* is its private key. Raises
        ``CertificateInvalid`` with a sentence for the person who gave them.
        """
        now = now or utc_now()
        anchor = _read_certificates(server_ca, "server CA")
        if len(anchor) != 1:
            raise CertificateInvalid(f"The server CA holds {len(anchor)} certificates; give the one root.")
        _check_ca(anchor[0], "server CA", now)
        return cls(anchor[0], _authority(_read_certificates(certificate, "certificate"), key, anchor[0], now))

    @property
    def path(self) -> tuple[str, ...]:
        return self.authority.path

    def authority_for(
        self, path: tuple[str, ...], policies: tuple[Policy, ...], *, now: datetime
    ) -> Authority:
        """The CA that signs leaves for *path*.

        *policies* are those of the last labels of *path*, outermost first: one is needed for every
        label that is not in our own path; what is given beyond is ignored.

        Raises ``RequestRefused`` when *path* is not below ours or a policy is missing, and what
        ``Authority.intermediate`` raises.
        """
        own = len(self.path)
        if path[:own] != self.path:
            raise RequestRefused(
                f"The certificate of this instance is for {':'.join(self.path)}: and what is below it."
            )
        labels = path[own:]
        policies = policies[max(0, len(policies) - len(labels)) :]
        if len(policies) < len(labels):
            raise RequestRefused(
                f"To reach {':'.join(path)}: its policy on the instance has to be known"
                f" (policies: {len(policies)} of {len(labels)})."
            )
        authority = self.authority
        for depth, (label, policy) in enumerate(zip(labels, policies, strict=True), 1):
            authority = self._intermediate(authority, label, policy, policies[:depth], now)
        return authority

    def _intermediate(
        self, above: Authority, label: str, policy: Policy, policies: tuple[Policy, ...], now: datetime
    ) -> Authority:
        key = ((*above.path, label), policies)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or not _serves(kept, above, now):
                kept = self._kept[key] = above.intermediate(label, policy, now=now)
            self._kept.move_to_end(key)
            if len(self._kept) > MAX_INTERMEDIATES:
                self._kept.popitem(last=False)
            return kept


def _serves(kept: Authority, above: Authority, now: datetime) -> bool:
    """Whether *kept* was made by *above* and is valid for a while."""
    certificate = kept.certificate
    begun = certificate.not_valid_before_utc <= now
    return (
        begun and kept.chain[1:] == above.chain and certificate.not_valid_after_utc - now > INTERMEDIATE_SPARE
    )


def _read_certificates(pem: bytes, what: str) -> list[x509.Certificate]:
    if len(pem) > MAX_PEM:
        raise CertificateInvalid(f"The {what} is too long to be a certificate chain.")
    if b"PRIVATE KEY" in pem:
        raise CertificateInvalid(f"The {what} holds a private key; give only certificates there.")
    try:
        certificates = x509.load_pem_x509_certificates(pem)
        for certificate in certificates:
            _ = certificate.subject, certificate.issuer, certificate.extensions, certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateInvalid(f"The {what} cannot be read as a PEM certificate: {error}") from error
    return certificates


def _read_key(pem: bytes) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, None)
    except TypeError as error:  # what cryptography raises for a missing password
        raise CertificateInvalid("The private key is encrypted; give it without a passphrase.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateInvalid("The private key cannot be read as a PEM private key.") from error
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name not in SIGNATURE_HASHES:
        raise CertificateInvalid(f"The curve {key.curve.name} is not one of P-256, P-384, P-521.")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        raise CertificateInvalid(f"An RSA key of {key.key_size} bits is too short ({MIN_RSA_BITS} at least).")
    if not isinstance(key, PrivateKey):
        raise CertificateInvalid("The private key must be Ed25519, ECDSA (P-256, P-384, P-521) or RSA.")
    return key


def _authority(
    certificates: list[x509.Certificate], key_pem: bytes, anchor: x509.Certificate, now: datetime
) -> Authority:
    """The authority that *certificates* and the key make; ``CertificateInvalid`` when they make none."""
    key = _read_key(key_pem)
    own = next((c for c in certificates if c.public_key() == key.public_key()), None)
    if own is None:
        raise CertificateInvalid("The private key does not belong to the certificate.")
    _check_ca(own, "certificate", now)
    if own == anchor or _is_self_signed(own):
        return Authority(own, key, room=_path_length(own))
    if _extension_of(own) is None:
        raise CertificateInvalid(
            "The certificate is neither a root CA nor an intermediate that Albatross delegates a path with"
            " (it carries no policy)."
        )
    chain, root = _chain_to_root(own, [*certificates, anchor], anchor, now)
    path = tuple(label for c in reversed(chain) if (label := _delegated_label(c)) is not None)
    return Authority(own, key, chain, path, _room(chain, root))


def _chain_to_root(
    own: x509.Certificate, known: list[x509.Certificate], anchor: x509.Certificate, now: datetime
) -> tuple[tuple[x509.Certificate, ...], x509.Certificate]:
    """The intermediates from *own* upwards, and the root above them."""
    chain = [own]
    while len(chain) <= MAX_PATH:
        issuer = next((c for c in known if c not in chain and _issued(c, chain[-1])), None)
        if issuer is None:
            raise CertificateInvalid(
                f"The issuer of the certificate ({chain[-1].issuer.rfc4514_string()}) is missing:"
                " give all certificates up to the root."
            )
        _check_intermediate(chain[-1])
        _check_ca(issuer, "certificate above", now)
        if issuer == anchor or _is_self_signed(issuer):
            return tuple(chain), issuer
        chain.append(issuer)
    raise CertificateInvalid(f"Albatross takes at most {MAX_PATH} intermediate certificates.")


def _check_ca(certificate: x509.Certificate, what: str, now: datetime) -> None:
    if fault := time_fault(certificate, now) or _ca_fault(certificate):
        raise CertificateInvalid(f"The {what} cannot be used: {fault}.")


def _ca_fault(certificate: x509.Certificate) -> str:
    if not _constraints(certificate).ca:
        return "it is not a CA certificate, so it cannot sign commands"
    usage = value_of(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        return "its key usage does not allow to sign certificates"
    return ""


def _check_intermediate(certificate: x509.Certificate) -> None:
    """What Albatross demands of every certificate between its root and a leaf."""
    if value_of(certificate, x509.KeyUsage) is None:
        raise CertificateInvalid("The intermediate certificate has no key usage, which Albatross demands.")
    purposes = value_of(certificate, x509.ExtendedKeyUsage)
    enough = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and not enough & set(purposes):
        raise CertificateInvalid("The extended key usage of the intermediate certificate lacks serverAuth.")
    used = certificate.signature_hash_algorithm
    if used is not None and not isinstance(used, _SIGNATURES):
        raise CertificateInvalid(f"The certificate is signed with {used.name}, which Albatross refuses.")


def _is_self_signed(certificate: x509.Certificate) -> bool:
    return _issued(certificate, certificate)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _constraints(certificate: x509.Certificate) -> x509.BasicConstraints:
    return value_of(certificate, x509.BasicConstraints) or x509.BasicConstraints(ca=False, path_length=None)


def _path_length(certificate: x509.Certificate) -> int | None:
    return _constraints(certificate).path_length


def _room(chain: tuple[x509.Certificate, ...], root: x509.Certificate) -> int | None:
    """How many intermediates may follow *chain* by the path lengths in it and in its root."""
    limits = [(_path_length(c), above) for above, c in enumerate((*chain, root))]
    return min((limit - below for limit, below in limits if limit is not None), default=None)


def _extension_of(certificate: x509.Certificate) -> bytes | None:
    try:
        value = certificate.extensions.get_extension_for_oid(OID).value
    except x509.ExtensionNotFound:
        return None
    return value.value if isinstance(value, x509.UnrecognizedExtension) else None


def _delegated_label(certificate: x509.Certificate) -> str | None:
    """The label that an intermediate adds to the path; None without Albatross's extension."""
    extension = _extension_of(certificate)
    if extension is None:
        return None
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    try:
        command = decode_extension(extension)
        label = parse_label(str(names[-1].value)) if names else None
    except AlbatrossError as error:
        raise CertificateInvalid(f"Albatross would not take the intermediate certificate: {error}") from error
    if not isinstance(command, PolicyAdd) or label is None:
        raise CertificateInvalid(
            "The intermediate certificate does not delegate a path (no policy, or no name)."
        )
    return label
