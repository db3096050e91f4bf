"""Who may come in where: what this house promises, route by route.

A route that is in no table fails ``test_every_route_is_stated``: add one line. ``GET`` and ``POST`` say
what the route takes; whatever else it is asked must not get in. Routes of the API are stated in
``tests/api/test_matrix.py``.
"""

from __future__ import annotations

from enum import Enum


class Need(Enum):
    """The least that a route asks for. Members of a team include the ones after them."""

    ANYBODY = "anybody"
    PERSON = "anybody who is logged in"
    VIEWER = "a viewer of the team"
    DEPLOYER = "a deployer of the team"
    OWNER = "an owner of the team"
    HERE = "anybody whose team has something on the instance"
    OWN = "what somebody has of their own; in the world of these tests nobody has it"
    ROOT = "a superuser; for others there is nothing"


# Credentials that are nobody to a page: those of programs open the API only.
NOBODY = ("nobody", "inactive", "owner token")
IN, LOGIN, HIDDEN, REFUSED, METHOD = "in", "login", "hidden", "refused", "method"

PEOPLE = ("outsider", "neighbour", "viewer", "deployer", "owner", "root")
#                        outsider  neighbour viewer   deployer owner    root
MATRIX: dict[Need, tuple[str, ...]] = {
    Need.ANYBODY: (IN, IN, IN, IN, IN, IN),
    Need.PERSON: (IN, IN, IN, IN, IN, IN),
    Need.VIEWER: (HIDDEN, HIDDEN, IN, IN, IN, IN),
    Need.DEPLOYER: (HIDDEN, HIDDEN, REFUSED, IN, IN, IN),
    Need.OWNER: (HIDDEN, HIDDEN, REFUSED, REFUSED, IN, IN),
    Need.HERE: (HIDDEN, IN, IN, IN, IN, IN),
    Need.OWN: (HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN),
    Need.ROOT: (HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, IN),
}


def expected(need: Need, credential: str) -> str:
    """What *credential* meets at a route that asks for *need*."""
    if credential in NOBODY:
        return IN if need is Need.ANYBODY else LOGIN
    return MATRIX[need][PEOPLE.index(credential)]


G, P, GP = ("GET",), ("POST",), ("GET", "POST")
Row = tuple[Need, tuple[str, ...]]

