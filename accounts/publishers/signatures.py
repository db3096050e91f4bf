"""Public keys as issuers tell them (JWK, RFC 7517), and the signatures they make (JWS, RFC 7518).

Three algorithms, each with its own kind of key, so that no key is ever used for another algorithm and
none is a shared secret. Nothing here knows of the network or the database.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

ALGORITHMS = ("RS256", "ES256", "EdDSA")
RSA_BITS = 2048  # at least
MOST_RSA_BITS = 8192  # larger ones only keep us busy
HALF = 32  # bytes of a coordinate of P-256, and of each number of its signatures

Key = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


def key_for(algorithm: str, told: Mapping[str, Any]) -> Key | None:
    """The key that the JWK *told* describes, if it is one for *algorithm* and strong enough."""
    if told.get("alg", algorithm) != algorithm or told.get("use", "sig") != "sig":
        return None
    with contextlib.suppress(KeyError, ValueError, TypeError, AttributeError):
        match algorithm, told.get("kty"), told.get("crv"):
            case "RS256", "RSA", _:
                return _rsa(_number(told["n"]), _number(told["e"]))
            case "ES256", "EC", "P-256":
                return EllipticCurvePublicNumbers(
                    _number(told["x"]), _number(told["y"]), SECP256R1()
                ).public_key()
            case "EdDSA", "OKP", "Ed25519":
                return Ed25519PublicKey.from_public_bytes(unpadded(told["x"]))
    return None


def signed(key: Key, message: bytes, signature: bytes) -> bool:
    """Whether *signature* is that of *key* for *message*."""
    with contextlib.suppress(InvalidSignature, ValueError):
        if isinstance(key, RSAPublicKey):
            key.verify(signature, message, PKCS1v15(), SHA256())
            return True
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
            return True
        if len(signature) == 2 * HALF:
            r, s = int.from_bytes(signature[:HALF], "big"), int.from_bytes(signature[HALF:], "big")
            key.verify(encode_dss_signature(r, s), message, ECDSA(SHA256()))
            return True
    return False


def unpadded(part: str) -> bytes:
    """The bytes that *part* (base64url without padding) is the one text of. Raises ``ValueError``.

    Others decode to the same bytes (the last character has bits to spare): they are refused, so that
    what is signed has one text only.
    """
    data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != part:
        raise ValueError("not written as it should be")
    return data


def _rsa(modulus: int, exponent: int) -> RSAPublicKey | None:
    if not RSA_BITS <= modulus.bit_length() <= MOST_RSA_BITS:
        return None
    return RSAPublicNumbers(exponent, modulus).public_key()


def _number(text: str) -> int:
    return int.from_bytes(unpadded(text), "big")
