"""Addresses that are refused before anything looks at them."""

import pytest
from django.test import Client


@pytest.mark.parametrize("address", ["/%00/", "/unikernels/?q=a%00b", "/teams/a%00b/"])
def test_a_nul_in_a_pages_address_is_a_bad_request(address: str, client: Client) -> None:
    assert client.get(address).status_code == 400


@pytest.mark.parametrize("address", ["/api/v1/teams/%00/tokens/", "/api/v1/unikernels/?q=%00"])
def test_in_the_api_it_is_a_problem(address: str, client: Client) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
