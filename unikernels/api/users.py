"""People, for superusers: who is here, who may log in, who may do everything; and deleting an account."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import user_of, user_with
from accounts.actors import require_superuser
from accounts.models import User
from accounts.services import superuser_set, user_activate, user_deactivate
from mollymawk.rest.pages import BY_ID, page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import SESSION, changes, reads
from mollymawk.rest.shapes import Page, PageQuery, Strict
from unikernels.api.base import Endpoint
from unikernels.api.teams import DeletedOut, LeaveQuery, told
from unikernels.leaving.services import user_delete, user_plan


class UserOut(serializers.Serializer[Any]):
    """A person."""

    id = serializers.IntegerField()
    email = serializers.EmailField()
    name = serializers.CharField()
    active = serializers.BooleanField(help_text="may log in")
    superuser = serializers.BooleanField()
    personal_team = serializers.CharField(allow_null=True)
    joined = serializers.DateTimeField()
    last_login = serializers.DateTimeField(allow_null=True)


def show(user: User) -> dict[str, Any]:
    """A person, as the API tells them."""
    personal = getattr(user, "personal_team", None)
    return {
        "id": user.pk,
        "email": user.email,
        "name": user.name,
        "active": user.is_active,
        "superuser": user.is_superuser,
        "personal_team": personal.name if personal else None,
        "joined": user.date_joined,
        "last_login": user.last_login,
    }


class Users(Endpoint):
    """Everybody who has an account."""

    class Query(PageQuery):
        """Which ones."""

        email = serializers.CharField(required=False, help_text="of exactly this person")
        active = serializers.BooleanField(required=False, allow_null=True, default=None)
        superuser = serializers.BooleanField(required=False, allow_null=True, default=None)

    class Out(Page):
        """A page of people."""

        items = UserOut(many=True)

    @reads("listUsers", scope=SESSION, query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List people. Superusers only."""
        require_superuser(self.actor)
        query = self.query(self.Query)
        rows = User.objects.select_related("personal_team")
        if "email" in query:
            rows = rows.filter(email=query["email"].lower())
        for field, column in (("active", "is_active"), ("superuser", "is_superuser")):
            if query[field] is not None:
                rows = rows.filter(**{column: query[field]})
        return Response(page(rows, request=request, order=BY_ID, query=query, show=show))


class OneUser(Endpoint):
    """One person."""

    class In(Strict):
        """What changes."""

        active = serializers.BooleanField(required=False, help_text="let in, or shut out")
        superuser = serializers.BooleanField(required=False)

    class HeirQuery(LeaveQuery):
        """What becomes of the personal team."""

        heir = serializers.EmailField(
            required=False, help_text="who owns the personal team from then on; superusers only"
        )

    @reads("getUser", scope=SESSION, answer=UserOut)
    def get(self, request: Request, pk: int) -> Response:
        """Show a person. Superusers only."""
        return Response(show(user_with(self.actor, pk)))

    @changes("changeUser", scope=SESSION, body=In, answer=UserOut)
    def patch(self, request: Request, pk: int) -> Response:
        """Let a person in or shut them out; make them a superuser or no longer one. Superusers only.

        The last superuser stays one.
        """
        dry, actor = self.dry_run(), self.actor
        user, data = user_with(actor, pk), self.body(self.In)

        def change() -> None:
            if "active" in data:
                (user_activate if data["active"] else user_deactivate)(actor=actor, user=user)
            if "superuser" in data:
                superuser_set(actor=actor, user=user, superuser=data["superuser"])

        if dry:
            return rehearsed(change, f"Change {user}: {', '.join(sorted(data)) or 'nothing'}.")
        change()
        return Response(show(user_with(actor, pk)))

    @changes("deleteUser", scope=SESSION, query=HeirQuery, answer=DeletedOut)
    def delete(self, request: Request, pk: int) -> Response:
        """Delete an account, with the personal team. Superusers, and everybody for themselves.

        Refused for the last superuser, the last owner of a team, and while something of the personal team
        runs or lies on an instance, unless an heir owns it from then on.
        """
        query, actor = self.query(self.HeirQuery), self.actor
        oneself = actor.user if actor.user and actor.user.pk == pk else None
        user = oneself or user_with(actor, pk)
        heir = user_of(actor, query["heir"]) if "heir" in query else None
        if query["dry_run"]:
            return told(user_plan(actor=actor, user=user, heir=heir, leave=query["leave"]))
        return Response({"left": user_delete(actor=actor, user=user, heir=heir, leave=query["leave"])})
