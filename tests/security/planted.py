"""Two teams that share an instance, and everybody who may knock at a door.

Whatever belongs to the team ``planted`` has that word in its name, so that one look at an answer tells
whether something of it got out. The neighbours have a unikernel beside it on the same instance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F, Model, Value
from django.db.models.functions import Concat
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.actors import SYSTEM, Actor
from accounts.invitations.services import invite
from accounts.models import ApiToken, Role, Team, User
from accounts.publishers.models import Issuer
from accounts.publishers.services import publisher_add
from accounts.services import member_remove, member_set, team_create, token_issue, token_revoke
from mollymawk.keyring import seal_json
from tests.api.house import SECRET, managed, runs, share
from tests.cast import enter, person
from tests.pages.hooks import Hooks
from tests.pages.storage import Storage
from tests.pages.updates import Updates
from tests.pages.world import World
from unikernels.alerts.models import Alert
from unikernels.models import Block, BlockFile, Build, Image, TeamImage, Unikernel
from unikernels.quotas.requests import quota_ask

WORD = "planted"


@dataclass
class Planted:
    """The teams, and a browser or program for each credential."""

    def __post_init__(self) -> None:
        self.owner = person("planted-olga")
        self.team = team_create(actor=SYSTEM, name=WORD, owner=self.owner)
        self.viewer = self._member("planted-vera", Role.VIEWER)
        self.deployer = self._member("planted-dora", Role.DEPLOYER)
        self.gone = self._member("planted-ines", Role.OWNER)  # shut out below
        self.member = self._member("planted-mira", Role.VIEWER)
        self.outsider = person("oscar")
        self.root = person("root", superuser=True)
        self._neighbours()
        self.world = World(self.team, self.owner)
        self.updates = Updates(self.world)
        self.storage = Storage(self.world)
        self.hooks = Hooks(self.world)
        self._rename()
        self._beside()
        self.alert = Alert.objects.create(
            rule="quota", subject="planted", team=self.team, title="planted: memory", path="/quotas/"
        )
        self.token = self._token(self.owner, self.team, Role.VIEWER, "planted-token")[0]
        self.invitation = invite(
            actor=SYSTEM, team=self.team, email="planted-iris@example.org", role=Role.VIEWER
        )
        self.asked = quota_ask(
            actor=SYSTEM, team=self.team, instance=None, unikernels=1, memory=64, block=None, why="planted"
        )
        self.publisher = publisher_add(
            actor=Actor(self.owner, "session"),
            team=self.team,
            issuer=Issuer.objects.create(name="forge", url="https://issuer.example.org", kind="github"),
            repository="planted/repository",
            repository_id="4711",
            owner_id="42",
            workflow="planted.yml",
        )
        self.clients = self._sessions() | self._programs()
        User.objects.filter(pk=self.gone.pk).update(is_active=False)

    @property
    def needles(self) -> list[str]:
        """What no stranger may read anywhere."""
        public = Build.objects.values_list("digest", flat=True)
        images = Image.objects.filter(copies__team=self.team).exclude(digest__in=public)
        digests = images.values_list("digest", flat=True)
        return [WORD, SECRET, *digests, *BlockFile.objects.values_list("sha256", flat=True)]

    def ask(self, credential: str, method: str, address: str, **sent: Any) -> Any:
        """One request. What an answer before it left to be told on the next page is forgotten."""
        client = self.clients[credential]
        client.cookies.pop("messages", None)
        return client.generic(method, address, **sent)

    def values(self) -> dict[str, Any]:
        """What stands in addresses: by parameter, or by the word before it and the parameter."""
        world, storage = self.world, self.storage
        return {
            "unikernels/pk": world.web.pk,
            "operations/pk": world.busy.pk,
            "blocks/pk": world.spare.pk,
            "block-files/pk": storage.file.pk,
            "alerts/pk": self.alert.pk,
            "members/pk": self.member.pk,
            "invitations/pk": self.invitation.pk,
            "publishers/pk": self.publisher.pk,
            "issuers/name": "forge",
            "invitation/pk": self.invitation.pk,
            "people/pk": self.member.pk,
            "users/pk": self.member.pk,
            "quota-requests/pk": self.asked.pk,
            "sessions/pk": 987654,
            "identities/pk": 987654,
            "keys/pk": 987654,
            "oidc/pk": 987654,
            "build/pk": self.updates.new.pk,
            "file_pk": storage.file.pk,
            "check_pk": world.up.pk,
            "check": world.up.pk,
            "kind": "http",
            "teams/name": self.team.name,
            "team": self.team.name,
            "digest": world.web_image.image.digest,
            "key_id": self.token.key_id,
            "webhooks/pk": self.hooks.pager.pk,
            "delivery_pk": self.hooks.waits.pk,
            "delivery": self.hooks.waits.pk,
            "instances/name": world.near.name,
            "instance": world.near.name,
            "console": f"{self.team.domain}:gone",
            "builders/name": self.updates.builder.name,
            "job": "static-website",
            "examples/name": "hello",
            "api/name": "deploy",
        }

    # --- people, and what they hold ---

    def _member(self, name: str, role: Role) -> User:
        user = person(name)
        member_set(actor=SYSTEM, team=self.team, user=user, role=role)
        return user

    def _neighbours(self) -> None:
        self.neighbour = person("nora")
        self.others = team_create(actor=SYSTEM, name="others", owner=self.neighbour)

    def _beside(self) -> None:
        """The neighbours run something on the same instance, of an image that is theirs alone."""
        share(self.others, self.world.near)
        image = Image.objects.create(
            digest="b0" * 32, size=4096, target="hvt", abi_version=1, devices=[["service", "net"]]
        )
        TeamImage.objects.create(image=image, team=self.others, name="beside.hvt")
        row = runs(self.others, self.world.near, image, "beside")
        managed(row, image)
        Unikernel.objects.filter(pk=row.pk).update(sealed_arguments=seal_json(["--beside"]))

    def _rename(self) -> None:
        """All that is named by the team carries the word."""
        for model in (Unikernel, Block, BlockFile, TeamImage):
            rows: Any = model._default_manager
            rows.filter(team=self.team).update(name=Concat(Value(f"{WORD}-"), F("name")))
        for thing in vars(self.world).values():
            if isinstance(thing, Model):
                thing.refresh_from_db()

    def _sessions(self) -> dict[str, Client]:
        people = {
            "inactive": self.gone,
            "outsider": self.outsider,
            "neighbour": self.neighbour,
            "viewer": self.viewer,
            "deployer": self.deployer,
            "owner": self.owner,
            "root": self.root,
        }
        clients = {"nobody": Client()}
        for name, user in people.items():
            clients[name] = enter(Client(), user)
        return clients

    def _programs(self) -> dict[str, Client]:
        left = self._member("planted-lena", Role.OWNER)
        texts = {
            "viewer token": self._token(self.owner, self.team, Role.VIEWER)[1],
            "deployer token": self._token(self.owner, self.team, Role.DEPLOYER)[1],
            "owner token": self._token(self.owner, self.team, Role.OWNER)[1],
            "root token": self._token(self.root, self.team, Role.DEPLOYER)[1],
            "neighbour token": self._token(self.neighbour, self.others, Role.OWNER)[1],
            "inactive token": self._token(self.gone, self.team, Role.OWNER)[1],
            "left token": self._token(left, self.team, Role.OWNER)[1],
            "wrong token": "mm_000000000000_000000000000000000000000000000000000",
        }
        revoked, texts["revoked token"] = self._token(self.owner, self.team, Role.OWNER)
        token_revoke(actor=SYSTEM, token=revoked)
        expired, texts["expired token"] = self._token(self.owner, self.team, Role.OWNER)
        ApiToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        member_remove(actor=SYSTEM, team=self.team, user=left)
        return {name: _program(text) for name, text in texts.items()}

    def _token(self, user: User, team: Team, role: Role, name: str = "ci") -> tuple[ApiToken, str]:
        return token_issue(actor=Actor(user, "session"), team=team, name=name, role=role)


def _program(text: str) -> Client:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client
