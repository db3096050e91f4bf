"""The story of upgrades in Chromium, with a simulated instance, a small builder-web, and a worker beside them.

A build is deployed by its job; a newer one is seen, read about and put in place step by step; a bad one rolls
back before one's eyes; a good one is taken back with one press, and a second press is refused.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.operations.conftest import QUICK, House
from tests.pages.browser import session_of, window
from unikernels.builds import lookups, polling
from unikernels.builds.lookups import PENDING
from unikernels.builds.simulator.publishing import publish
from unikernels.builds.simulator.seed import seed
from unikernels.builds.simulator.server import Server, serving
from unikernels.checks.services import check_add
from unikernels.inventory.services import reconcile
from unikernels.models import Builder, Check, Lookup, Operation, RollbackWindow, Standing, Unikernel
from unikernels.operations import runner
from unikernels.windows import guard

# The simulated parts are those of the stories of operations.
from tests.operations.conftest import house, simulated  # isort: skip

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

PATIENCE = 40_000  # ms that something on a page may take on a busy machine
JOB = "static-website"
__all__ = ["house", "simulated"]


class Worker(threading.Thread):
    """What Celery does elsewhere: takes every operation further, answers questions, watches windows."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self.house, self.ending = house, threading.Event()
        self.broke: list[Exception] = []

    def run(self) -> None:
        try:
            while not self.ending.wait(0.05):
                self._round()
        except Exception as error:  # told by the test, which would wait in vain
            self.broke.append(error)
            raise
        finally:
            connection.close()

    def _round(self) -> None:
        for pk in Operation.objects.filter(finished_at=None).values_list("pk", flat=True):
            runner.advance(pk)
        for pk, asked_at in Lookup.objects.filter(PENDING).values_list("pk", "asked_at"):
            lookups.answer(pk, asked_at)
        for pk in guard.due():
            guard.watch(pk)
        self.house.instance.refresh_from_db()
        reconcile(self.house.instance)

    def stop(self) -> None:
        """Let it end, and tell what broke."""
        self.ending.set()
        self.join()
        assert self.broke == []


@dataclass(frozen=True)
class Builds:
    """The small builder-web, and its row."""

    server: Server
    row: Builder

    def publish(self, text: str, status: int = 200) -> None:
        """A newer build, which answers with this; and a look for it."""
        publish(self.server.catalogue, job=JOB, behaviour={"http": {"text": text, "status": status}})
        self.look()

    def look(self) -> None:
        """The polling, although it was done a moment ago."""
        Standing.objects.update(judged_at=timezone.now() - timedelta(days=1))
        Builder.objects.update(retry_at=None)
        polling.poll(self.row.pk)

    @property
    def newest(self) -> str:
        """The SHA-256 of the newest build."""
        binary = self.server.catalogue.builds(JOB)[0].main_binary
        assert binary is not None
        return binary.sha256


@pytest.fixture
def builds(house: House, settings: Any, redis_server: str) -> Iterator[Builds]:
    """With a worker that does what is to be done."""
    settings.OPERATION_TIMINGS = QUICK | {"window_gap": 0.5}
    with serving(seed()) as server:
        builds = Builds(server, Builder.objects.create(name="builds", url=server.url))
        worker = Worker(house)
        worker.start()
        yield builds
        worker.stop()


@pytest.fixture
def open_page(browser: Browser, live_server: Any, house: House) -> Callable[[], Page]:
    """Opens the overview in a window of its own, as a deployer."""
    session = session_of(house.user)
    expect.set_options(timeout=PATIENCE)

    def open_page() -> Page:
        context = window(browser, live_server.url, session)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(live_server.url)
        return page

    return open_page


def polled(route: Route) -> bool:
    """Whether a page only looks for what is new about it."""
    return "hx-request" in route.request.headers


def press(page: Page, name: str, role: str = "button") -> None:
    page.get_by_role(role, name=name, exact=True).click()  # type: ignore[arg-type]  # one of the two


def verdict(page: Page) -> Locator:
    """What the page of an operation says about it."""
    return page.locator("#live .verdict")


