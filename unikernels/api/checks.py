"""Liveness checks of a unikernel: what is asked, how it stands, and trying one."""

from __future__ import annotations

from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from accounts.scopes import Need, Scope
from mollymawk.errors import Missing
from mollymawk.rest.orders import ID, NAME, Orders
from mollymawk.rest.pages import page
from mollymawk.rest.plans import plan, rehearsed
from mollymawk.rest.schema import changes, reads
from mollymawk.rest.shapes import Page, PageQuery
from unikernels.access import unikernel_of
from unikernels.api.base import Endpoint
from unikernels.api.check_shapes import (
    CheckDetail,
    CheckIn,
    CheckOut,
    CheckWords,
    FoundOut,
    ResultOut,
    show,
    show_found,
    show_result,
    show_whole,
)
from unikernels.checks.services import check_add, check_change, check_of, check_remove, check_try, results_of
from unikernels.checks.settings import parse, told
from unikernels.models import Check, CheckResult


class CheckEndpoint(Endpoint):
    """An address of one check."""

    def check(self, pk: int, check: int, need: Need = Role.VIEWER) -> Check:
        """The check *check* of the unikernel *pk*, for somebody with *role* in its team."""
        unikernel_of(self.actor, pk, need)
        found = check_of(self.actor, check, need)
        if found.unikernel_id != pk:
            raise Missing("The unikernel has no such check.")
        return found


ORDERS = Orders("name", {"name": NAME, "id": ID})
OF_RESULTS = Orders("-id", {"id": ID})


class Checks(Endpoint):
    """The checks of a unikernel."""

    class Query(PageQuery):
        """Which ones, in which order."""

        kind = serializers.ChoiceField(Check.Kind.values, required=False)
        state = serializers.ChoiceField(Check.State.values, required=False)
        ordering = ORDERS.field()

    class Out(Page):
        """A page of checks."""

        items = CheckOut(many=True)

    @reads("listChecks", query=Query, answer=Out)
    def get(self, request: Request, pk: int) -> Response:
        """List the checks of a unikernel."""
        query = self.query(self.Query)
        rows = self.narrowed(unikernel_of(self.actor, pk).checks.all(), query, kind="kind", state="state")
        return Response(page(rows, request=request, order=ORDERS.of(query), query=query, show=show))

    @changes("addCheck", scope=Scope.DEPLOY, body=CheckIn, status=201, answer=CheckOut)
    def post(self, request: Request, pk: int) -> Response:
        """Add a check.

        It is asked on a schedule, before and after each upgrade, and during the rollback window.
        """
        dry, actor, body = self.dry_run(), self.actor, self.body(CheckIn)
        unikernel = unikernel_of(actor, pk, Scope.DEPLOY)
        if dry:
            step = f"Ask each {body['seconds']} s: {told(parse(body['kind'], body['settings']))}."
            return rehearsed(lambda: check_add(actor=actor, unikernel=unikernel, **body), step)
        check = check_add(actor=actor, unikernel=unikernel, **body)
        place = request.build_absolute_uri(reverse("api:check", args=[pk, check.pk]))
        return Response(show(check), status=201, headers={"Location": place})


class OneCheck(CheckEndpoint):
    """One check."""

    @reads("getCheck", answer=CheckDetail, tag=("name", "kind", "settings", "seconds"))
    def get(self, request: Request, pk: int, check: int) -> Response:
        """Show a check with its ups and downs."""
        return Response(show_whole(self.check(pk, check)))

    @changes("changeCheck", scope=Scope.DEPLOY, body=CheckIn, answer=CheckOut, whole=True)
    def put(self, request: Request, pk: int, check: int) -> Response:
        """Change a check.

        When it asks something else, what it said before is forgotten.
        """
        dry, actor, body = self.dry_run(), self.actor, self.body(CheckIn)
        found = self.check(pk, check, Scope.DEPLOY)
        if dry:
            step = f"Ask each {body['seconds']} s: {told(parse(body['kind'], body['settings']))}."
            return rehearsed(lambda: check_change(actor=actor, check=found, **body), step)
        return Response(show(check_change(actor=actor, check=found, **body)))

    @changes("removeCheck", scope=Scope.DEPLOY, status=204, answer=None)
    def delete(self, request: Request, pk: int, check: int) -> Response:
        """Remove a check and its results."""
        dry, actor, found = self.dry_run(), self.actor, self.check(pk, check, Scope.DEPLOY)
        if dry:
            return rehearsed(lambda: check_remove(actor=actor, check=found), f"Remove {found}.")
        check_remove(actor=actor, check=found)
        return Response(status=204)


class Results(CheckEndpoint):
    """The single tries of a check."""

    class Query(PageQuery):
        """Which ones, in which order."""

        outcome = serializers.ChoiceField(CheckResult.Outcome.values, required=False)
        since = serializers.DateTimeField(required=False, help_text="made then or later")
        until = serializers.DateTimeField(required=False, help_text="made before")
        ordering = OF_RESULTS.field()

    class Out(Page):
        """A page of results."""

        items = ResultOut(many=True)

    @reads("listCheckResults", query=Query, answer=Out)
    def get(self, request: Request, pk: int, check: int) -> Response:
        """List what a check found, newest first, as far back as single results are kept."""
        query, rows = self.query(self.Query), results_of(self.check(pk, check))
        rows = self.narrowed(rows, query, outcome="outcome", since="at__gte", until="at__lt")
        return Response(
            page(rows, request=request, order=OF_RESULTS.of(query), query=query, show=show_result)
        )


class Try(Endpoint):
    """A check that is tried before it is added."""

    @changes("tryCheck", scope=Scope.DEPLOY, body=CheckWords, answer=FoundOut)
    def post(self, request: Request, pk: int) -> Response:
        """Try a check once, now. Nothing is kept."""
        dry, actor, body = self.dry_run(), self.actor, self.body(CheckWords)
        unikernel = unikernel_of(actor, pk, Scope.DEPLOY)
        if dry:
            return Response(plan(f"Ask once: {told(parse(body['kind'], body['settings']))}."))
        return Response(show_found(check_try(actor=actor, unikernel=unikernel, **body)))
