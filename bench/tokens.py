"""What a token costs: CPU that its check adds to a bare view of the framework, and an exchange of an identity.

In one process, without a network: the exchange is a real request through Django, with the keys of the
issuer known, as they are but once an hour.
"""

from __future__ import annotations

import base64
import json
import statistics
import time
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from bench.surroundings import project

CALLS = 500
CHECK_TARGET = 1.5  # ms of CPU beyond the bare view
EXCHANGE_TARGET = 20.0  # ms


def cpu(call: Callable[[], Any]) -> float:
    """Milliseconds of CPU of the median call."""
    return _median(call, time.process_time)


def wall(call: Callable[[], Any]) -> float:
    """Milliseconds of the median call."""
    return _median(call, time.perf_counter)


def _median(call: Callable[[], Any], clock: Callable[[], float]) -> float:
    found = []
    for number in range(CALLS + 20):
        start = clock()
        call()
        if number >= 20:
            found.append(clock() - start)
    return statistics.median(found) * 1000


def checked() -> None:
    """The same view without anybody, and for a token."""
    from rest_framework.response import Response  # noqa: PLC0415  # Django is set up only now
    from rest_framework.test import APIRequestFactory  # noqa: PLC0415
    from rest_framework.views import APIView  # noqa: PLC0415

    from accounts.endpoint import PersonEndpoint  # noqa: PLC0415
    from bench.population import populate  # noqa: PLC0415
    from mollymawk.rest.schema import states  # noqa: PLC0415

    class Bare(APIView):
        authentication_classes = ()
        permission_classes = ()

        def get(self, request: Any) -> Response:
            return Response({})

    class Ours(PersonEndpoint):
        def get(self, request: Any) -> Response:
            return Response({})

        get = states("read", get)

    text, _ = populate(1)
    request = APIRequestFactory().get
    header = {"HTTP_AUTHORIZATION": f"Bearer {text}"}
    bare, ours = Bare.as_view(), Ours.as_view()
    assert ours(request("/", **header)).status_code == HTTPStatus.OK  # type: ignore[arg-type]
    without = cpu(lambda: bare(request("/")))
    told = cpu(lambda: ours(request("/", **header)))  # type: ignore[arg-type]
    print(
        f"token check: {told - without:.2f} ms of CPU beyond the bare view's {without:.2f} (target: {CHECK_TARGET})"
    )


def exchanged() -> None:
    """A request for each identity, signed beforehand."""
    from django.core.cache import cache  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from accounts.actors import Actor  # noqa: PLC0415
    from accounts.models import Team, User  # noqa: PLC0415
    from accounts.publishers.models import Issuer  # noqa: PLC0415
    from accounts.publishers.services import publisher_add  # noqa: PLC0415

    key = rsa.generate_private_key(65537, 2048)
    issuer = Issuer.objects.get(name="github")
    publisher_add(
        actor=Actor(User.objects.get(), "session"),
        team=Team.objects.get(name="measured"),
        issuer=issuer,
        repository="robur/unikernels",
        repository_id="4711",
        owner_id="42",
        workflow="deploy.yml",
    )
    held = {"url": issuer.url, "at": time.time(), "keys": {"k": _told(key)}}
    cache.set(f"accounts.publishers.keys.{issuer.pk}", held, 3600)
    texts = iter([_identity(key, issuer.url) for _ in range(CALLS + 20)])
    client = Client(SERVER_NAME="127.0.0.1")

    def exchange() -> None:
        answer = client.post("/api/v1/oidc/exchange/", {"token": next(texts)}, "application/json")
        assert answer.status_code == HTTPStatus.OK, answer.content

    print(f"exchange: p50 {wall(exchange):.1f} ms (target: at most {EXCHANGE_TARGET:g})")


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _told(key: Any) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    n, e = (_b64(value.to_bytes((value.bit_length() + 7) // 8, "big")) for value in (numbers.n, numbers.e))
    return {"kty": "RSA", "kid": "k", "n": n, "e": e}


def _identity(key: Any, url: str) -> str:
    from django.conf import settings  # noqa: PLC0415

    now = int(time.time())
    claims = {
        "iss": url,
        "aud": settings.OIDC_AUDIENCE,
        "sub": "repo:robur/unikernels",
        "jti": str(uuid.uuid4()),
        "iat": now,
        "nbf": now,
        "exp": now + 900,
        "repository": "robur/unikernels",
        "repository_id": "4711",
        "repository_owner_id": "42",
        "job_workflow_ref": "robur/unikernels/.github/workflows/deploy.yml@refs/heads/main",
        "ref": "refs/heads/main",
        "event_name": "push",
    }
    head = ".".join(_b64(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "k"}, claims))
    return f"{head}.{_b64(key.sign(head.encode(), PKCS1v15(), SHA256()))}"


def main() -> None:
    """Print the figures beside their targets."""
    with project():
        checked()
        exchanged()


if __name__ == "__main__":
    main()
