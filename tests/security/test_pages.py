"""Every page for every credential, by the table in ``stated``."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.cast import enter
from tests.security.asking import FOUND, address_of, nothing_written, verdict
from tests.security.planted import Planted
from tests.security.stated import BY_SECRET, IN, NOBODY, PAGES, PEOPLE, expected


def test_every_route_is_stated() -> None:
    elsewhere = ("api/", "admin/")  # test_api, test_old_routes, test_admin
    here = {route for route in FOUND if not route.startswith(elsewhere)}
    missing, gone = here - PAGES.keys() - BY_SECRET.keys(), (PAGES.keys() | BY_SECRET.keys()) - here
    assert not missing, f"Say in tests/security/stated.py who may come in here: {sorted(missing)}"
    assert not gone, f"These are stated, and are not there: {sorted(gone)}"


@pytest.mark.parametrize("route", PAGES)
def test_who_comes_in(route: str, planted: Planted) -> None:
    need, methods = PAGES[route]
    address, wrong = address_of(route, planted), []
    for credential in (*NOBODY, *PEOPLE):
        for method in ("GET", "POST"):
            wanted = expected(need, credential)
            if method == "POST" and wanted == IN and method in methods:
                continue  # what those may do who may is told by the tests of each page
            with nothing_written():
                answer = planted.ask(credential, method, address)
            met = verdict(answer)
            if (met == IN) if method not in methods else (met != wanted):
                wrong.append(
                    f"{method} {address} as {credential}: {met} ({answer.status_code}), not {wanted}"
                )
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("route", [route for route in PAGES if not route.startswith("accounts/")])
def test_other_methods_are_refused(route: str, planted: Planted) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        with nothing_written():
            answer = planted.ask("root", method, address_of(route, planted))
        assert answer.status_code == 405


@pytest.mark.parametrize("route", [route for route, (_, methods) in PAGES.items() if "POST" in methods])
def test_a_change_needs_the_token_of_the_form(route: str, planted: Planted) -> None:
    browser = Client(enforce_csrf_checks=True)
    enter(browser, planted.root)
    with nothing_written():
        answer = browser.post(address_of(route, planted))
    assert answer.status_code == 403
    assert answer.templates[0].name == "403_csrf.html"
