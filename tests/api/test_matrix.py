"""Who may do what: every endpoint of the URL conf for every role, by the table below.

Changes are called twice. As a dry run they tell who would be allowed; for everybody who is not,
they are called in earnest, and nothing may change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Event
from albatross.simulator.images import build_image
from mollymawk.rest.endpoint import Unknown
from tests.api.house import House
from tests.api.lodge import ROLES, AsRole, as_role, house, lodge
from unikernels.models import Unikernel

__all__ = ["as_role", "house", "lodge"]

METHODS = ("get", "post", "put", "patch", "delete")


def _row(*statuses: int) -> dict[str, int]:
    return dict(zip(ROLES, statuses, strict=True))


#           nobody strng viewer depl owner root  v.tok d.tok f.tok r.tok
OPEN = _row(200, 200, 200, 200, 200, 200, 200, 200, 200, 200)
LISTED = _row(401, 200, 200, 200, 200, 200, 200, 200, 200, 200)
LISTED_BY_OWNERS = _row(401, 200, 200, 200, 200, 200, 403, 403, 200, 403)  # empty for others
SEEN = _row(401, 404, 200, 200, 200, 200, 200, 200, 404, 200)
CHANGED = _row(401, 404, 403, 200, 200, 200, 403, 200, 404, 200)
OPENED = _row(401, 404, 403, 200, 200, 200, 403, 200, 404, 200)  # read, but not by viewers
ASKED = _row(401, 404, 502, 502, 502, 502, 502, 502, 404, 502)  # of an instance that is away
GRANTED = _row(401, 404, 403, 403, 403, 200, 403, 403, 403, 403)  # superusers, on what others may see
SUPERUSERS = _row(401, 403, 403, 403, 403, 200, 403, 403, 403, 403)
OWNERS = _row(401, 404, 403, 403, 200, 200, 403, 403, 404, 403)
PEOPLE = _row(401, 200, 200, 200, 200, 200, 403, 403, 403, 403)
ALICES = _row(401, 404, 404, 404, 200, 200, 403, 403, 404, 403)  # of a team in which only alice is
MINE = _row(401, 404, 404, 404, 404, 404, 403, 403, 403, 403)  # of somebody else
LOGGED_IN = _row(401, 404, 403, 403, 200, 200, 403, 403, 403, 403)  # owners, never a token
UNTRUSTED = _row(403, 403, 403, 403, 403, 403, 403, 403, 403, 403)  # a question that needs no credential
TOKENS = _row(401, 404, 404, 404, 404, 404, 200, 200, 200, 200)

CHECK = {"name": "tcp", "kind": "tcp", "settings": {"address": "192.88.99.1:80"}, "seconds": 60}
MAINTENANCE = {"weekdays": [0, 5], "start": "03:00", "minutes": 120, "zone": "Europe/Berlin"}

WEBHOOK = {"url": "https://hooks.example.org/", "events": ["check.down"], "description": "pager"}

Call = tuple[dict[str, int], Callable[[House], str], Callable[[House], Any]]


def _missing(house: House) -> int:
    Unikernel.objects.filter(pk=house.found.pk).update(state="missing", observed={}, started=None)
    return house.found.pk


def _nothing(house: House) -> None:
    return None


def _at(path: str) -> Callable[[House], str]:
    return lambda house: path.format(h=house)


MATRIX: dict[tuple[str, str], Call] = {
    ("schema", "get"): (OPEN, _at("schema/"), _nothing),
    ("instances", "get"): (LISTED, _at("instances/"), _nothing),
    ("instances", "post"): (
        SUPERUSERS,
        _at("instances/"),
        lambda house: dict.fromkeys(("name", "address", "server_ca", "certificate", "key"), "fra-2"),
    ),
    ("instance", "get"): (SEEN, _at("instances/fra-1/"), _nothing),
    ("instance", "patch"): (
        GRANTED,
        _at("instances/fra-1/"),
        lambda house: {"check_networks": ["10.0.0.0/24"]},
    ),
    ("instance", "delete"): (GRANTED, lambda house: f"instances/{house.empty_instance.name}/", _nothing),
    ("instance-statistics", "get"): (SEEN, _at("instances/fra-1/statistics/"), _nothing),
    ("consoles-left", "get"): (ASKED, _at("instances/fra-1/consoles/"), _nothing),
    ("console-left", "get"): (ASKED, _at("instances/fra-1/consoles/robur:gone/"), _nothing),
    ("instance-retry", "post"): (GRANTED, _at("instances/fra-1/retry/"), _nothing),
    ("unikernels", "get"): (LISTED, _at("unikernels/"), _nothing),
    ("unikernels", "post"): (
        CHANGED,
        _at("unikernels/"),
        lambda house: {
            "team": "robur",
            "instance": "fra-1",
            "name": "new",
            "image": house.image.image.digest,
            "configuration": {"memory": 16, "networks": {"service": "service"}},
        },
    ),
    ("unikernel", "get"): (SEEN, _at("unikernels/{h.unikernel.pk}/"), _nothing),
    ("versions", "get"): (SEEN, _at("unikernels/{h.unikernel.pk}/versions/"), _nothing),
    ("what-changed", "get"): (
        SEEN,
        lambda house: f"unikernels/{house.unikernel.pk}/changes/?build={house.changes.key[-36:]}",
        _nothing,
    ),
    ("upgrade", "post"): (
        CHANGED,
        _at("unikernels/{h.unikernel.pk}/upgrade/"),
        lambda house: {
            "image": house.spare.image.digest,
            "configuration": {"memory": 16, "networks": {"service": "service"}},
            "accept": ["new-abi"],
        },
    ),
    ("rollback", "post"): (CHANGED, _at("unikernels/{h.window.unikernel_id}/rollback/"), _nothing),
    ("updates", "get"): (SEEN, _at("unikernels/{h.unikernel.pk}/updates/"), _nothing),
    ("updates", "put"): (
        CHANGED,
        _at("unikernels/{h.unikernel.pk}/updates/"),
        lambda house: {"mode": "automatic", "maintenance": MAINTENANCE, "restart_after": 3},
    ),
    ("checks", "get"): (SEEN, _at("unikernels/{h.unikernel.pk}/checks/"), _nothing),
    ("checks", "post"): (CHANGED, _at("unikernels/{h.unikernel.pk}/checks/"), lambda house: CHECK),
    ("check-try", "post"): (
        CHANGED,
        _at("unikernels/{h.unikernel.pk}/checks/try/"),
        lambda house: {"kind": CHECK["kind"], "settings": CHECK["settings"]},
    ),
    ("check", "get"): (SEEN, _at("unikernels/{h.unikernel.pk}/checks/{h.check.pk}/"), _nothing),
    ("check", "put"): (
        CHANGED,
        _at("unikernels/{h.unikernel.pk}/checks/{h.check.pk}/"),
        lambda house: CHECK | {"seconds": 20},
    ),
    ("check", "delete"): (CHANGED, _at("unikernels/{h.unikernel.pk}/checks/{h.check.pk}/"), _nothing),
    ("check-results", "get"): (
        SEEN,
        _at("unikernels/{h.unikernel.pk}/checks/{h.check.pk}/results/"),
        _nothing,
    ),
    ("builders", "get"): (LISTED, _at("builders/"), _nothing),
    ("builders", "post"): (
        SUPERUSERS,
        _at("builders/"),
        lambda house: {"name": "more", "url": "https://more.example.org"},
    ),
    ("builder", "get"): (LISTED, _at("builders/{h.builder.name}/"), _nothing),
    ("builder", "patch"): (SUPERUSERS, _at("builders/{h.builder.name}/"), lambda house: {"name": "b"}),
    ("builder", "delete"): (SUPERUSERS, _at("builders/{h.builder.name}/"), _nothing),
    ("jobs", "get"): (LISTED, _at("builders/{h.jobs.builder}/jobs/"), _nothing),
    ("builds", "get"): (LISTED, _at("builders/{h.builds.builder}/jobs/{h.builds.key}/builds/"), _nothing),
    ("freezes", "get"): (LISTED, _at("freezes/"), _nothing),
    ("freeze-system", "put"): (SUPERUSERS, _at("freezes/system/"), lambda house: {"reason": "holidays"}),
    ("freeze-system", "delete"): (SUPERUSERS, _at("freezes/{h.freezes[0]}/"), _nothing),
    ("freeze-team", "put"): (OWNERS, _at("freezes/teams/robur/"), lambda house: {"reason": "release"}),
    ("freeze-team", "delete"): (OWNERS, _at("freezes/{h.freezes[1]}/"), _nothing),
    ("configure", "post"): (
        CHANGED,
        _at("unikernels/{h.unikernel.pk}/configure/"),
        lambda house: {"configuration": {"memory": 64, "networks": {"service": "service"}}},
    ),
    ("restart", "post"): (CHANGED, _at("unikernels/{h.unikernel.pk}/restart/"), _nothing),
    ("destroy", "post"): (CHANGED, _at("unikernels/{h.unikernel.pk}/destroy/"), _nothing),
    ("adopt", "post"): (CHANGED, _at("unikernels/{h.found.pk}/adopt/"), _nothing),
    ("dismiss", "post"): (CHANGED, lambda house: f"unikernels/{_missing(house)}/dismiss/", _nothing),
    ("console", "get"): (SEEN, _at("unikernels/{h.unikernel.pk}/console/"), _nothing),
    ("statistics", "get"): (SEEN, _at("unikernels/{h.unikernel.pk}/statistics/"), _nothing),
    ("images", "get"): (LISTED, _at("images/"), _nothing),
    ("images", "post"): (CHANGED, _at("images/?team=robur"), lambda house: build_image()),
    ("image", "get"): (SEEN, _at("images/{h.image.image.digest}/?team=robur"), _nothing),
    ("image", "delete"): (CHANGED, _at("images/{h.spare.image.digest}/?team=robur"), _nothing),
    ("operations", "get"): (LISTED, _at("operations/"), _nothing),
    ("operation", "get"): (SEEN, _at("operations/{h.operation.pk}/"), _nothing),
    ("operation-events", "get"): (SEEN, _at("operations/{h.operation.pk}/events/"), _nothing),
    ("operation-cancel", "post"): (CHANGED, _at("operations/{h.operation.pk}/cancel/"), _nothing),
    ("api-events", "get"): (OWNERS, _at("events/?team=robur"), _nothing),
    ("api-events-export", "get"): (OWNERS, _at("events/export/?team=robur&type=csv"), _nothing),
    ("alerts", "get"): (LISTED, _at("alerts/"), _nothing),
    ("alert", "get"): (SEEN, _at("alerts/{h.alert.pk}/"), _nothing),
    ("webhooks", "get"): (LISTED_BY_OWNERS, _at("webhooks/"), _nothing),
    ("webhooks", "post"): (OWNERS, _at("webhooks/"), lambda house: WEBHOOK | {"team": "robur"}),
    ("webhook", "get"): (OWNERS, _at("webhooks/{h.webhook.pk}/"), _nothing),
    ("webhook", "put"): (OWNERS, _at("webhooks/{h.webhook.pk}/"), lambda house: WEBHOOK),
    ("webhook", "delete"): (OWNERS, _at("webhooks/{h.webhook.pk}/"), _nothing),
    ("webhook-rotate", "post"): (OWNERS, _at("webhooks/{h.webhook.pk}/rotate/"), _nothing),
    ("webhook-ping", "post"): (OWNERS, _at("webhooks/{h.webhook.pk}/ping/"), _nothing),
    ("webhook-deliveries", "get"): (OWNERS, _at("webhooks/{h.webhook.pk}/deliveries/"), _nothing),
    ("webhook-delivery", "get"): (
        OWNERS,
        _at("webhooks/{h.webhook.pk}/deliveries/{h.delivery.pk}/"),
        _nothing,
    ),
    ("webhook-redeliver", "post"): (
        OWNERS,
        _at("webhooks/{h.webhook.pk}/deliveries/{h.delivery.pk}/redeliver/"),
        _nothing,
    ),
    ("quiet-hours", "get"): (PEOPLE, _at("quiet-hours/"), _nothing),
    ("quiet-hours", "put"): (
        PEOPLE,
        _at("quiet-hours/"),
        lambda house: {"start": "22:00", "end": "07:00", "zone": "Europe/Berlin"},
    ),
    ("quiet-hours", "delete"): (PEOPLE, _at("quiet-hours/"), _nothing),
    ("quotas", "get"): (LISTED, _at("quotas/"), _nothing),
    ("quota", "get"): (SEEN, _at("quotas/robur/fra-1/"), _nothing),
    ("quota", "put"): (
        GRANTED,
        lambda house: f"quotas/robur/{house.root.instance}/",
        lambda house: {"unikernels": 1, "memory": 64, "cpuids": [0]},
    ),
    ("quota-requests", "get"): (LISTED, _at("quota-requests/"), _nothing),
    ("quota-requests", "post"): (
        CHANGED,
        _at("quota-requests/"),
        lambda house: {"team": "robur", "instance": "fra-1", "unikernels": 9, "memory": 512, "why": "growth"},
    ),
    ("quota-request", "get"): (SEEN, _at("quota-requests/{h.asked.pk}/"), _nothing),
    ("quota-request-withdraw", "post"): (CHANGED, _at("quota-requests/{h.asked.pk}/withdraw/"), _nothing),
    ("quota-request-answer", "post"): (
        GRANTED,
        _at("quota-requests/{h.asked.pk}/answer/"),
        lambda house: {"answer": "decline", "text": "fra-1 is full"},
    ),
    ("blocks", "get"): (LISTED, _at("blocks/"), _nothing),
    ("blocks", "post"): (
        CHANGED,
        _at("blocks/"),
        lambda house: {"team": "robur", "instance": "fra-1", "name": "more", "size": 8},
    ),
    ("api-token", "get"): (TOKENS, _at("token/"), _nothing),
    ("api-teams", "get"): (LISTED, _at("teams/"), _nothing),
    ("api-teams", "post"): (PEOPLE, _at("teams/"), lambda house: {"name": "lab"}),
    ("team", "get"): (SEEN, _at("teams/robur/"), _nothing),
    ("team", "delete"): (ALICES, _at("teams/{h.empty}/"), _nothing),
    ("users", "get"): (SUPERUSERS, _at("users/"), _nothing),
    ("user", "get"): (SUPERUSERS, _at("users/{h.member.pk}/"), _nothing),
    ("user", "patch"): (SUPERUSERS, _at("users/{h.member.pk}/"), lambda house: {"active": False}),
    ("user", "delete"): (SUPERUSERS, _at("users/{h.member.pk}/"), _nothing),
    ("api-members", "get"): (SEEN, _at("teams/robur/members/"), _nothing),
    ("api-members", "post"): (
        GRANTED,
        _at("teams/robur/members/"),
        lambda house: {"email": "charlie@example.org", "role": "viewer"},
    ),
    ("api-member", "put"): (
        OWNERS,
        _at("teams/robur/members/{h.member.pk}/"),
        lambda house: {"role": "deployer"},
    ),
    ("api-member", "delete"): (OWNERS, _at("teams/robur/members/{h.member.pk}/"), _nothing),
    ("api-team-transfer", "post"): (
        OWNERS,
        lambda house: f"teams/{house.member.memberships.get().team}/transfer/",
        lambda house: {"email": house.member.email},
    ),
    ("api-invitations", "get"): (OWNERS, _at("teams/robur/invitations/"), _nothing),
    ("api-invitations", "post"): (
        OWNERS,
        _at("teams/robur/invitations/"),
        lambda house: {"email": "new@example.org"},
    ),
    ("api-invitation", "delete"): (
        OWNERS,
        _at("teams/robur/invitations/{h.invitation.pk}/"),
        _nothing,
    ),
    ("api-invitation-again", "post"): (
        OWNERS,
        _at("teams/robur/invitations/{h.invitation.pk}/again/"),
        _nothing,
    ),
    ("api-invitations-to-me", "get"): (PEOPLE, _at("invitations/"), _nothing),
    ("api-invitation-answer", "post"): (
        MINE,
        _at("invitations/{h.invitation.pk}/answer/"),
        lambda house: {"answer": "accept"},
    ),
    ("api-sessions", "get"): (PEOPLE, _at("sessions/"), _nothing),
    ("api-session", "delete"): (MINE, _at("sessions/99/"), _nothing),
    ("api-identities", "get"): (PEOPLE, _at("identities/"), _nothing),
    ("api-identity", "delete"): (MINE, _at("identities/99/"), _nothing),
    ("api-second-factor", "put"): (
        LOGGED_IN,
        _at("teams/robur/second-factor/"),
        lambda house: {"demanded": False},
    ),
    ("oidc-exchange", "post"): (UNTRUSTED, _at("oidc/exchange/"), lambda house: {"token": "no.identity.x"}),
    ("issuers", "get"): (LISTED, _at("issuers/"), _nothing),
    ("issuers", "post"): (
        SUPERUSERS,
        _at("issuers/"),
        lambda house: {"name": "own", "url": "http://127.0.0.1:9", "kind": "github"},
    ),
    ("issuer", "delete"): (SUPERUSERS, _at("issuers/{h.issuer}/"), _nothing),
    ("publishers", "get"): (LOGGED_IN, _at("teams/robur/publishers/"), _nothing),
    ("publishers", "post"): (
        LOGGED_IN,
        _at("teams/robur/publishers/"),
        lambda house: {
            "issuer": house.issuer.name,
            "repository": "robur/unikernels",
            "repository_id": "4711",
            "owner_id": "42",
            "workflow": "deploy.yml",
        },
    ),
    ("publisher", "delete"): (LOGGED_IN, _at("teams/robur/publishers/{h.publisher.pk}/"), _nothing),
    ("api-team-tokens", "get"): (LOGGED_IN, _at("teams/robur/tokens/"), _nothing),
    ("api-team-tokens", "post"): (LOGGED_IN, _at("teams/robur/tokens/"), lambda house: {"name": "ci"}),
    ("api-team-token", "delete"): (
        LOGGED_IN,
        lambda house: f"teams/robur/tokens/{house.token().key_id}/",
        _nothing,
    ),
    ("block", "get"): (SEEN, _at("blocks/{h.block.pk}/"), _nothing),
    ("block", "delete"): (CHANGED, _at("blocks/{h.block.pk}/"), _nothing),
    ("block-upload", "post"): (CHANGED, _at("blocks/{h.block.pk}/upload/"), lambda house: b"content"),
    ("block-download", "post"): (CHANGED, _at("blocks/{h.block.pk}/download/"), _nothing),
    ("block-files", "get"): (LISTED, _at("block-files/"), _nothing),
    ("block-file", "get"): (SEEN, _at("block-files/{h.content.pk}/"), _nothing),
    ("block-file", "delete"): (CHANGED, _at("block-files/{h.content.pk}/"), _nothing),
    ("block-file-content", "get"): (OPENED, _at("block-files/{h.content.pk}/content/"), _nothing),
}


def endpoints() -> Iterator[tuple[str, str]]:
    """Name and method of everything below ``/api/v1/`` that the URL conf knows."""
    for pattern in _patterns(get_resolver().url_patterns, ""):
        view: Any = getattr(pattern.callback, "cls", None)
        assert view is not None, f"{pattern} is no endpoint"
        if view is not Unknown:
            assert pattern.name, f"{pattern} has no name"
            yield from ((pattern.name, method) for method in METHODS if hasattr(view, method))


def _patterns(patterns: list[Any], before: str) -> Iterator[URLPattern]:
    for pattern in patterns:
        address = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if address.startswith("api/v1/") or "api/v1/".startswith(address):
                yield from _patterns(pattern.url_patterns, address)
        elif address.startswith("api/v1/"):
            yield pattern


def ask(client: Client, method: str, address: str, body: Any) -> Any:
    """One request; bytes are sent as an image, everything else as JSON."""
    sent: dict[str, Any] = {}
    if isinstance(body, bytes):
        sent = {"data": body, "content_type": "application/octet-stream"}
    elif method != "get":
        sent = {"data": json.dumps(body) if body else "", "content_type": "application/json"}
    return getattr(client, method)(f"/api/v1/{address}", **sent)


def test_every_endpoint_stands_in_the_matrix() -> None:
    assert set(MATRIX) == set(endpoints())


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(("name", "method"), list(MATRIX))
def test_who_may_do_what(name: str, method: str, house: House, as_role: AsRole) -> None:
    expected, path, body = MATRIX[name, method]
    address = path(house)
    clients = {role: as_role(role) for role in ROLES}
    events = Event.objects.count()
    answered = {role: ask(clients[role], method, rehearsal(method, address), body(house)) for role in ROLES}
    assert {role: answer.status_code for role, answer in answered.items()} == expected
    if method != "get":
        refused = [role for role in ROLES if expected[role] != 200]
        in_earnest = {role: ask(clients[role], method, address, body(house)) for role in refused}
        assert {role: answer.status_code for role, answer in in_earnest.items()} == {
            role: expected[role] for role in refused
        }
        plans = [answer.json() for answer in answered.values() if answer.status_code == 200]
        assert all(plan["dry_run"] and plan["possible"] for plan in plans), plans
    for answer in answered.values():
        problem = answer.headers["Content-Type"] == "application/problem+json"
        assert problem is (answer.status_code >= 400)
    assert Event.objects.exclude(kind="block-file.read").count() == events


def rehearsal(method: str, address: str) -> str:
    """The address that only tells the plan."""
    if method == "get":
        return address
    return address + ("&" if "?" in address else "?") + "dry_run=true"


@pytest.mark.parametrize("listing", ["instances", "unikernels", "images", "operations", "quotas", "blocks"])
@pytest.mark.parametrize("role", ["stranger", "foreign token"])
def test_strangers_see_empty_lists(listing: str, role: str, house: House, as_role: AsRole) -> None:
    assert as_role(role).get(f"/api/v1/{listing}/").json() == {"items": [], "next": None}


@pytest.mark.parametrize("listing", ["instances", "unikernels", "images", "operations", "quotas", "blocks"])
@pytest.mark.parametrize("role", ["viewer", "deployer token", "root"])
def test_members_see_what_their_team_has(listing: str, role: str, house: House, as_role: AsRole) -> None:
    assert as_role(role).get(f"/api/v1/{listing}/").json()["items"]
