"""Names: resolved once, every address judged, connected to what was judged."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings

from albatross.models import Instance
from tests.checks.conftest import Probe
from tests.checks.servers import Served, by_path, hanging, http, serving
from unikernels.checks import resolving
from unikernels.checks.addresses import Reach, networks
from unikernels.checks.resolving import MAX_PLACES, Unasked, places, reach_of
from unikernels.models import CheckResult

PASSED, FAILED, INCONCLUSIVE = CheckResult.Outcome
Names = dict[str, list[list[str]]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A resolver of our own: by name, the answers it gives one after the other (the last one again)."""
    known: Names = {}

    def getaddrinfo(host: str, *_: Any, **__: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = known[host]
        return [(0, 0, 0, "", (text, 0)) for text in (answers.pop(0) if len(answers) > 1 else answers[0])]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def test_a_name_leads_to_what_it_names(names: Names, here: str, ask: Probe) -> None:
    names["web.example.org"] = [[here]]
    with serving(here, hanging) as server:
        assert ask("tcp", address=f"web.example.org:{server.port}").outcome == PASSED


def test_a_rebinding_name_is_resolved_once_and_connected_to_where_it_was_judged(
    names: Names, here: str, ask: Probe
) -> None:
    names["rebind.example.org"] = [[here], ["127.0.0.1"], ["169.254.169.254"]]
    served: list[Served] = []
    answers = {b"/": http(302, Location="/in"), b"/in": http(200, b"hello")}
    with serving(here, by_path(served, answers)) as server:
        served.append(server)
        found = ask("http", url=f"http://rebind.example.org:{server.port}/", text="hello")
    assert found.outcome == PASSED
    assert len(server.requests) == 2, "the redirect as well"
    assert len(names["rebind.example.org"]) == 2, "only one of the three answers was asked for"


@pytest.mark.parametrize(
    "bad",
    ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1%1", "10.1.1.1", "fd00:ec2::254"],
)
def test_a_name_that_leads_to_one_bad_address_is_not_connected_to_at_all(
    names: Names, here: str, ask: Probe, bad: str
) -> None:
    for order in ([here, bad], [bad, here]):
        names["mixed.example.org"] = [order]
        served: list[Served] = []
        with serving(here, by_path(served, {b"/": http(200)})) as server:
            served.append(server)
            found = ask("http", url=f"http://mixed.example.org:{server.port}/")
        assert (found.outcome, found.text) == (
            INCONCLUSIVE,
            resolving.UNTOLD.format("mixed.example.org", "checks"),
        )
        assert server.requests == []


def test_a_name_that_is_not_there_says_nothing_about_the_unikernel(names: Names, ask: Probe) -> None:
    found = ask("http", url="http://nowhere.example.org/")
    assert found.outcome == INCONCLUSIVE
    assert "nowhere.example.org" in found.text


@pytest.mark.parametrize("host", ["x" * 64 + ".example.org", "a." * 120 + "b"])
def test_a_name_that_cannot_be_is_inconclusive(ask: Probe, host: str) -> None:
    assert ask("tcp", address=f"{host}:80", timeout=2).outcome == INCONCLUSIVE


def test_a_resolver_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch, ask: Probe) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: goes_on.wait(20) and [])
    found = ask("tcp", address="slow.example.org:80", timeout=0.1)
    goes_on.set()
    for thread in threading.enumerate():
        if thread.name == "resolve":
            thread.join()
    assert found.outcome == INCONCLUSIVE
    assert "not resolved within" in found.text


def test_too_many_names_at_once_are_inconclusive(monkeypatch: pytest.MonkeyPatch, ask: Probe) -> None:
    monkeypatch.setattr(resolving, "_lookups", threading.BoundedSemaphore(1))
    resolving._lookups.acquire()
    found = ask("tcp", address="a.example.org:80", timeout=0.05)
    assert (found.outcome, "too many" in found.text) == (INCONCLUSIVE, True)


def test_a_name_with_several_addresses_is_tried_at_the_next_one(
    names: Names, here: str, simulated_network: str, ask: Probe
) -> None:
    dead = simulated_network.replace("0/24", "203")
    names["two.example.org"] = [[dead, here]]
    with serving(here, hanging) as server:
        assert ask("tcp", address=f"two.example.org:{server.port}").outcome == PASSED


