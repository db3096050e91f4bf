"""Nothing of a team gets to strangers, and what is not theirs is answered like what is not there."""

from __future__ import annotations

import pytest

from tests.security.asking import FOUND, absent_of, address_of, body, told, without
from tests.security.planted import Planted
from tests.security.stated import PAGES, Need

API = sorted(route for route in FOUND if route.startswith("api/v1/") and route != "api/v1/")
SESSIONS, PROGRAMS = ("nobody", "outsider", "neighbour"), ("neighbour token", "left token")
ANYBODYS = {route for route, (need, _) in PAGES.items() if need in {Need.PERSON, Need.ANYBODY}}
ANYBODYS |= {route for route in API if route.startswith("api/v1/builders/")}
OF_INSTANCES = {route for route, (need, _) in PAGES.items() if need is Need.HERE}


@pytest.mark.parametrize("route", [*PAGES, *API, "metrics"])
def test_no_answer_to_a_stranger_names_what_is_not_theirs(route: str, planted: Planted) -> None:
    address, needles = address_of(route, planted), planted.needles
    programs = ("neighbour token",) if route in {*API, "metrics"} else ()
    for credential in (*SESSIONS, *programs):
        for method in ("GET", "POST"):
            if (method, route) == ("POST", "accounts/logout/"):
                continue
            text = without(body(planted.ask(credential, method, address)), address)
            seen = [needle for needle in needles if needle in text]
            assert not seen, f"{method} {address} told {credential} of {seen}"


@pytest.mark.parametrize("route", [r for r in [*PAGES, *API] if FOUND[r].parameters and r not in ANYBODYS])
def test_not_yours_is_answered_like_not_there(route: str, planted: Planted) -> None:
    """For those next door an instance that they use is there; the outsider has nothing on it."""
    here, nowhere = address_of(route, planted), absent_of(route, planted)
    for credential in ("outsider", "neighbour", *(PROGRAMS if route in API else ())):
        if "neighbour" in credential and (route in OF_INSTANCES or route.startswith("api/v1/instances/")):
            continue
        for method in ("GET", "POST", "PUT", "DELETE"):
            theirs = planted.ask(credential, method, here)
            nothing = planted.ask(credential, method, nowhere)
            asked = here + nowhere
            assert told(theirs, asked) == told(nothing, asked), f"{method} {here} as {credential}"