PAGES: dict[str, Row] = {
    "": (Need.PERSON, G),
    "healthz": (Need.ANYBODY, G),
    "help/": (Need.PERSON, G),
    "docs/api/": (Need.PERSON, G),
    "docs/api/<name>/": (Need.PERSON, G),
    "theme/": (Need.ANYBODY, P),
    # people, teams, tokens
    "mail/": (Need.PERSON, GP),
    "teams/": (Need.PERSON, GP),
    "teams/<name>/": (Need.VIEWER, GP),
    "teams/<name>/members/<pk>/": (Need.OWNER, P),
    "teams/<name>/members/<pk>/remove/": (Need.OWNER, GP),
    "teams/<name>/publishers/": (Need.OWNER, GP),
    "teams/<name>/publishers/<pk>/remove/": (Need.OWNER, GP),
    "teams/<name>/tokens/": (Need.OWNER, GP),
    "teams/<name>/tokens/<key_id>/revoke/": (Need.OWNER, GP),
    "teams/<name>/transfer/": (Need.OWNER, GP),
    "teams/<name>/second-factor/": (Need.OWNER, P),
    "sessions/": (Need.PERSON, G),
    "sessions/end-others/": (Need.PERSON, P),
    "sessions/<pk>/end/": (Need.OWN, P),
    "teams/<name>/invitations/<pk>/again/": (Need.OWNER, P),
    "teams/<name>/invitations/<pk>/withdraw/": (Need.OWNER, GP),
    "invitation/<pk>/answer/": (Need.OWN, P),
    "tokens/": (Need.PERSON, G),
    "teams/<team>/webhooks/": (Need.OWNER, G),
    "teams/<team>/webhooks/add/": (Need.OWNER, GP),
    "webhooks/<pk>/": (Need.OWNER, G),
    "webhooks/<pk>/edit/": (Need.OWNER, GP),
    "webhooks/<pk>/rotate/": (Need.OWNER, GP),
    "webhooks/<pk>/ping/": (Need.OWNER, P),
    "webhooks/<pk>/remove/": (Need.OWNER, GP),
    "webhooks/<pk>/deliveries/<delivery_pk>/": (Need.OWNER, G),
    "webhooks/<pk>/deliveries/<delivery_pk>/redeliver/": (Need.OWNER, P),
    # unikernels
    "unikernels/": (Need.PERSON, G),
    "unikernels/<pk>/": (Need.VIEWER, G),
    "unikernels/<pk>/configure/": (Need.DEPLOYER, GP),
    "unikernels/<pk>/changes/": (Need.VIEWER, GP),
    "unikernels/<pk>/upgrade/": (Need.DEPLOYER, GP),
    "unikernels/<pk>/rollback/": (Need.DEPLOYER, P),
    "unikernels/<pk>/restart/": (Need.DEPLOYER, GP),
    "unikernels/<pk>/destroy/": (Need.DEPLOYER, GP),
    "unikernels/<pk>/adopt/": (Need.DEPLOYER, P),
    "unikernels/<pk>/dismiss/": (Need.DEPLOYER, P),
    "unikernels/<pk>/console/": (Need.VIEWER, G),
    "unikernels/<pk>/console/download/": (Need.VIEWER, G),
    "unikernels/<pk>/statistics/": (Need.VIEWER, G),
    "unikernels/<pk>/checks/": (Need.VIEWER, G),
    "unikernels/<pk>/checks/<check_pk>/": (Need.VIEWER, G),
    "unikernels/<pk>/checks/<check_pk>/edit/": (Need.DEPLOYER, GP),
    "unikernels/<pk>/checks/<check_pk>/remove/": (Need.DEPLOYER, GP),
    "unikernels/<pk>/checks/add/<kind>/": (Need.DEPLOYER, GP),
    "unikernels/<pk>/restarts/": (Need.DEPLOYER, GP),
    "unikernels/<pk>/updates/": (Need.DEPLOYER, GP),
    "unikernels/<pk>/updates/openings/": (Need.DEPLOYER, G),
    "freeze/": (Need.ROOT, GP),
    "freeze/<team>/": (Need.OWNER, GP),
    "deploy/": (Need.PERSON, G),
    "deploy/<team>/<digest>/": (Need.DEPLOYER, GP),
    "deploy/<team>/build/<pk>/": (Need.DEPLOYER, GP),
    "operations/": (Need.PERSON, G),
    "operations/<pk>/": (Need.VIEWER, G),
    "operations/<pk>/cancel/": (Need.DEPLOYER, GP),
    "alerts/": (Need.PERSON, G),
    "audit/": (Need.PERSON, G),
    "audit/export/": (Need.PERSON, G),
    # images, builders, block devices
    "builders/<name>/": (Need.PERSON, GP),
    "builders/<name>/jobs/<job>/": (Need.PERSON, GP),
    "images/": (Need.PERSON, G),
    "images/upload/": (Need.PERSON, P),
    "images/examples/<name>/": (Need.PERSON, G),
    "images/<team>/<digest>/remove/": (Need.DEPLOYER, GP),
    "blocks/": (Need.PERSON, GP),
    "blocks/<pk>/": (Need.VIEWER, G),
    "blocks/<pk>/upload/": (Need.DEPLOYER, GP),
    "blocks/<pk>/upload/<file_pk>/": (Need.DEPLOYER, GP),
    "blocks/<pk>/download/": (Need.DEPLOYER, GP),
    "blocks/<pk>/remove/": (Need.DEPLOYER, GP),
    "block-files/<pk>/": (Need.DEPLOYER, G),
    "block-files/<pk>/remove/": (Need.DEPLOYER, GP),
    # instances, quotas
    "instances/": (Need.PERSON, G),
    "add-instance/": (Need.ROOT, GP),
    "instances/<name>/": (Need.HERE, G),
    "instances/<name>/consoles/": (Need.HERE, G),
    "instances/<name>/consoles/<console>/": (Need.HERE, G),
    "instances/<name>/statistics/": (Need.HERE, G),
    "instances/<name>/edit/": (Need.ROOT, GP),
    "instances/<name>/retry/": (Need.ROOT, P),
    "instances/<name>/remove/": (Need.ROOT, GP),
    "quotas/": (Need.PERSON, G),
    "quotas/choose/": (Need.ROOT, G),
    "teams/<team>/delete/": (Need.OWNER, GP),
    "people/<pk>/delete/": (Need.ROOT, GP),
    "account/delete/": (Need.PERSON, GP),
    "quotas/ask/": (Need.PERSON, GP),
    "quota-requests/<pk>/": (Need.VIEWER, G),
    "quota-requests/<pk>/withdraw/": (Need.DEPLOYER, P),
    "quota-requests/<pk>/decline/": (Need.ROOT, P),
    "quotas/<team>/<instance>/": (Need.ROOT, GP),
    "quotas/<team>/<instance>/meters/": (Need.VIEWER, G),
    # logging in, by allauth
    "accounts/login/": (Need.ANYBODY, GP),
    "accounts/logout/": (Need.PERSON, GP),
    "accounts/inactive/": (Need.ANYBODY, G),
    "accounts/signup/": (Need.ANYBODY, GP),
    "accounts/reauthenticate/": (Need.PERSON, GP),
    "accounts/email/": (Need.PERSON, GP),
    "accounts/confirm-email/": (Need.ANYBODY, GP),
    "accounts/password/change/": (Need.PERSON, GP),
    "accounts/password/set/": (Need.PERSON, GP),
    "accounts/password/reset/": (Need.ANYBODY, GP),
    "accounts/password/reset/done/": (Need.ANYBODY, G),
    "accounts/password/reset/key/done/": (Need.ANYBODY, G),
    "accounts/oidc/": (Need.PERSON, G),
    "accounts/oidc/login/": (Need.ANYBODY, P),
    "accounts/oidc/connect/": (Need.PERSON, P),
    "accounts/oidc/prove/": (Need.PERSON, GP),
    "accounts/oidc/<pk>/disconnect/": (Need.OWN, P),
    "accounts/2fa/": (Need.PERSON, G),
    "accounts/2fa/reauthenticate/": (Need.PERSON, GP),
    "accounts/sessions/": (Need.ANYBODY, G),
    "accounts/2fa/webauthn/": (Need.ANYBODY, G),
    "accounts/2fa/webauthn/add/": (Need.PERSON, GP),
    "accounts/2fa/webauthn/login/": (Need.PERSON, GP),  # without a proof it leads to the login
    "accounts/2fa/webauthn/reauthenticate/": (Need.PERSON, GP),
    "accounts/2fa/webauthn/keys/<pk>/edit/": (Need.OWN, GP),
    "accounts/2fa/webauthn/keys/<pk>/remove/": (Need.OWN, GP),
    "accounts/2fa/totp/activate/": (Need.PERSON, GP),
    "accounts/2fa/totp/deactivate/": (Need.OWN, GP),
    "accounts/2fa/recovery-codes/": (Need.OWN, G),
    "accounts/2fa/recovery-codes/generate/": (Need.PERSON, GP),
    "accounts/2fa/recovery-codes/download/": (Need.OWN, G),
}

# What an address needs to lead somewhere.
QUERIES = {"quotas/choose/": "?for=planted&on=fra-1"}

# What is its own key: whoever has the secret in the address may; nobody else. Tested where it belongs.
BY_SECRET = {
    "setup/": "tests/accounts/test_setup.py",
    "mail/stop/<token>/": "tests/mail/test_choices.py",
    "accounts/confirm-email/<key>/": "tests/accounts/test_login.py",
    "accounts/password/reset/key/<uidb36>-<key>/": "tests/accounts/test_login.py",
    "accounts/2fa/authenticate/": "tests/accounts/test_second_factor.py",
    "accounts/login/code/confirm/": "tests/accounts/test_login.py",
    "accounts/oidc/callback/": "tests/accounts/test_oidc.py",
    "invitation/": "tests/accounts/test_invitations.py",
    "invitation/<secret>/": "tests/accounts/test_invitations.py",
    "metrics": "tests/metrics/test_door.py",
}