def test_a_crowd_of_addresses_is_judged_whole_and_tried_in_part(names: Names) -> None:
    crowd = [f"9.9.9.{number}" for number in range(100)]
    names["crowd.example.org"] = [crowd, [*crowd, "127.0.0.1"]]
    assert len(places("crowd.example.org", 80, Reach(), 1)) == MAX_PLACES
    with pytest.raises(Unasked):
        places("crowd.example.org", 80, Reach(), 1)


def test_mapped_and_plain_are_one_place(names: Names, here: str, reach: Reach) -> None:
    names["twice.example.org"] = [[here, f"::ffff:{here}"]]
    (place,) = places("twice.example.org", 80, reach, 1)
    assert place.sockaddr == (here, 80)


def test_this_very_machine_is_never_reached_by_any_of_its_addresses() -> None:
    own = _own_address()
    everything = networks(["0.0.0.0/0", "::/0"])
    with pytest.raises(Unasked, match="this machine"):
        places(own, 80, Reach(everything), 1)


def _own_address() -> str:
    """An address of this machine that is neither loopback nor of a link."""
    for target in ("9.9.9.9", "2620:fe::fe"):
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as looking:
            try:
                looking.connect((target, 9))
            except OSError:
                continue
            own: str = looking.getsockname()[0]
            if not ip_address(own).is_loopback and not ip_address(own).is_link_local:
                return own
    pytest.skip("this machine has no address beside the loopback")


# --- ourselves -----------------------------------------------------------------------------------------


@pytest.fixture
def reach_with(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Reach]]:
    """What the checks of an instance may reach with the given settings and database host."""

    def reach_with(host: str = "", **changed: Any) -> Reach:
        known = {
            "DATABASES": {"default": {"HOST": host, "PORT": ""}},
            "REDIS_URL": "unix:///run/valkey.sock",
            "SITE_URL": "http://10.0.0.7:8000",
            "SIMULATED_NETWORK": settings.SIMULATED_NETWORK,
            "CHECK_SIMULATED_NETWORK": False,
        }
        monkeypatch.setattr(resolving, "settings", SimpleNamespace(**(known | changed)))
        resolving._our_places.cache_clear()
        return reach_of(Instance(check_networks=["10.0.0.0/24"]))

    yield reach_with
    resolving._our_places.cache_clear()


def test_our_database_broker_and_web_server_are_known(reach_with: Callable[..., Reach], names: Names) -> None:
    names["db.internal"] = [["10.0.0.5", "fd00::5"]]
    names["www.example.org"] = [["9.9.9.9"]]
    reach = reach_with(
        "db.internal", REDIS_URL="redis://:secret@10.0.0.6:6380/0", SITE_URL="https://www.example.org"
    )
    assert reach.ours == {
        (ip_address("10.0.0.5"), 5432),
        (ip_address("fd00::5"), 5432),
        (ip_address("10.0.0.6"), 6380),
        (ip_address("9.9.9.9"), 443),
    }


def test_servers_on_sockets_of_this_machine_need_no_rule(reach_with: Callable[..., Reach]) -> None:
    assert reach_with("/run/postgresql").ours == {(ip_address("10.0.0.7"), 8000)}


def test_a_server_of_ours_whose_name_leads_nowhere_hinders_nobody(
    reach_with: Callable[..., Reach], names: Names
) -> None:
    assert reach_with("gone.internal").ours == {(ip_address("10.0.0.7"), 8000)}


def test_what_an_instance_allows_is_reached(reach_with: Callable[..., Reach]) -> None:
    reach = reach_with()
    assert places("10.0.0.2", 80, reach, 1)
    for host in ("10.0.1.2", "127.77.0.1"):
        with pytest.raises(Unasked):
            places(host, 80, reach, 1)


def test_the_simulated_network_is_reached_where_it_is_switched_on(
    reach_with: Callable[..., Reach], here: str
) -> None:
    assert places(here, 80, reach_with(CHECK_SIMULATED_NETWORK=True), 1)