def deploy_by_job(page: Page, address: str) -> None:
    """Builder, job, the older of its two builds, what it needs, the plan, go."""
    press(page, "Deploy", "link")
    page.get_by_role("link", name=re.compile("builds")).first.click()
    page.get_by_role("searchbox").press_sequentially("static")
    expect(page.locator("#live .pick li")).to_have_count(1)
    page.get_by_role("link", name=re.compile(JOB)).click()
    page.get_by_role("row").last.get_by_role("link", name=re.compile("Deploy")).click()
    page.get_by_label("Name", exact=True).fill("web")
    page.get_by_label("Arguments").fill(f"--ipv4={address}/24")
    press(page, "See the plan")
    expect(page.locator("main")).to_contain_text("download it from builds and verify its SHA-256")
    page.get_by_label(re.compile("Go on anyway")).check()  # its ABI never ran here
    press(page, "Deploy")
    expect(verdict(page)).to_contain_text("Version 1 of web runs and stays up.")


def upgrade(page: Page) -> None:
    """From the page of the unikernel, which shows the newer build without being asked, to the last button."""
    expect(page.get_by_role("heading", name="A newer build is there")).to_be_visible()
    press(page, "Upgrade", "link")
    press(page, "See the plan")
    expect(page.get_by_role("heading", name="What changes")).to_be_visible()
    press(page, "Upgrade")
    page.wait_for_url("**/operations/*/")


def test_upgrades_from_the_first_look_to_the_last_refusal(
    house: House, builds: Builds, open_page: Callable[[], Page], simulated_network: str
) -> None:
    address = str(IPv4Network(simulated_network)[10])
    page = open_page()

    # A build is deployed by its job; it has a check from now on.
    deploy_by_job(page, address)
    web = Unikernel.objects.get(name="web")
    settings = {"url": f"http://{address}:8080/", "connect": None, "status": [200, 399], "text": ""}
    check_add(actor=house.actor, unikernel=web, name="site", kind=Check.Kind.HTTP, settings=settings)

    # A newer build is seen, and what changed is told with its risk.
    builds.look()
    page.goto(page.url.split("/operations/")[0] + f"/unikernels/{web.pk}/")
    expect(page.locator("main")).to_contain_text("risk not looked at yet")
    press(page, "What changed", "link")
    expect(page.get_by_role("heading", name="Risk")).to_be_visible()
    expect(page.locator(".graded li").first).to_contain_text("TLS and cryptography")
    press(page, "web", "link")
    expect(page.locator("main")).to_contain_text("risk: medium")

    # It is put in place, step by step, and its checks are seen to pass.
    upgrade(page)
    expect(page.locator("#live .steps")).to_contain_text("swap")
    expect(verdict(page)).to_contain_text("Version 2 of web runs and passes its checks.")
    expect(page.locator("#live table .badge.ok").first).to_have_text("passed")
    second = builds.newest
    assert house.digest("robur:web") == second

    # A bad one comes: it is tried, does not answer, and goes back before one's eyes.
    builds.publish("broken", status=502)
    press(page, "web", "link")
    upgrade(page)
    expect(page.locator("#live .steps")).to_contain_text("go back")
    expect(verdict(page)).to_contain_text("rolled back")
    expect(verdict(page)).to_contain_text("Version 2 runs again.")
    expect(page.locator("#live table .badge.bad").first).to_have_text("failed")
    assert house.digest("robur:web") == second
    press(page, "web", "link")
    expect(page.locator("main")).to_contain_text("tried before")

    # A good one again: the way back is open, one press takes it, a second one is refused.
    builds.publish("fine again")
    page.reload()
    upgrade(page)
    expect(verdict(page)).to_contain_text("Version 4 of web runs and passes its checks.")
    press(page, "web", "link")
    expect(page.get_by_role("heading", name="The way back is open")).to_be_visible()
    other = open_page()  # somebody who looks at the same page, and presses too late
    other.goto(page.url)
    other.route("**/unikernels/*/", lambda route: route.abort() if polled(route) else route.continue_())
    expect(other.get_by_role("button", name="Roll back to version 2")).to_be_visible()
    press(page, "Roll back to version 2")
    expect(verdict(page)).to_contain_text("Version 2 of web runs again and passes its checks.")
    assert house.digest("robur:web") == second
    assert not RollbackWindow.objects.exists()
    press(page, "web", "link")
    expect(page.get_by_role("heading", name="The way back is open")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("reverted")
    press(other, "Roll back to version 2")
    expect(other.locator(".messages")).to_contain_text("It went back already: version 2 runs.")
    assert Operation.objects.filter(kind="rollback").count() == 1
