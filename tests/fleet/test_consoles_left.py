"""Consoles of what no longer runs: named by the instance, read by those of the team."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.actors import SYSTEM, Actor
from accounts.models import Membership, Role, Team, User
from albatross import messages as m
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from mollymawk.errors import Missing, Unavailable
from tests.api.conftest import quick, simulated  # noqa: F401 - fixtures
from tests.api.world import settle
from tests.cast import ClientOf, client_of
from unikernels.consoles.left import left_on, lines_left
from unikernels.models import Unikernel

__all__ = ["client_of"]

pytestmark = pytest.mark.django_db
HELLO = m.UnikernelCreate(
    m.Config(m.Arguments(memory=16), image=build_image(behaviour={"lines": ["hello", "esc \x1b[2J"]}))
)


@pytest.fixture
def earth(robur: Team, simulated: SimulatedInstance) -> Instance:  # noqa: F811 - the fixture
    """An instance on which robur:gone and other:lost ran, and robur:web runs."""
    simulated.grant("other", m.Policy(2, frozenset({0}), 64, None, frozenset()))
    for name in ("robur:gone", "robur:web", "other:lost"):
        simulated.run(name, HELLO)
        simulated.wait_for_line("hello", name)
    for name in ("robur:gone", "other:lost"):
        simulated.run(name, m.UnikernelDestroy())
    simulated.observed.wait("exited", name="other:lost")
    return settle(simulated, robur)


def viewer(team: Team, email: str = "eve@example.org") -> Actor:
    user = User.objects.create_user(email, is_active=True)
    Membership.objects.create(team=team, user=user, role=Role.VIEWER)
    return Actor(user, "session")


def names(actor: Actor, instance: Instance) -> list[str]:
    return [str(left.name) for left in left_on(actor, instance)]


def test_everybody_sees_those_of_the_own_teams(earth: Instance, robur: Team) -> None:
    assert names(SYSTEM, earth) == ["other:lost", "robur:gone"]
    assert names(viewer(robur), earth) == ["robur:gone"]


def test_what_has_a_row_is_told(earth: Instance, robur: Team) -> None:
    row = Unikernel.objects.create(instance=earth, team=robur, path="robur", name="gone")
    assert {str(left.name): left.unikernel for left in left_on(SYSTEM, earth)} == {
        "robur:gone": row.pk,
        "other:lost": None,
    }


def test_the_lines_are_harmless(earth: Instance, robur: Team) -> None:
    texts = [line.text for line in lines_left(viewer(robur), earth, "robur:gone")]
    assert "hello" in texts
    assert "esc \N{SYMBOL FOR ESCAPE}[2J" in texts


@pytest.mark.parametrize("name", ["other:lost", "robur:web", "robur:never", "nonsense", ""])
def test_others_are_not_there(earth: Instance, robur: Team, name: str, simulated: SimulatedInstance) -> None:  # noqa: F811
    with pytest.raises(Missing):
        lines_left(viewer(robur), earth, name)
    assert names(SYSTEM, earth) == ["other:lost", "robur:gone"]  # asking took nobody's room


def test_an_instance_that_is_away_is_told(earth: Instance, simulated: SimulatedInstance) -> None:  # noqa: F811
    simulated.stop()
    with pytest.raises(Unavailable, match="cannot be asked for consoles now"):
        left_on(SYSTEM, earth)


def test_the_pages(earth: Instance, alice: User, client_of: ClientOf) -> None:
    client: Client = client_of(alice)
    page = client.get("/instances/fra-1/consoles/").text
    assert "/instances/fra-1/consoles/robur:gone/" in page
    assert "other:lost" not in page
    place = "/instances/fra-1/consoles/robur:gone/"
    assert "hello" in client.get(place).text
    found = client.get(f"{place}?q=HELL").text
    assert ("<mark>hell</mark>o" in found, "esc" in found) == (True, False)
    (line,) = client.get(f"/api/v1{place}?q=ESC").json()["lines"]
    assert line["text"] == "esc \N{SYMBOL FOR ESCAPE}[2J"
    file = client.get(f"{place}?q=esc&download")
    assert file.headers["Content-Disposition"] == 'attachment; filename="robur-gone-console.txt"'
    assert file.text.endswith(" esc \N{SYMBOL FOR ESCAPE}[2J\n")
    assert client.get("/instances/fra-1/consoles/other:lost/").status_code == 404
    assert "/instances/fra-1/consoles/" in client.get("/instances/fra-1/").text


def test_the_page_of_an_instance_that_is_away(
    earth: Instance,
    simulated: SimulatedInstance,  # noqa: F811
    alice: User,
    client_of: ClientOf,
) -> None:
    simulated.stop()
    response = client_of(alice).get("/instances/fra-1/consoles/")
    assert (response.status_code, "cannot be asked" in response.text) == (200, True)
