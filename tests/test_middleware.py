"""Addresses that are refused before anything looks at them."""

import logging
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from mollymawk.middleware import OneLine


@pytest.mark.parametrize("address", ["/%00/", "/unikernels/?q=a%00b", "/teams/a%00b/"])
def test_a_nul_in_a_pages_address_is_a_bad_request(address: str, client: Client) -> None:
    assert client.get(address).status_code == 400


@pytest.mark.parametrize("address", ["/api/v1/teams/%00/tokens/", "/api/v1/unikernels/?q=%00"])
def test_in_the_api_it_is_a_problem(address: str, client: Client) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_what_somebody_sends_stays_in_its_line_of_the_log() -> None:
    line = OneLine("{levelname} {message}", style="{")
    sent = "x\r\nERROR all is lost\u2028\x1b[2J\u202e"
    record = logging.LogRecord("x", logging.WARNING, "", 0, "not found: %s", (sent,), None)
    assert (
        line.format(record) == "WARNING not found: x\\u000d\\u000aERROR all is lost\\u2028\\u001b[2J\\u202e"
    )
    formatters: Any = settings.LOGGING["formatters"]
    assert formatters["line"]["()"] == "mollymawk.middleware.OneLine"
