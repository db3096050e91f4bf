"""``checks``, ``update_mode``, ``freeze``, ``unfreeze``."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.caller import Caller
from tests.api.house import House
from tests.commands.conftest import Run
from unikernels.models import Check, CheckResult, Freeze, Unikernel

HTTP = ("--http", "http://192.88.99.1:8080/")


@pytest.mark.parametrize(
    ("words", "kind", "expected"),
    [
        (HTTP, "http", {"url": HTTP[1], "connect": None, "status": [200, 399], "text": "", "verify": True}),
        (
            (*HTTP, "--status", "204", "--text", "ok", "--connect", "192.88.99.2", "--no-verify"),
            "http",
            {"url": HTTP[1], "connect": "192.88.99.2", "status": [204, 204], "text": "ok", "verify": False},
        ),
        (
            ("--dns", "example.org", "--server", "192.88.99.1", "--type", "txt", "--answer", "hello"),
            "dns",
            {"server": "192.88.99.1:53", "name": "example.org", "type": "TXT", "answer": "hello"},
        ),
        (("--tcp", "192.88.99.1:22"), "tcp", {"address": "192.88.99.1:22"}),
    ],
)
def test_a_check_is_added(
    words: tuple[str, ...], kind: str, expected: dict[str, Any], house: House, run: Run
) -> None:
    plan = run("checks", "hello", "--add", "web", *words, "--dry-run")
    assert (plan.code, plan.out.startswith("1. Ask each 60 s: ")) == (0, True), plan.err
    assert not Check.objects.exists()
    ran = run("checks", "hello", "--add", "web", *words, "--every", 30, "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["kind"], ran.json["settings"], ran.json["seconds"]) == (kind, expected, 30)


def test_checks_are_listed(house: House, deployer: Caller, run: Run) -> None:
    Check.objects.filter(pk=house.check.pk).update(state="down", name="we\x1bb")
    ran = run("checks", "hello")
    assert ran.out.splitlines()[0].split() == ["CHECK", "STATE", "SINCE", "EVERY", "ASKS"]
    assert "down" in ran.out
    assert "\x1b" not in ran.out
    told = deployer.get(f"unikernels/{house.unikernel.pk}/checks/").json()["items"]
    assert run("checks", "hello", "--json").json == told


def test_a_check_is_removed(house: House, run: Run) -> None:
    name = house.check.name
    assert run("checks", "hello", "--remove", name, "--dry-run").code == 0
    assert Check.objects.exists()
    assert run("checks", "hello", "--remove", name).code == 0
    assert run("checks", "hello", "--remove", name).code == 3


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--add", "web"), 2),
        (("--add", "web", "--http", "ftp://example.org"), 2),
        (("--add", "web", "--http", "http://a:b@example.org"), 2),
        (("--add", "web", *HTTP, "--tcp", "192.88.99.1:22"), 2),
        (("--add", "web", *HTTP, "--answer", "x"), 2),
        (("--add", "web", *HTTP, "--status", "good"), 2),
        (("--add", "web", *HTTP, "--every", 1), 2),
        (("--add", "web", *HTTP, "--remove", "web"), 2),
        (("--add", "", *HTTP), 2),
        (HTTP, 2),
        (("--every", 5), 2),
        (("--try", "web", *HTTP), 2),
        (("--try",), 2),
        (("--try", "nothing"), 3),
        (("--add", "in", "--tcp", "169.254.169.254:80"), 4),
        (("--add", "in", "--tcp", "169.254.169.254:80", "--dry-run"), 4),
        (("--try", "--tcp", "169.254.169.254:80"), 4),
        (("--add", "tcp", *HTTP), 5),
    ],
)
def test_each_trouble_has_its_exit_code(words: tuple[Any, ...], code: int, house: House, run: Run) -> None:
    Check.objects.filter(pk=house.check.pk).update(name="tcp")
    ran = run("checks", "hello", *words)
    assert ran.code == code, ran.err
    assert ran.err or "--dry-run" in words
    assert Check.objects.count() == 1


def test_a_try_ends_as_it_found(house: House, run: Run, simulated_network: str) -> None:
    nobody = simulated_network.replace(".0/24", ".99") + ":8080"
    ran = run("checks", "hello", "--try", "--tcp", nobody)
    assert (ran.code, "failed" in ran.out) == (9, True), ran.out + ran.err
    assert run("checks", "hello", "--try", "--tcp", nobody, "--json").json["outcome"] == "failed"
    assert run("checks", "hello", "--try", "--tcp", nobody, "--dry-run").code == 0
    Check.objects.filter(pk=house.check.pk).update(settings={"address": "no-such-host.invalid:80"})
    assert run("checks", "hello", "--try", house.check.name).code == 1  # we could not ask
    assert not CheckResult.objects.exists()


# --- update_mode -------------------------------------------------------------------------------------

WINDOW = ("--weekday", "mon", "--weekday", "Saturday", "--start", "03:00", "--minutes", 90, "--zone", "UTC")


def test_the_update_mode_is_shown_and_set(house: House, deployer: Caller, run: Run) -> None:
    assert run("update_mode", "hello").out.split()[:2] == ["mode", "manual"]
    ran = run("update_mode", "hello", "automatic", *WINDOW, "--restart-after", 3)
    assert ran.code == 0, ran.err
    assert "Monday, Saturday at 03:00 for 1 h 30 min (UTC)" in ran.out
    told = deployer.get(f"unikernels/{house.unikernel.pk}/updates/").json()
    assert run("update_mode", "hello", "--json").json == told
    assert told["restart_after"] == 3


def test_what_is_not_said_stays(house: House, run: Run) -> None:
    run("update_mode", "hello", "automatic", *WINDOW, "--restart-after", 3)
    told = run("update_mode", "hello", "--start", "04:30", "--json").json
    assert (told["mode"], told["restart_after"]) == ("automatic", 3)
    assert told["maintenance"] == {"weekdays": [0, 5], "start": "04:30", "minutes": 90, "zone": "UTC"}
    assert run("update_mode", "hello", "--restart-after", "never", "--json").json["restart_after"] is None


def test_a_dry_run_of_a_mode_sets_nothing(house: House, run: Run) -> None:
    assert run("update_mode", "hello", "tell", "--dry-run").out.startswith("1. Set mode")
    assert Unikernel.objects.get(pk=house.unikernel.pk).update_mode == "manual"
    assert run("update_mode", "hello", "--dry-run").code == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("sometimes",), 2),
        (("automatic",), 2),
        (("automatic", "--start", "03:00"), 2),
        (("--weekday", "someday"), 2),
        (("--restart-after", "often"), 2),
        (("--restart-after", 1), 2),
    ],
)
def test_a_mode_that_means_nothing_is_2(words: tuple[Any, ...], code: int, house: House, run: Run) -> None:
    ran = run("update_mode", "hello", *words)
    assert (ran.code, bool(ran.err)) == (code, True)
    assert run("update_mode", "nobody", *words).code in {2, 3}


def test_what_is_unmanaged_is_not_updated(house: House, run: Run) -> None:
    assert run("update_mode", "wiki", "tell").code == 4


# --- freezes -----------------------------------------------------------------------------------------


def test_a_team_is_frozen_and_goes_on(house: House, run: Run) -> None:
    assert run("freeze", "--team", "robur", "--dry-run").code == 0
    assert not Freeze.objects.exists()
    ran = run("freeze", "--team", "robur", "--reason", "release week", "--json")
    assert (ran.code, ran.json["team"], ran.json["reason"]) == (0, "robur", "release week")
    assert "frozen for robur: release week" in run("update_mode", "hello").err
    assert run("unfreeze", "--team", "robur", "--dry-run").code == 0
    assert run("unfreeze", "--team", "robur").code == 0
    assert run("unfreeze", "--team", "robur").code == 3


def test_everybody_is_frozen_and_goes_on(house: House, run: Run) -> None:
    assert "everybody" in run("freeze", "--all").out
    assert Freeze.objects.get().team is None
    assert run("unfreeze", "--all", "--json").json == {"unfrozen": None}


def test_a_freeze_says_whose(house: House, run: Run) -> None:
    for name in ("freeze", "unfreeze"):
        assert run(name).code == 2
        assert run(name, "--all", "--team", "robur").code == 2
        assert run(name, "--team", "nobody").code == 3
    assert run("freeze", "--all", "--reason", "x" * 201).code == 2
