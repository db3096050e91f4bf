"""Chromium for tests and pictures: one way to start it, to log in, and the list of pages."""

from __future__ import annotations

from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext

from accounts.actors import SYSTEM
from accounts.invitations.services import invite
from accounts.mail.services import unsubscribe_token
from accounts.mail.topics import Topic
from accounts.models import Role, Team, User
from tests.cast import enter
from tests.pages.hooks import Hooks
from tests.pages.storage import Storage
from tests.pages.updates import Updates
from tests.pages.usage import an_hour_of_use, loops, upgraded
from tests.pages.world import World
from unikernels.models import QuotaRequest
from unikernels.quotas.requests import quota_ask

WIDE, NARROW = 1280, 360
# Under WSGI, as the test server of Django is, a stream would hold a thread: its pages go without.
NO_STREAMS = """const Real = EventSource;
const none = { readyState: Real.CLOSED, addEventListener() {}, close() {} };
window.EventSource = function (url) { return url.includes("/operations/") ? none : new Real(url); };
Object.assign(EventSource, { CONNECTING: 0, OPEN: 1, CLOSED: 2 })"""


def session_of(user: User) -> str:
    """The key of a new session of *user*."""
    client = enter(Client(), user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def window(
    browser: Browser,
    url: str,
    session: str,
    *,
    width: int = WIDE,
    theme: str = "light",
    script: bool = True,
    streams: bool = False,
) -> BrowserContext:
    """A window of *width* for the holder of *session*, in a theme of the system."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        java_script_enabled=script,
    )
    if not streams:
        context.add_init_script(NO_STREAMS)
    if session:
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
    return context


def invited(world: World) -> Team:
    """The team, into which somebody is invited."""
    if not world.team.invitations.exists():
        invite(actor=SYSTEM, team=world.team, email="erin@example.org", role=Role.DEPLOYER)
    return world.team


def wish(world: World) -> QuotaRequest:
    """The team asks for more."""
    asked = QuotaRequest.objects.filter(team=world.team).first()
    return asked or quota_ask(
        actor=SYSTEM,
        team=world.team,
        instance=world.near,
        unikernels=20,
        memory=2048,
        block=None,
        why="A resolver for each of our sites; the first three are in place.",
    )


def pages(world: World) -> dict[str, str]:
    """Every page by a name, as a superuser sees them."""
    digest = world.store_image.image.digest
    an_hour_of_use([world.web, world.store, world.tunnel], world.now)
    upgraded(world.store, world.now)
    loops(world.store, world.now)
    return (
        pages_of_updates(Updates(world))
        | pages_of_storage(Storage(world))
        | pages_of_webhooks(Hooks(world))
        | {
            "overview": "/",
            "overview-problems": "/?only=problems",
            "unikernels": "/unikernels/",
            "unikernel-running": f"/unikernels/{world.web.pk}/",
            "unikernel-unstable": f"/unikernels/{world.dns.pk}/",
            "unikernel-loop": f"/unikernels/{world.store.pk}/",
            "unikernel-busy": f"/unikernels/{world.tunnel.pk}/",
            "unikernel-missing": f"/unikernels/{world.gone.pk}/",
            "unikernel-stopped": f"/unikernels/{world.old.pk}/",
            "unikernel-outside": f"/unikernels/{world.outside.pk}/",
            "unikernel-found": f"/unikernels/{world.found.pk}/",
            "unikernel-stale": f"/unikernels/{world.caldav.pk}/",
            "unikernel-unmanaged": f"/unikernels/{world.unmanaged.pk}/",
            "restart": f"/unikernels/{world.web.pk}/restart/",
            "destroy": f"/unikernels/{world.web.pk}/destroy/",
            "configure": f"/unikernels/{world.store.pk}/configure/",
            "check-up": f"/unikernels/{world.web.pk}/checks/{world.up.pk}/",
            "check-down": f"/unikernels/{world.dns.pk}/checks/{world.down.pk}/",
            "check-add-http": f"/unikernels/{world.web.pk}/checks/add/http/",
            "check-add-dns": f"/unikernels/{world.web.pk}/checks/add/dns/",
            "check-add-tcp": f"/unikernels/{world.web.pk}/checks/add/tcp/",
            "check-edit": f"/unikernels/{world.web.pk}/checks/{world.up.pk}/edit/",
            "check-remove": f"/unikernels/{world.web.pk}/checks/{world.up.pk}/remove/",
            "restarts": f"/unikernels/{world.store.pk}/restarts/",
            "update-mode": f"/unikernels/{world.store.pk}/updates/",
            "freeze": "/freeze/",
            "freeze-team": "/freeze/robur/",
            "console": f"/unikernels/{world.web.pk}/console/",
            "deploy": "/deploy/",
            "deploy-image": f"/deploy/robur/{digest}/",
            "operations": "/operations/",
            "operation-busy": f"/operations/{world.busy.pk}/",
            "operation-rolled-back": f"/operations/{world.taken_back.pk}/",
            "images": "/images/",
            "image-remove": f"/images/robur/{world.plain_image.image.digest}/remove/",
            "instances": "/instances/",
            "instance": "/instances/fra-1/",
            "instance-degraded": "/instances/hel-2/",
            "instance-add": "/add-instance/",
            "instance-edit": "/instances/fra-1/edit/",
            "instance-remove": "/instances/fra-1/remove/",
            "quotas": "/quotas/",
            "quota": "/quotas/robur/fra-1/",
            "blocks": "/blocks/",
            "block-in-use": f"/blocks/{world.data.pk}/",
            "block-free": f"/blocks/{world.spare.pk}/",
            "block-upload": f"/blocks/{world.spare.pk}/upload/",
            "block-download": f"/blocks/{world.spare.pk}/download/",
            "block-remove": f"/blocks/{world.spare.pk}/remove/",
            "help": "/help/",
            "reference": "/docs/api/",
            "reference-endpoint": "/docs/api/deploy/",
            "nothing": "/nothing/",
            "tokens": "/tokens/",
            "publishers": "/teams/robur/publishers/",
            "teams": "/teams/",
            "team": f"/teams/{invited(world)}/",
            "team-transfer": "/teams/robur/transfer/",
            "team-delete": "/teams/robur/delete/",
            "quota-ask": "/quotas/ask/?for=robur&on=fra-1",
            "quota-request": f"/quota-requests/{wish(world).pk}/",
            "quota-answer": f"/quotas/robur/fra-1/?request={wish(world).pk}",
            "mail": "/mail/",
            "sessions": "/sessions/",
            "second-factor": "/accounts/2fa/",
            "passkey-add": "/accounts/2fa/webauthn/add/",
            "alerts": "/alerts/",
            "audit": "/audit/",
            "audit-narrowed": "/audit/?kind=check&since=2020-01-01",
            "audit-nothing": "/audit/?who=nobody@example.org",
            "mail-stop": f"/mail/stop/{unsubscribe_token(world.person, Topic.FAILED)}/",
        }
    )


def pages_of_updates(updates: Updates) -> dict[str, str]:
    """Pages about builds, upgrades and ways back."""
    web, answers = updates.world.web, updates.answers
    grown = f"/unikernels/{updates.world.store.pk}"
    return {
        "unikernel-window": f"/unikernels/{answers.pk}/",
        "unikernel-reconfigure": f"{grown}/",
        "what-changed": f"/unikernels/{web.pk}/changes/",
        "what-changed-waiting": f"{grown}/changes/",
        "what-changed-unknown": f"/unikernels/{updates.world.dns.pk}/changes/?build={updates.new.pk}",
        "upgrade-choose": f"/unikernels/{answers.pk}/upgrade/",
        "upgrade": f"/unikernels/{web.pk}/upgrade/?build={updates.new.pk}",
        "upgrade-reconfigure": f"{grown}/upgrade/?build={updates.grown.pk}",
        "put-in-place": f"/unikernels/{answers.pk}/upgrade/?version=1",
        "builder": "/builders/robur/",
        "builder-job": "/builders/robur/jobs/static-website/",
        "builder-job-upgrade": f"/builders/robur/jobs/static-website/?for={web.pk}",
        "builder-job-waiting": "/builders/robur/jobs/caldav/",
        "deploy-build": f"/deploy/robur/build/{updates.new.pk}/",
        "operation-fetching": f"/operations/{updates.fetching.pk}/",
        "operation-reverted": f"/operations/{updates.reverted.pk}/",
        "operation-rollback": f"/operations/{updates.taken_back.pk}/",
        "operation-checked": f"/operations/{updates.upgraded.pk}/",
    }


def pages_of_webhooks(hooks: Hooks) -> dict[str, str]:
    """Pages about webhooks."""
    pager = f"/webhooks/{hooks.pager.pk}"
    return {
        "webhooks": "/teams/robur/webhooks/",
        "webhook-add": "/teams/robur/webhooks/add/",
        "webhook": f"{pager}/",
        "webhook-off": f"/webhooks/{hooks.gone.pk}/",
        "webhook-edit": f"{pager}/edit/",
        "webhook-rotate": f"{pager}/rotate/",
        "webhook-remove": f"{pager}/remove/",
        "webhook-delivered": f"{pager}/deliveries/{hooks.arrived.pk}/",
        "webhook-waiting": f"{pager}/deliveries/{hooks.waits.pk}/",
    }


def pages_of_storage(storage: Storage) -> dict[str, str]:
    """Pages about moving bytes to and from block devices."""
    return {
        "block-busy": f"/blocks/{storage.mail.pk}/",
        "block-write": f"/blocks/{storage.world.spare.pk}/upload/{storage.file.pk}/",
        "block-write-too-large": f"/blocks/{storage.small.pk}/upload/{storage.old.pk}/",
        "block-file-remove": f"/block-files/{storage.old.pk}/remove/",
        "operation-moving": f"/operations/{storage.moving.pk}/",
        "operation-moving-cancel": f"/operations/{storage.moving.pk}/cancel/",
        "operation-broken-off": f"/operations/{storage.failed.pk}/",
    }
