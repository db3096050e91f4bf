"""Pictures of every page: ``python -m tests.pages.screenshots --to FOLDER [--only overview,images]``.

Light and dark at 1280 px, light at 360 px; a database of its own, gone afterwards. To be looked at.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's own loop runs in this thread

import django

django.setup()

# ruff: noqa: E402 - models can be read only now
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test.testcases import LiveServerThread
from django.test.utils import get_runner, override_settings, setup_test_environment
from django.utils import timezone
from playwright.sync_api import Browser, ConsoleMessage, Page

from accounts.actors import SYSTEM, Actor
from accounts.invitations.services import invite
from accounts.models import Letter, Role, User
from accounts.services import team_create, token_issue, user_register
from albatross.models import Instance
from mollymawk.keyring import unseal
from tests.cast import person
from tests.chromium import chromium
from tests.pages.browser import NARROW, WIDE, pages, session_of, window
from tests.pages.world import World
from unikernels.alerts.models import Alert

VIEWS = (("light", WIDE), ("dark", WIDE), ("light", NARROW))
GUEST_PAGES = {
    "login": "/accounts/login/",
    "signup": "/accounts/signup/",
    "password-forgotten": "/accounts/password/reset/",
    "waiting": "/accounts/inactive/",
}
OIDC = {"OIDC_ISSUER": "https://login.example.org", "OIDC_NAME": "Example", "OIDC_CLIENT_ID": "mollymawk"}


def _plan(page: Page) -> None:
    page.fill("#id_name", "shop")
    page.fill("#id_arguments", "--ipv4=10.0.0.7/24\n--password=swordfish")
    page.click("text=See the plan")


def _try(page: Page) -> None:
    page.fill("#id_url", "http://nowhere.invalid/")
    page.click("text=Try it now")


def _berlin(page: Page) -> None:
    page.click("text=Automatic: it is put")
    page.fill("#id_zone", "Europe/Berlin")
    page.wait_for_selector("#openings >> text=CET")


def _freeze(page: Page) -> None:
    page.fill("#freeze-reason", "Moving fra-1 to other hardware until Tuesday")
    page.click("button:text('Freeze')")


def _hook(page: Page) -> None:
    page.fill("#id_url", "https://hooks.example.org/pager")
    page.click("button:text('Add the webhook')")


def _hook_inside(page: Page) -> None:
    page.fill("#id_url", "https://10.0.0.2/")
    page.click("button:text('Add the webhook')")


def _grant(page: Page) -> None:
    page.fill("#id_memory", "64")
    page.click("text=Show what it means")


def _token(page: Page) -> None:
    page.fill("#id_name", "ci")
    page.click("text=Make token")


# What is only seen after something was pressed.
PRESSED: dict[str, Callable[[Page], object]] = {
    "menu": lambda page: page.click(".menu summary"),
    "dialog": lambda page: page.click("text=Destroy"),
    "same": lambda page: page.click(".same summary"),
    "plan": _plan,
    "wrong": lambda page: page.click("text=See the plan"),
    "check-refused": lambda page: page.click("text=Try it now"),
    "check-tried": _try,
    "update-mode-berlin": _berlin,
    "frozen": _freeze,
    "webhook-secret": _hook,
    "webhook-refused": _hook_inside,
    "quota-means": _grant,
    "token-made": _token,
    "unfrozen": lambda page: page.click("text=Lift the freeze"),
}


@dataclass(frozen=True)
class Album:
    """Where the pictures go, which are wanted (empty: all), and the server they are taken of."""

    folder: Path
    only: frozenset[str]
    views: frozenset[str]
    url: str = ""


def main() -> None:
    """Read the options, make a world, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--only", default="", help="names of pages, with commas between")
    parser.add_argument("--views", default="", help="for example light-1280,dark-1280")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    setup_test_environment(debug=False)
    with override_settings(EXAMPLE_IMAGES=True, ALLOWED_HOSTS=["*"], **OIDC):
        runner = get_runner(settings)(verbosity=0, interactive=False)
        databases = runner.setup_databases()
        try:
            _take(options.to, _words(options.only), _words(options.views))
        finally:
            runner.teardown_databases(databases)


def _words(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split(",")))


