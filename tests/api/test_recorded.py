"""Every change by API is an event that tells who, with what, from where: each endpoint of the matrix
is called in earnest. An endpoint that is added is asked, too.
"""

from __future__ import annotations

import pytest

from accounts.mail.models import QuietHours
from accounts.models import Event, User
from tests.api.house import House
from tests.api.lodge import ROLES, AsRole, as_role, house, lodge, root
from tests.api.test_matrix import MATRIX, ask

__all__ = ["as_role", "house", "lodge", "root"]

# What changes nothing that stays, though it is asked for with POST.
ASKS = {("check-try", "post")}
# An instance that is away has to do its part; the stories of these, with a simulated one, look at events.
AWAY = {("instances", "post"), ("instance", "put"), ("instance-retry", "post"), ("quota", "put")}
AWAY |= {("blocks", "post"), ("block", "delete"), ("issuers", "post")}
# What the matrix asks for is so already.
AS_IT_IS = {("api-second-factor", "put")}
LEFT_OUT = ASKS | AWAY | AS_IT_IS


def changes() -> list[tuple[str, str]]:
    """What changes something for a role of the matrix; some is only for one person, in its own story."""
    found = [key for key in MATRIX if key[1] != "get" and key not in LEFT_OUT]
    return [key for key in found if 200 in MATRIX[key][0].values()]


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(("name", "method"), changes())
def test_a_change_is_recorded_with_who_and_with_what(
    name: str, method: str, house: House, root: User, as_role: AsRole
) -> None:
    QuietHours.objects.create(user=root, start="01:00", end="02:00", zone="UTC")
    expected, path, body = MATRIX[name, method]
    role = next(role for role in (*ROLES[1:6][::-1], *ROLES[6:]) if expected[role] == 200)
    address, client = path(house), as_role(role)
    last = Event.objects.latest("id").pk
    answer = ask(client, method, address, body(house))
    if answer.status_code == 428:
        sent = {"data": body(house), "content_type": "application/json", "headers": {"If-Match": "*"}}
        answer = getattr(client, method)(f"/api/v1/{address}", **sent)
    assert answer.status_code < 300, answer.content
    told = Event.objects.filter(id__gt=last, address="127.0.0.1").exclude(who="")
    assert told.exists(), f"{method} {address} left no event"
    assert all(event.credential == "session" or "token" in role for event in told)
