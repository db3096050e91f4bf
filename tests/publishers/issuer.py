"""An issuer of identities: a real HTTP server with keys that it turns over, and nothing of ours in it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

AUDIENCE = "http://127.0.0.1:8000"


@cache
def key(algorithm: str, number: int = 0) -> Any:
    """A private key for *algorithm*; the same each time."""
    match algorithm:
        case "RS256":
            return rsa.generate_private_key(65537, 2048)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value: Any) -> str:
    return b64(json.dumps(value).encode())


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def jwk(private: Any, kid: str) -> dict[str, Any]:
    """The public half of *private*, as an issuer tells it."""
    public = private.public_key()
    told: dict[str, Any] = {"kid": kid, "use": "sig"}
    if isinstance(private, rsa.RSAPrivateKey):
        numbers = public.public_numbers()
        return told | {"kty": "RSA", "alg": "RS256", "n": number(numbers.n), "e": number(numbers.e)}
    if isinstance(private, ec.EllipticCurvePrivateKey):
        point = public.public_numbers()
        return told | {"kty": "EC", "crv": "P-256", "x": number(point.x, 32), "y": number(point.y, 32)}
    return told | {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes_raw())}


def signature(private: Any, message: bytes) -> bytes:
    """Of *private*, whatever kind it is; of bytes an HMAC."""
    if isinstance(private, bytes):
        return hmac.digest(private, message, hashlib.sha256)
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(message, padding.PKCS1v15(), SHA256())
    if isinstance(private, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(private.sign(message, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    found: bytes = private.sign(message)
    return found


def jwt(private: Any, header: Any, claims: Any) -> str:
    """A signed text."""
    head = f"{part(header)}.{part(claims)}"
    return f"{head}.{b64(signature(private, head.encode()))}"


class Server(ThreadingHTTPServer):
    """``keys``: name to private key. ``asked`` counts the questions for them; ``broken`` answers 500."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.keys = {f"{algorithm}-0": key(algorithm) for algorithm in ("RS256", "ES256", "EdDSA")}
        self.asked, self.broken = 0, False

    def claims(self, **other: Any) -> dict[str, Any]:
        """What GitHub tells of a push to main of robur/unikernels."""
        now = int(time.time())
        told = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "repo:robur/unikernels:ref:refs/heads/main",
            "jti": str(uuid.uuid4()),
            "iat": now,
            "nbf": now - 5,
            "exp": now + 300,
            "repository": "robur/unikernels",
            "repository_id": "4711",
            "repository_owner": "robur",
            "repository_owner_id": "42",
            "job_workflow_ref": "robur/unikernels/.github/workflows/deploy.yml@refs/heads/main",
            "workflow_ref": "robur/unikernels/.github/workflows/deploy.yml@refs/heads/main",
            "ref": "refs/heads/main",
            "event_name": "push",
            "environment": "production",
            "run_id": "1",
            "sha": "a" * 40,
        }
        return {name: value for name, value in (told | other).items() if value is not None}

    def identity(self, kid: str = "RS256-0", **other: Any) -> str:
        """An identity as a workflow gets it; claims with None are left out."""
        header = {"typ": "JWT", "alg": kid.rpartition("-")[0], "kid": kid}
        return jwt(self.keys[kid], header, self.claims(**other))


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.server.broken:
            self.send_error(500)
            return
        if self.path.startswith("/ask"):  # where a runner asks for an identity
            audience = self.path.partition("audience=")[2].replace("%3A", ":").replace("%2F", "/")
            self._tell({"value": self.server.identity(aud=audience)})
        elif self.path == "/keys":
            self.server.asked += 1
            self._tell({"keys": [jwk(private, kid) for kid, private in self.server.keys.items()]})
        else:
            self._tell({"issuer": self.server.url, "jwks_uri": f"{self.server.url}/keys"})

    def _tell(self, told: Any) -> None:
        data = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    """An issuer that answers until the end of the block."""
    server = Server()
    with answering(server):
        yield server


@contextmanager
def answering(server: ThreadingHTTPServer) -> Iterator[None]:
    """*server* answers until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