def _take(folder: Path, only: frozenset[str], views: frozenset[str]) -> None:
    alice, root, newcomer = person("alice"), person("root", superuser=True), person("nora")
    world = World(team_create(actor=SYSTEM, name="robur", owner=alice), alice)
    server = LiveServerThread("127.0.0.1", StaticFilesHandler)  # the database is a file
    server.start()
    server.is_ready.wait()
    album = Album(folder, only, views, f"http://127.0.0.1:{server.port}")
    with chromium() as browser:
        for person_, paths in (
            (root, pages(world) | of_people(world, newcomer) | pressed(world)),
            (newcomer, {"newcomer": "/", "quota-nothing": "/quotas/"}),
            (None, GUEST_PAGES | {"invitation": invitation(world)}),
        ):
            for theme, width in VIEWS:
                if not views or f"{theme}-{width}" in views:
                    _shoot(album, browser, person_, paths, theme=theme, width=width)
    server.terminate()


def of_people(world: World, somebody: User) -> dict[str, str]:
    """Pages about people and what they hold, and the admin."""
    owner = Actor(world.person, "session")
    token, _ = token_issue(actor=owner, team=world.team, name="pipeline", scopes=["read"])
    alert = {"rule": "instance-silent", "subject": "instance:2", "title": "hel-2 does not answer"}
    Alert.objects.create(**alert, text="Connection refused for 4 min.", path="/instances/hel-2/")
    user_register(email="vera@example.org", password="some long words")
    return {
        "account-delete": "/account/delete/",
        "person-delete": f"/people/{somebody.pk}/delete/",
        "member-remove": f"/teams/robur/members/{world.person.pk}/remove/",
        "token-revoke": f"/teams/robur/tokens/{token.key_id}/revoke/",
        "team-tokens": "/teams/robur/tokens/",
        "alerts-open": "/alerts/",
        "consoles-left": "/instances/fra-1/consoles/",
        "email": "/accounts/email/",
        "password": "/accounts/password/change/",
        "proof": "/accounts/reauthenticate/",
        "totp": "/accounts/2fa/totp/activate/",
        "oidc": "/accounts/oidc/",
        "admin": "/admin/",
        "admin-users": "/admin/accounts/user/",
        "admin-user": f"/admin/accounts/user/{somebody.pk}/change/",
        "admin-builders": "/admin/unikernels/builder/",
        "admin-issuers": "/admin/accounts/issuer/",
        "admin-issuer-add": "/admin/accounts/issuer/add/",
    }


def invitation(world: World) -> str:
    """The link in a letter."""
    invite(actor=SYSTEM, team=world.team, email="guest@example.org", role=Role.VIEWER)
    letter = Letter.objects.filter(address="guest@example.org").latest("id")
    found = re.search(r"/invitation/\w+/", unseal(letter.sealed_text))
    assert found
    return found[0]


def pressed(world: World) -> dict[str, str]:
    """Where ``PRESSED`` is pressed."""
    digest = world.web_image.image.digest
    return {
        "menu": "/help/",
        "dialog": f"/unikernels/{world.web.pk}/",
        "same": f"/unikernels/{world.web.pk}/",
        "plan": f"/deploy/robur/{digest}/",
        "wrong": f"/deploy/robur/{digest}/",
        "check-refused": f"/unikernels/{world.web.pk}/checks/add/http/",
        "check-tried": f"/unikernels/{world.web.pk}/checks/add/http/",
        "update-mode-berlin": f"/unikernels/{world.store.pk}/updates/",
        "frozen": "/freeze/",
        "unfrozen": "/freeze/",
        "quota-means": "/quotas/robur/fra-1/",
        "token-made": "/teams/robur/tokens/",
        "webhook-secret": "/teams/robur/webhooks/add/",
        "webhook-refused": "/teams/robur/webhooks/add/",
    }


def _shoot(
    album: Album, browser: Browser, user: User | None, paths: dict[str, str], *, theme: str, width: int
) -> None:
    session = session_of(user) if user else ""
    context = window(browser, album.url, session, theme=theme, width=width)
    page = context.new_page()
    page.on("console", _complain)
    for name, path in paths.items():
        if album.only and name not in album.only:
            continue
        Instance.objects.filter(status="online").update(seen_at=timezone.now())  # or all goes stale
        page.goto(album.url + path)
        if press := PRESSED.get(name):
            press(page)
        page.wait_for_timeout(100)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            print(f"{name} scrolls sideways at {width} px")
        page.screenshot(path=album.folder / f"{name}-{theme}-{width}.png", full_page=True)
    context.close()


def _complain(message: ConsoleMessage) -> None:
    if message.type == "error":
        print(message.location["url"], message.text)


if __name__ == "__main__":
    main()
