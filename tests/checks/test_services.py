"""Adding, changing, trying and removing checks: who may, what is refused, what is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from accounts.actors import SYSTEM, Actor
from accounts.models import Event, Role, User
from albatross.models import Instance
from mollymawk.errors import Conflict, Forbidden, Invalid, Missing, Refused
from tests.checks.conftest import check_of
from tests.checks.servers import answering, http, serving
from unikernels.checks import services
from unikernels.checks.services import (
    MAX_CHECKS,
    check_add,
    check_change,
    check_remove,
    check_try,
    restart_after_set,
)
from unikernels.models import Check, CheckResult, Unikernel

WEB = {"url": "http://10.0.0.2:8080/"}


@pytest.fixture
def check(unikernel: Unikernel) -> Check:
    return check_of(unikernel, "web", "http", **WEB)


def add(actor: Actor, unikernel: Unikernel, **given: Any) -> Check:
    words: dict[str, Any] = {"name": "web", "kind": "http", "settings": WEB}
    return check_add(actor=actor, unikernel=unikernel, **(words | given))


def told() -> list[str]:
    return list(Event.objects.order_by("id").filter(kind__startswith="check.").values_list("kind", flat=True))


def test_a_check_is_added_and_due_at_once(unikernel: Unikernel, deployer: Actor) -> None:
    check = add(deployer, unikernel, name=" web ", seconds=30)
    check.refresh_from_db()
    assert (check.name, check.kind, check.seconds, check.state) == ("web", "http", 30, Check.State.UNKNOWN)
    assert check.settings == {
        "url": WEB["url"],
        "connect": None,
        "status": [200, 399],
        "text": "",
        "verify": True,
    }
    assert check.due_at <= timezone.now()
    event = Event.objects.get(kind="check.added")
    assert (event.subject, event.team, event.reason) == (f"unikernel:{unikernel.pk}", unikernel.team, "web")
    assert event.data == {"check": check.pk, "kind": "http"}


def test_what_is_asked_stands_in_no_event(unikernel: Unikernel, deployer: Actor) -> None:
    add(deployer, unikernel, settings={"url": "http://10.0.0.2/?token=abc123"})
    assert "abc123" not in str(Event.objects.values_list("reason", "data"))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"kind": "icmp"}, "kind"),
        ({"settings": {}}, "url"),
        ({"settings": None}, "settings"),
        ({"seconds": 9}, "seconds"),
        ({"seconds": 86_401}, "seconds"),
        ({"seconds": True}, "seconds"),
    ],
)
def test_what_is_wrong_is_refused_with_its_field(
    unikernel: Unikernel, deployer: Actor, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as invalid:
        add(deployer, unikernel, **given)
    assert list(invalid.value.fields) == [field]
    assert not Check.objects.exists()


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("http", {"url": "http://169.254.169.254/"}),
        ("http", {"url": "http://www.example.org/", "connect": "127.0.0.1"}),
        ("dns", {"server": "[::1]", "name": "a.org"}),
        ("tcp", {"address": "192.168.1.1:22"}),
    ],
)
def test_an_address_that_may_not_be_reached_is_refused_at_once(
    unikernel: Unikernel, deployer: Actor, kind: str, settings: dict[str, Any]
) -> None:
    with pytest.raises(Refused):
        add(deployer, unikernel, kind=kind, settings=settings)
    with pytest.raises(Refused):
        check_try(actor=deployer, unikernel=unikernel, kind=kind, settings=settings)


def test_a_name_is_given_once_and_checks_are_counted(unikernel: Unikernel, deployer: Actor) -> None:
    add(deployer, unikernel)
    with pytest.raises(Conflict):
        add(deployer, unikernel)
    for number in range(1, MAX_CHECKS):
        add(deployer, unikernel, name=f"web {number}")
    with pytest.raises(Refused):
        add(deployer, unikernel, name="one too many")
    assert Check.objects.count() == MAX_CHECKS


def test_another_question_forgets_the_last_answer(check: Check, deployer: Actor) -> None:
    Check.objects.update(state=Check.State.DOWN, failures=5)  # by a sweep, since it was read
    changed = check_change(actor=deployer, check=check, settings={"url": "http://10.0.0.3/"})
    assert (changed.state, changed.failures) == (Check.State.UNKNOWN, 0)
    assert told() == ["check.changed", "check.unknown"]


def test_another_name_or_time_forgets_nothing(check: Check, deployer: Actor) -> None:
    Check.objects.update(state=Check.State.UP)
    check.refresh_from_db()
    changed = check_change(actor=deployer, check=check, name="site", seconds=15)
    assert (changed.name, changed.seconds, changed.state) == ("site", 15, Check.State.UP)
    assert Event.objects.get(kind="check.changed").data["fields"] == ["name", "seconds"]


def test_the_same_again_is_no_change(check: Check, deployer: Actor) -> None:
    check_change(actor=deployer, check=check, name="web", settings=WEB, seconds=60)
    assert told() == []


def test_a_change_is_held_to_the_same_rules(check: Check, unikernel: Unikernel, deployer: Actor) -> None:
    check_of(unikernel, "other", "tcp", address="10.0.0.2:22")
    with pytest.raises(Conflict):
        check_change(actor=deployer, check=check, name="other")
    with pytest.raises(Invalid):
        check_change(actor=deployer, check=check, kind="tcp")
    with pytest.raises(Refused):
        check_change(actor=deployer, check=check, settings={"url": "http://127.0.0.1/"})
    kept = Check.objects.get(pk=check.pk)
    assert (kept.name, kept.kind, kept.settings["url"]) == ("web", "http", WEB["url"])


def test_a_check_that_was_removed_meanwhile_is_missing(check: Check, deployer: Actor) -> None:
    Check.objects.all().delete()
    with pytest.raises(Missing):
        check_change(actor=deployer, check=check, seconds=30)
    assert told() == []


def test_another_kind_comes_with_its_settings(check: Check, deployer: Actor) -> None:
    changed = check_change(actor=deployer, check=check, kind="tcp", settings={"address": "10.0.0.2:22"})
    assert (changed.kind, changed.settings) == ("tcp", {"address": "10.0.0.2:22"})


def test_a_removed_check_takes_its_results_with_it(check: Check, deployer: Actor) -> None:
    CheckResult.objects.create(check_row=check, at=check.created_at, outcome="passed", latency=0, text="")
    check_remove(actor=deployer, check=check)
    check_remove(actor=deployer, check=check)
    assert not Check.objects.exists()
    assert not CheckResult.objects.exists()
    assert told() == ["check.removed"]


def test_a_try_asks_once_and_stores_nothing(unikernel: Unikernel, deployer: Actor, here: str) -> None:
    with serving(here, answering(http(200))) as server:
        found = check_try(actor=deployer, unikernel=unikernel, kind="http", settings={"url": server.url})
    assert (found.outcome, found.text) == ("passed", "It answered 200.")
    assert not Check.objects.exists()
    assert not Event.objects.filter(kind__startswith="check.").exists()


# --- who may -------------------------------------------------------------------------------------------


def test_viewers_read_and_strangers_see_nothing(
    check: Check, unikernel: Unikernel, bob: User, charlie: User, instance: Instance
) -> None:
    viewer, stranger = Actor(bob, "session"), Actor(charlie, "session")
    assert services.check_of(viewer, check.pk) == check
    for actor, error in ((viewer, Forbidden), (stranger, Missing)):
        with pytest.raises(error):
            services.check_of(actor, check.pk, Role.DEPLOYER)
        with pytest.raises(error):
            add(actor, unikernel, name="another")
        with pytest.raises(error):
            check_change(actor=actor, check=check, seconds=30)
        with pytest.raises(error):
            check_remove(actor=actor, check=check)
        with pytest.raises(error):
            check_try(actor=actor, unikernel=unikernel, kind="http", settings=WEB)
        with pytest.raises(error):
            restart_after_set(actor=actor, unikernel=unikernel, after=3)
    assert list(services.checks_of(stranger)) == []
    assert told() == []


def test_what_belongs_to_nobody_has_no_checks(unikernel: Unikernel) -> None:
    Unikernel.objects.update(team=None)
    unikernel.refresh_from_db()
    with pytest.raises(Refused):
        add(SYSTEM, unikernel)


# --- automatic restarts, words -------------------------------------------------------------------------


def test_automatic_restarts_are_switched_on_and_off(unikernel: Unikernel, deployer: Actor) -> None:
    for after in (3, 3, None):
        restart_after_set(actor=deployer, unikernel=unikernel, after=after)
        assert Unikernel.objects.get().restart_after == after
    reasons = Event.objects.filter(kind="unikernel.restart-after").order_by("id")
    assert list(reasons.values_list("reason", flat=True)) == ["after 3 failed rounds of a check", "never"]


@pytest.mark.parametrize("after", [0, 1, 101, -3, True])
def test_a_restart_after_one_failure_is_none_that_helps(
    unikernel: Unikernel, deployer: Actor, after: int
) -> None:
    with pytest.raises(Invalid):
        restart_after_set(actor=deployer, unikernel=unikernel, after=after)


def test_a_check_in_words_also_when_it_cannot_be_read(check: Check) -> None:
    assert services.told_of(check) == "http://10.0.0.2:8080/ answers 200 to 399"
    check.settings = {"old": 1}
    assert services.told_of(check) == "its settings cannot be read"
