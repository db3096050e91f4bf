"""From a client's certificates to the command it gives (``albatross-protocol`` 3.3, 3.4 and 6.1).

OpenSSL has verified signatures and the path already. Here are the rules of the original that
OpenSSL does not have, and the reading of names, policies and command. Whatever is wrong raises
``Rejected``; the endpoint then closes the connection without a word, as the original does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from albatross import messages as m
from albatross.errors import DecodeError, NameInvalid
from albatross.names import Name, parse_label
from albatross.simulator.state import Labels
from albatross.wire import decode_extension

ALBATROSS = x509.ObjectIdentifier("1.3.6.1.4.1.49836.42")
MAX_CERTIFICATES = 9  # without the CA: the leaf and eight intermediates

_SIGNED_WITH = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_WHOLE_PATH = (".", ":")  # a leaf's common names that stand for no label
_INTERNAL = (m.PolicyAdd, m.PolicyRemove, m.ConsoleAdd, m.StatsAdd, m.StatsRemove, m.StatsInitial)
_NEEDS_NAME = (
    m.BlockAdd,
    m.BlockRemove,
    m.BlockSet,
    m.BlockDump,
    m.BlockAddOld,
    m.BlockSetOld,
    m.BlockDumpOld,
)
# What cryptography raises for certificates that OpenSSL took.
_UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
Extension = TypeVar("Extension", bound=x509.ExtensionType)


class Rejected(Exception):
    """The chain gives no command; the text is for our log only."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a client wants: ``policies`` from the top of the path downwards."""

    name: Name
    policies: tuple[tuple[Labels, m.Policy], ...]
    command: m.Command


def read_chain(chain: list[bytes], now: datetime) -> Order:
    """The order that a verified *chain* (DER, leaf first, the CA last) gives at *now*. ``Rejected``."""
    if len(chain) - 1 > MAX_CERTIFICATES:
        raise Rejected(f"{len(chain) - 1} certificates")
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
        for certificate in certificates:
            _check_time(certificate, now)
        leaf, *intermediates, _ = certificates
        _check_leaf(leaf)
        for certificate in intermediates:
            _check_intermediate(certificate)
        return _order(leaf, intermediates[::-1])
    except _UNREADABLE as error:
        raise Rejected(str(error)) from error


def _order(leaf: x509.Certificate, intermediates: list[x509.Certificate]) -> Order:
    """*intermediates* from the CA downwards."""
    path: Labels = ()
    policies: list[tuple[Labels, m.Policy]] = []
    for certificate in intermediates:
        extension = _albatross(certificate)
        if extension is None:
            continue
        command = _command(extension)
        if not isinstance(command, m.PolicyAdd):
            raise Rejected(f"an intermediate with {type(command).__name__}")
        path = (*path, _label(_common_name(certificate)))
        policies.append((path, command.policy))
    extension = _albatross(leaf)
    if extension is None:
        raise Rejected("a leaf without command")
    command = _command(extension)
    common_name = _common_name(leaf)
    if isinstance(command, _INTERNAL):
        raise Rejected(f"{type(command).__name__} is not allowed over TLS")
    if common_name is None and isinstance(command, _NEEDS_NAME):
        raise Rejected(f"{type(command).__name__} without a name")
    label = None if common_name is None or common_name in _WHOLE_PATH else _label(common_name)
    return Order(Name(path, label), tuple(policies), command)


def _albatross(certificate: x509.Certificate) -> bytes | None:
    try:
        value = certificate.extensions.get_extension_for_oid(ALBATROSS).value
    except x509.ExtensionNotFound:
        return None
    assert isinstance(value, x509.UnrecognizedExtension)
    return value.value


def _command(extension: bytes) -> m.Command:
    try:
        return decode_extension(extension)
    except DecodeError as error:
        raise Rejected(str(error)) from error


def _common_name(certificate: x509.Certificate) -> str | None:
    """The last common name of the subject."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[-1].value) if names else None


def _label(text: str | None) -> str:
    if text is None:
        raise Rejected("an intermediate without a name")
    try:
        return parse_label(text)
    except NameInvalid as error:
        raise Rejected(str(error)) from error


# --- rules that OpenSSL does not have ----------------------------------------------------------


def _check_time(certificate: x509.Certificate, now: datetime) -> None:
    if not certificate.not_valid_before_utc < now < certificate.not_valid_after_utc:
        raise Rejected("a certificate that is not valid now")
    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and not isinstance(algorithm, _SIGNED_WITH):  # None: Ed25519
        raise Rejected(f"a signature with {algorithm.name}")


def _check_leaf(leaf: x509.Certificate) -> None:
    constraints, usage = _value(leaf, x509.BasicConstraints), _value(leaf, x509.KeyUsage)
    if constraints is not None and constraints.ca and leaf.issuer != leaf.subject:
        raise Rejected("a leaf that is a CA")
    if usage is not None and not usage.digital_signature:
        raise Rejected("a leaf that must not sign")
    _check_extended_usage(leaf, ExtendedKeyUsageOID.CLIENT_AUTH)
    if _value(leaf, x509.NameConstraints) is not None:
        raise Rejected("a leaf with name constraints")


def _check_intermediate(certificate: x509.Certificate) -> None:
    constraints, usage = _value(certificate, x509.BasicConstraints), _value(certificate, x509.KeyUsage)
    if certificate.version is not x509.Version.v3 or constraints is None or not constraints.ca:
        raise Rejected("an intermediate that is no CA")
    if usage is None or not usage.key_cert_sign:
        raise Rejected("an intermediate that must not sign certificates")
    _check_extended_usage(certificate, ExtendedKeyUsageOID.SERVER_AUTH)
    allowed = (x509.BasicConstraints.oid, x509.KeyUsage.oid, x509.NameConstraints.oid)
    if any(extension.critical and extension.oid not in allowed for extension in certificate.extensions):
        raise Rejected("an intermediate with an unknown critical extension")


def _check_extended_usage(certificate: x509.Certificate, wanted: x509.ObjectIdentifier) -> None:
    usage = _value(certificate, x509.ExtendedKeyUsage)
    if usage is not None and wanted not in usage and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in usage:
        raise Rejected("a certificate for another purpose")


def _value(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
