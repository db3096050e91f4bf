"""Ten thousand identities that are none: not one is taken. The real one is."""

from __future__ import annotations

import functools
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from accounts.publishers import verify
from accounts.publishers.keys import key_of
from accounts.publishers.models import Issuer
from mollymawk.errors import Forbidden
from tests.publishers.issuer import AUDIENCE, Server, b64, jwk, jwt, key, part

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
KIDS = ("RS256-0", "ES256-0", "EdDSA-0")
MANY = 10_000


@pytest.fixture
def verified(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The verifier, which asks for the issuer and its keys only once: that is tested elsewhere."""
    monkeypatch.setattr(verify, "key_of", functools.cache(key_of))
    monkeypatch.setattr(verify, "issuer_at", functools.cache(verify.issuer_at))
    return verify.verified


def changed(text: str, dice: random.Random) -> Iterator[str]:
    """Every character changed, some taken out, doubled, or exchanged with the next."""
    for place, old in enumerate(text):
        for new in dice.sample(ALPHABET, 3):
            yield text[:place] + new + text[place + 1 :]
        yield text[:place] + text[place + 1 :]
        yield text[:place] + old + text[place:]
    yield from (text + tail for tail in ("=", "==", ".", "A", " ", "\n", ".e30"))
    yield from (text[:length] for length in range(0, len(text), 97))
    yield from (" " + text, text.replace(".", "..", 1), text.swapcase(), text[::-1])


def bent(server: Server, kid: str) -> Iterator[str]:
    """Signed by who must not, or as it must not be."""
    algorithm = kid.rpartition("-")[0]
    private, claims = server.keys[kid], server.claims()
    header = {"typ": "JWT", "alg": algorithm, "kid": kid}
    right = jwt(private, header, claims)
    head, body, signature = right.split(".")
    other = key(algorithm, 1)
    public = private.public_key()
    secrets = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(jwk(private, kid)).encode(),
        b"",
    ]
    nones: list[Any] = ["none", "None", "NONE", "nOnE", "", None, 0, ["RS256"], {"alg": algorithm}]
    for none in nones:
        for tail in ("", signature, b64(b"")):
            yield f"{part(header | {'alg': none})}.{body}.{tail}"
    for name in ("HS256", "HS384", "HS512", algorithm):
        yield from (jwt(secret, header | {"alg": name}, claims) for secret in secrets)
    for name in ("RS256", "ES256", "EdDSA", "RS512", "PS256", "ES384", "ES256K", "RS1"):
        if name != algorithm:
            yield jwt(private, header | {"alg": name}, claims)
            yield f"{part(header | {'alg': name})}.{body}.{signature}"
    yield jwt(other, header, claims)
    for more in (
        {"jwk": jwk(other, kid)},
        {"jku": f"{server.url}/keys"},
        {"x5u": server.url},
        {"x5c": [b64(b"x")]},
        {"crit": ["exp"]},
        {"b64": False},
        {"zip": "DEF"},
    ):
        yield jwt(other, header | more, claims)
        yield jwt(private, header | more, claims)
    for bad in ("", "unknown", "../keys", None, 5, "x" * 500, *(each for each in KIDS if each != kid)):
        yield jwt(private, header | {"kid": bad}, claims)
    yield jwt(private, {"typ": "JWT", "alg": algorithm}, claims)
    yield jwt(private, header | {"typ": "at+jwt"}, claims)
    shapes: list[Any] = [[], "x", 1, None, [claims]]
    yield from (f"{part(shape)}.{body}.{signature}" for shape in shapes)
    yield from (jwt(private, header, shape) for shape in shapes)
    twice = b64(json.dumps(claims)[:-1].encode() + b',"aud":"x","aud":"' + AUDIENCE.encode() + b'"}')
    yield f"{head}.{twice}.{signature}"
    yield f"{head}.{body}.{b64(bytes(len(signature)))}"
    yield f"{head}.{body}.{b64(b'')}"


def wrong(server: Server, kid: str) -> Iterator[str]:
    """Signed by the issuer, but not for us, not now, or not whole."""
    now = int(time.time())
    for name in ("iss", "aud", "exp", "iat", "nbf", "jti", "sub"):
        yield server.identity(kid, **{name: None})
        yield server.identity(kid, **{name: ""})
    for name in ("exp", "iat", "nbf"):
        values: list[Any] = [str(now), True, 1.5e9, [now], {}, -1, 2**60, float(now)]
        for value in values:
            yield server.identity(kid, **{name: value})
    for audience in (
        AUDIENCE + "/",
        [AUDIENCE, "https://example.org"],
        ["x"],
        [],
        "*",
        None,
        AUDIENCE.upper(),
    ):
        yield server.identity(kid, aud=audience)
    for url in (
        server.url + "/",
        server.url.replace("http", "https"),
        "https://example.org",
        [server.url],
        1,
    ):
        yield server.identity(kid, iss=url)
    yield server.identity(kid, exp=now - 31)
    yield server.identity(kid, iat=now + 40, nbf=now + 40)
    yield server.identity(kid, nbf=now + 40)
    yield server.identity(kid, exp=now + 86_400)
    yield server.identity(kid, exp=now - 1, iat=now - 86_400)
    yield server.identity(kid, iat=now + 20, exp=now + 20)
    numbers: list[Any] = [1, [], {}, "x" * 501]
    yield from (server.identity(kid, jti=value) for value in numbers)


def test_ten_thousand_forged_identities_and_none_is_taken(server: Server, verified: Any) -> None:
    dice, seen = random.Random(11), 0
    for kid in KIDS:
        real = server.identity(kid)
        assert verified(real)[1]["repository_id"] == "4711"
        for forged in (*changed(real, dice), *bent(server, kid), *wrong(server, kid)):
            if forged == real:
                continue
            seen += 1
            with pytest.raises(Forbidden):
                verified(forged)
        assert verified(real)
    assert seen >= MANY


@pytest.mark.parametrize("seconds", [-29, 29])
def test_clocks_may_differ_by_half_a_minute(
    seconds: int, server: Server, verified: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = time.time()
    monkeypatch.setattr(time, "time", lambda: moment)
    now = int(moment) + seconds
    times: dict[str, Any] = {"iat": now, "nbf": now} if seconds > 0 else {"iat": now - 300, "exp": now}
    assert verified(server.identity(**times))


def test_a_list_with_our_audience_alone_is_ours(server: Server, verified: Any) -> None:
    assert verified(server.identity(aud=[AUDIENCE]))
