"""A hundred secrets go through everything that happens in a day; afterwards none is found anywhere.

They are passwords, tokens, keys, arguments, seeds, links. A real instance runs what is deployed, some
of it fails. Then the database, the log, mails, Redis, pages and answers for a viewer, what commands
said and the backup are searched, in plain text, base64 and hexadecimal.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from accounts.actors import SYSTEM, Actor
from accounts.mail.tasks import send_due
from accounts.models import Role, Team, User
from accounts.publishers.services import issuer_add, publisher_add
from accounts.services import setup_token_issue, token_issue, token_revoke, user_add
from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from tests.accounts import oidc_server
from tests.api.world import World
from tests.cast import ApiOf, ClientOf
from tests.checks.servers import http
from tests.publishers import issuer as workflows
from tests.security.asking import FOUND, body
from tests.security.canaries import Canaries, Log, broker, database
from tests.security.stated import PAGES
from tests.upstream.script import Script
from tests.webhooks.receiver import receiving
from unikernels.models import Operation, Unikernel
from unikernels.webhooks.kinds import CHOICES
from unikernels.webhooks.sending import send_due as send_due_hooks
from unikernels.webhooks.services import webhook_add, webhook_ping, webhook_rotate

pytestmark = pytest.mark.django_db

NETWORKS = {"memory": 16, "networks": {"service": "service"}}


class Day:
    """What happens, and what was planted on the way. ``by_mail``: what one mail is there to tell."""

    def __init__(self, world: World, api_of: ApiOf, client_of: ClientOf, settings: Any) -> None:
        self.world, self.api_of, self.client_of, self.settings = world, api_of, client_of, settings
        self.canaries, self.by_mail, self.said = Canaries(), set[str](), io.StringIO()
        self.plant = self.canaries.plant
        self.receiver = ""  # the address of a server that is told of everything
        self.log = Log()

    def settings_have_secrets(self) -> None:
        self.settings.EMAIL_HOST_PASSWORD = self.plant("SMTP password")
        self.plant("SECRET_KEY", self.settings.SECRET_KEY)
        self.plant("encryption key", self.settings.ENCRYPTION_KEYS[0])

    def an_instance_has_a_key(self, key_pem: str) -> None:
        for line in key_pem.strip().splitlines()[1:-1]:
            self.plant("key of an instance", line)
        wrong = f"-----BEGIN PRIVATE KEY-----\n{self.plant('refused key')}\n-----END PRIVATE KEY-----\n"
        fields = {"name": "fra-9", "address": "127.0.0.1:1", "server_ca": wrong, "certificate": wrong}
        browser = self.client_of(User.objects.filter(is_superuser=True)[0])
        api = browser.post("/api/v1/instances/", json.dumps(fields | {"key": wrong}), "application/json")
        assert 400 <= api.status_code < 500
        assert browser.post("/add-instance/", fields | {"key": wrong}).status_code in {200, 422}

    def somebody_sets_it_up(self) -> None:
        text = self.plant("set-up token", setup_token_issue())
        browser, password = Client(), self.plant("password of the first superuser")
        form = {"email": "root@example.org", "password": password, "again": password}
        browser.post("/setup/", form | {"token": self.plant("wrong set-up token")})
        browser.post("/setup/", form | {"token": text})
        assert User.objects.filter(is_superuser=True).count() == 1

    def people_log_in(self) -> None:
        for number in range(7):
            self.log_in(number)
        browser, password = self.log_in(7)
        again = {"oldpassword": password, "password1": self.plant("new password")}
        browser.post("/accounts/password/change/", again | {"password2": again["password1"]})
        self.second_factor(browser, again["password1"])
        self.plant("seed that is being set up", self._seed(browser))

    def log_in(self, number: int) -> tuple[Client, str]:
        password, email = self.plant("password"), f"p{number}@example.org"
        user_add(actor=SYSTEM, email=email, password=password)
        browser = Client(REMOTE_ADDR=f"192.0.2.{number}")
        browser.post("/accounts/login/", {"login": email, "password": self.plant("wrong password")})
        browser.post("/accounts/login/", {"login": self.plant("password as name"), "password": "x"})
        assert browser.post("/accounts/login/", {"login": email, "password": password}).status_code == 302
        return browser, password

    def second_factor(self, browser: Client, password: str) -> None:
        browser.post("/accounts/reauthenticate/", {"password": password})
        seed = self.plant("TOTP seed", self._seed(browser))
        code = format_hotp_value(hotp_value(seed, int(time.time()) // 30))
        browser.post("/accounts/2fa/totp/activate/", {"code": self.plant("wrong code")})
        assert browser.post("/accounts/2fa/totp/activate/", {"code": code}).status_code == 302
        held = Authenticator.objects.get(user__email="p7@example.org", type="recovery_codes")
        for code in RecoveryCodes(held).get_unused_codes():
            self.plant("recovery code", code)
        browser.post("/accounts/2fa/totp/deactivate/")

    def _seed(self, browser: Client) -> str:
        found = re.search(r'value="([A-Z2-7]{32})"', browser.get("/accounts/2fa/totp/activate/").text)
        assert found
        return found[1]

    def links_go_out(self, owner: User) -> None:
        Client().post("/accounts/password/reset/", {"email": "p1@example.org"})
        told = {"email": "new@example.org", "role": "viewer"}
        browser = self.client_of(owner)
        answer = browser.post("/api/v1/teams/robur/invitations/", json.dumps(told), "application/json")
        assert answer.status_code == 201
        send_due()
        said = "\n".join(str(letter.body) for letter in mail.outbox)
        secrets = re.findall(r"/(?:invitation|password/reset/key)/([^/\s]{20,})/", said)
        assert len(secrets) == 2
        for secret in secrets:
            self.by_mail.add(self.plant("secret of a link in a mail", secret))

    def somebody_comes_in_from_elsewhere(self) -> None:
        with oidc_server.serving() as server:
            self.settings.OIDC_ISSUER, self.settings.OIDC_CLIENT_ID = server.url, oidc_server.CLIENT
            self.settings.OIDC_CLIENT_SECRET = self.plant("OIDC client secret", oidc_server.SECRET)
            browser = Client()
            wrong = {"code": self.plant("wrong code of a login elsewhere"), "state": "made-up"}
            assert browser.get("/accounts/oidc/callback/", wrong).status_code == 403
            back = oidc_server.local(server.authorize(oidc_server.leave(browser)))
            (code,) = server.codes
            self.plant("code of a login elsewhere", code)
            assert browser.get(back).status_code == 302
            self.plant("access token of a login elsewhere", oidc_server.ACCESS)
            assert User.objects.filter(email="erin@example.org").exists()

    def a_workflow_comes_in(self, owner: User, team: Team) -> None:
        self.settings.OIDC_AUDIENCE = workflows.AUDIENCE
        with workflows.serving() as server:
            issuer = issuer_add(actor=SYSTEM, name="own", url=server.url, kind="github")
            publisher_add(
                actor=Actor(owner, "session"),
                team=team,
                issuer=issuer,
                repository="robur/unikernels",
                repository_id="4711",
                owner_id="42",
                workflow="deploy.yml",
                ref="refs/heads/main",
                scopes=["read"],
            )
            self.plant("token of a workflow", self.exchange(200, server.identity())["token"])
            self.exchange(403, server.identity(ref="refs/heads/other"))

    def exchange(self, status: int, identity: str) -> Any:
        self.plant("signature of a workflow's identity", identity.rpartition(".")[2])
        answer = APIClient().post("/api/v1/oidc/exchange/", {"token": identity}, format="json")
        assert answer.status_code == status, answer.text
        return answer.json()

    def others_are_told(self, owner: User, team: Team, address: str) -> None:
        actor = Actor(owner, "session")
        with receiving(address) as receiver:
            receiver.answers = [http(500)]
            hook, first = webhook_add(actor=actor, team=team, url=receiver.url, events=[*CHOICES])
            for text in (first, webhook_rotate(actor=actor, hook=hook)):
                self.plant("secret of a webhook", text.removeprefix("whsec_"))
            webhook_ping(actor=actor, hook=hook)
            send_due_hooks()
            assert receiver.got

    def programs_come_in(self, owner: User, team: Team) -> None:
        for number in range(10):
            actor = Actor(owner, "session")
            token, text = token_issue(actor=actor, team=team, name=f"t{number}", role=Role.OWNER)
            self.plant("token", text)
            self.api_of(text).get("/api/v1/token/")
            self.api_of(text).get("/metrics")
            if number % 2:
                token_revoke(actor=SYSTEM, token=token)
                self.api_of(text).get("/api/v1/token/")
            wrong = self.plant("wrong token", f"mm_{text[3:15]}_{'x' * 30}{number:06}")
            self.api_of(wrong).get("/api/v1/unikernels/")
            self.api_of(wrong).get("/api/unikernels")

    def arguments(self, number: int, what: str = "argument") -> list[str]:
        return [f"--key={self.plant(what)}" for _ in range(number)]

    def things_run(self) -> None:
        world, deployer = self.world, self.world.deployer
        good = self.upload(devices=[("service", "net")])
        bad = self.upload(
            devices=[("service", "net")],
            behaviour={"lines": ["no"], "exit": 1, "exit_after": 0.05},
            padding=9,
        )
        configuration = NETWORKS | {"arguments": self.arguments(20)}
        wanted = {"team": "robur", "instance": "fra-1", "name": "hello", "image": good, "accept": ["new-abi"]}
        keyed = deployer.saying(Idempotency_Key="once")
        done = keyed.post("unikernels/", wanted | {"configuration": configuration})
        assert done.status_code == 202, done.text
        assert world.work(done.json()["id"])["state"] == "succeeded"
        pk = Unikernel.objects.get(name="hello").pk
        changed = NETWORKS | {"memory": 24, "arguments": self.arguments(10, "configured argument")}
        done = deployer.post(f"unikernels/{pk}/configure/", {"configuration": changed})
        assert world.work(done.json()["id"])["state"] == "succeeded"
        lost = {"image": bad, "configuration": NETWORKS | {"arguments": self.arguments(5, "lost argument")}}
        done = deployer.post(f"unikernels/{pk}/upgrade/", lost)
        assert world.work(done.json()["id"])["state"] == "rolled_back"
        failing: dict[str, Any] = wanted | {"name": "bad", "image": bad}
        failing["configuration"] = NETWORKS | {"arguments": self.arguments(5, "failed argument")}
        done = deployer.post("unikernels/", failing)
        assert world.work(done.json()["id"])["state"] == "failed"
        self.things_are_refused(pk, wanted)

    def things_are_refused(self, pk: int, wanted: dict[str, Any]) -> None:
        post = self.world.deployer.client.post
        kind = "application/json"
        sent = ""
        for configuration in (
            NETWORKS | {"memory": 99_999, "arguments": self.arguments(2, "refused argument")},
            NETWORKS | {"arguments": [[self.plant("nested argument")]]},
            NETWORKS | {"unknown": self.plant("value of an unknown field")},
        ):
            sent = json.dumps(wanted | {"name": "other", "configuration": configuration})
            assert 400 <= post("/api/v1/unikernels/", sent, content_type=kind).status_code < 500
        cut = sent[:-9] + self.plant("in broken JSON")
        assert post("/api/v1/unikernels/", cut, content_type=kind).status_code == 400
        client = self.world.deployer.client
        assert isinstance(client, APIClient)
        script = Script(client)
        script.call("POST", "/api/unikernel/destroy", cut, kind)
        script.create(None, unikernel_config=json.dumps({"arguments": self.arguments(2), "memory": "x"}))

    def upload(self, **kind: Any) -> str:
        image, client = build_image(**kind), self.world.deployer.client
        path = "/api/v1/images/?team=robur"
        answer = client.post(path, image, content_type="application/octet-stream")
        digest: str = answer.json()["digest"]
        return digest

    def the_original_is_brought_over(self, folder: Path) -> None:
        tokens = [
            {
                "token_type": "Bearer",
                "name": "CI",
                "value": self.plant("token of the original", f"6bc27967-30cd-4090-af8f-3997c47c25{n:02}"),
                "created_at": "2026-11-20 10:00:00-00:00",
                "expires_in": 86_400 * 90,
                "usage_count": 7,
            }
            for n in range(5)
        ]
        person = {
            "name": "petra",
            "email": "petra@example.org",
            "password": self.plant("password hash of the original"),
            "uuid": "1f42",
            "tokens": tokens,
            "cookies": [{"name": "molly_session", "value": self.plant("session of the original")}],
            "active": True,
            "super_user": False,
            "unikernel_updates": [],
            "scaling_policies": [],
        }
        file = folder / "stored.json"
        file.write_text(json.dumps({"version": 10, "users": [person], "configuration": [], "email": None}))
        with contextlib.suppress(SystemExit):
            call_command("import_mollymawk", str(file), stdout=self.said, stderr=self.said)


@pytest.fixture
def day(
    world: World, api_of: ApiOf, client_of: ClientOf, settings: Any, simulated_network: str
) -> Iterator[Day]:
    day = Day(world, api_of, client_of, settings)
    day.receiver = simulated_network.replace("0/24", "202")
    root = logging.getLogger()
    stated = settings.LOGGING["loggers"]  # what LOG_LEVEL=DEBUG does not reach
    names = [name for name in logging.root.manager.loggerDict if name not in stated]
    levels = {name: logging.getLogger(name).level for name in ("", *names)}
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(day.log)
    yield day
    root.removeHandler(day.log)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("redis_server")
def test_no_secret_is_found_anywhere(
    day: Day, simulated: SimulatedInstance, alice: User, tmp_path: Path, capfd: Any
) -> None:
    day.settings_have_secrets()
    day.somebody_sets_it_up()
    day.an_instance_has_a_key(simulated.key_pem)
    day.people_log_in()
    day.links_go_out(alice)
    day.somebody_comes_in_from_elsewhere()
    day.a_workflow_comes_in(alice, day.world.team)
    day.others_are_told(alice, day.world.team, day.receiver)
    day.programs_come_in(alice, day.world.team)
    day.things_run()
    day.the_original_is_brought_over(tmp_path)
    call_command("backup", str(tmp_path / "backup.tar"), stdout=day.said, stderr=day.said)
    assert len(day.canaries.planted) >= 100
    assert Operation.objects.filter(finished_at=None).count() == 0

    found = [leak for place, data in database() for leak in day.canaries.found_in(place, data)]
    for line in day.log.lines:
        found += day.canaries.found_in(f"log: {line[:60]}", line)
    for place, data in broker(day.settings.REDIS_URL):
        found += day.canaries.found_in(place, data)
    for letter in mail.outbox:
        rest = f"{letter.subject} {letter.body}"
        for secret in day.by_mail:
            rest = rest.replace(secret, "")
        found += day.canaries.found_in(f"mail: {letter.subject}", rest)
    found += day.canaries.found_in("backup", (tmp_path / "backup.tar").read_bytes())
    out = capfd.readouterr()
    found += day.canaries.found_in("output", day.said.getvalue() + out.out + out.err)
    assert not found, "\n".join(sorted(set(found)))


@pytest.mark.usefixtures("redis_server")
def test_no_secret_is_shown_to_a_viewer(day: Day, bob: User) -> None:
    day.things_run()
    hello = Unikernel.objects.get(name="hello").pk
    browser, found, seen = day.client_of(bob), [], 0
    for route in (*PAGES, *(route for route in FOUND if route.startswith("api/v1/"))):
        names = FOUND[route].parameters
        every = [{"pk": pk, "name": "fra-1"} for pk in Operation.objects.values_list("pk", flat=True)]
        for values in every if "operations/<pk>" in route else [{"pk": hello, "name": "fra-1"}]:
            if set(names) <= values.keys() and not route.startswith("accounts/logout"):
                answer = browser.get(FOUND[route].address(values))
                if getattr(answer, "is_async", False):
                    continue  # news of an operation: its answer again
                seen += answer.status_code == 200
                found += day.canaries.found_in(route, body(answer))
    assert seen > 50
    assert not found
