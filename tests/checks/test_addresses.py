"""Which addresses checks may reach: rules without a socket."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unikernels.checks.addresses import METADATA, Reach, networks, plain, refusal

INTERNET = Reach()
PRIVATE = Reach(networks(["10.0.0.0/24", "fd00:1::/64"]))
EVERYTHING = Reach(networks(["0.0.0.0/0", "::/0"]))
SIMULATED = Reach(simulated=(ip_network("127.77.0.0/16"),))


def may(text: str, reach: Reach = INTERNET, port: int = 80) -> bool:
    return refusal(ip_address(text), port, reach) == ""


@pytest.mark.parametrize(
    "text", ["9.9.9.9", "193.30.40.138", "2620:fe::fe", "64:ff9b::9.9.9.9", "::ffff:9.9.9.9"]
)
def test_global_addresses_are_reached(text: str) -> None:
    assert may(text)


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.2",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "fd00:1::2",
        "2001:db8::1",
    ],
)
def test_private_addresses_are_not(text: str) -> None:
    assert not may(text)
    assert "private" in refusal(ip_address(text), 80, INTERNET)


def test_the_networks_of_the_instance_are_reached_and_no_others() -> None:
    assert may("10.0.0.2", PRIVATE)
    assert may("::ffff:10.0.0.2", PRIVATE)
    assert may("fd00:1::2", PRIVATE)
    assert not may("10.0.1.2", PRIVATE)
    assert not may("fd00:2::2", PRIVATE)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "127.77.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.1.1",
        "224.0.0.251",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:0.0.0.0",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:0:7f00:1::",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "100::1",
    ],
)
def test_ourselves_our_links_and_special_addresses_never_whatever_an_instance_allows(text: str) -> None:
    assert not may(text)
    assert not may(text, EVERYTHING)


@pytest.mark.parametrize("address", sorted(METADATA, key=str), ids=str)
def test_metadata_never_in_any_disguise(address: object) -> None:
    spellings = [str(address)]
    if "." in str(address):
        packed = ip_address(str(address)).packed
        spellings += [
            f"::ffff:{address}",
            f"64:ff9b::{address}",
            f"2002:{packed[:2].hex()}:{packed[2:].hex()}::1",
        ]
    assert [text for text in spellings if may(text, EVERYTHING)] == []


def test_our_own_servers_never_but_their_neighbours_on_other_ports() -> None:
    reach = Reach(networks(["10.0.0.0/24"]), frozenset({(ip_address("10.0.0.5"), 5432)}))
    assert not may("10.0.0.5", reach, 5432)
    assert not may("::ffff:10.0.0.5", reach, 5432)
    assert may("10.0.0.5", reach, 80)


def test_the_simulated_network_only_where_it_is_switched_on() -> None:
    assert may("127.77.1.2", SIMULATED)
    assert not may("127.77.1.2", EVERYTHING)
    assert not may("127.78.1.2", SIMULATED)
    assert not may("127.0.0.1", SIMULATED)


def test_a_mapped_address_is_connected_to_as_ipv4() -> None:
    assert plain(ip_address("::ffff:9.9.9.9")) == ip_address("9.9.9.9")
    assert plain(ip_address("2620:fe::fe")) == ip_address("2620:fe::fe")


@given(st.ip_addresses(network="127.0.0.0/8") | st.ip_addresses(network="169.254.0.0/16"))
def test_no_spelling_of_ourselves_or_our_link_gets_through(address: object) -> None:
    packed = ip_address(str(address)).packed
    spellings = [
        str(address),
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        f"2002:{packed[:2].hex()}:{packed[2:].hex()}::",
    ]
    assert [text for text in spellings if may(text, EVERYTHING)] == []
