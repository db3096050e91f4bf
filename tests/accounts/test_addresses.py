"""Where a request came from, and whom we believe about it."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from django.test import RequestFactory

from accounts.requests import MAX_HOPS, client_address


@pytest.fixture
def proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1")]


def seen(rf: RequestFactory, remote: str, forwarded: str | None = None) -> str | None:
    request = rf.get("/", REMOTE_ADDR=remote)
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_address(request)


def test_nobody_is_believed_unless_configured(rf: RequestFactory) -> None:
    assert seen(rf, "192.0.2.1", "198.51.100.7") == "192.0.2.1"


@pytest.mark.usefixtures("proxies")
@pytest.mark.parametrize(
    ("remote", "forwarded", "client"),
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),  # not from a proxy
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.7", "198.51.100.7"),  # the client's own invention comes first
        ("10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),  # nobody but proxies
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, <script>", "10.0.0.1"),
    ],
)
def test_only_what_a_proxy_wrote_is_believed(
    rf: RequestFactory, remote: str, forwarded: str | None, client: str
) -> None:
    assert seen(rf, remote, forwarded) == client


@pytest.mark.usefixtures("proxies")
def test_a_long_header_is_read_only_at_its_end(rf: RequestFactory) -> None:
    assert seen(rf, "10.0.0.1", "198.51.100.7," + "10.0.0.2," * 1000 + "10.0.0.3") == "10.0.0.2"
    assert MAX_HOPS < 1000


def test_behind_a_unix_socket_the_address_is_not_known(rf: RequestFactory) -> None:
    assert seen(rf, "") is None
