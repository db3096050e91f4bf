"""Albatross instances."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import require_superuser
from albatross.models import Instance
from mollymawk.rest.orders import ID, NAME, Orders
from mollymawk.rest.pages import page
from mollymawk.rest.plans import plan, rehearsed
from mollymawk.rest.schema import SESSION, changes, reads
from mollymawk.rest.shapes import NoBody, Page, PageQuery, Strict
from unikernels.access import instance_of, instances_of
from unikernels.api.base import Endpoint
from unikernels.api.fields import LabelField
from unikernels.instances.services import instance_add, instance_remove, instance_retry, instance_update

MAX_PEM = 64 * 1024  # characters; a chain of RSA certificates has some 10,000
MAX_NETWORKS = 64
_WAY = {"address", "server_ca", "certificate", "key"}


class InstanceOut(serializers.Serializer[Any]):
    """An instance, as last seen."""

    name = serializers.CharField()
    address = serializers.CharField(help_text="host:port")
    status = serializers.ChoiceField(Instance.Status.values)
    trouble = serializers.ChoiceField([t for t in Instance.Trouble.values if t], allow_null=True)
    trouble_text = serializers.CharField()
    degraded_since = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True, help_text="the age of what is known about it")
    stale = serializers.BooleanField()
    check_networks = serializers.ListField(child=serializers.CharField())


def show(instance: Instance) -> dict[str, Any]:
    """An instance, as the API tells it: no certificate, no key."""
    return {
        "name": instance.name,
        "address": instance.address,
        "status": instance.status,
        "trouble": instance.trouble or None,
        "trouble_text": instance.trouble_text,
        "degraded_since": instance.degraded_since,
        "seen_at": instance.seen_at,
        "stale": instance.stale,
        "check_networks": instance.check_networks,
    }


class InstanceIn(Strict):
    """Where it is, how to know it, and the pair that commands are signed with."""

    name = LabelField()
    address = serializers.CharField(max_length=255, help_text="host:port, [IPv6]:port")
    server_ca = serializers.CharField(max_length=MAX_PEM, help_text="PEM: who signed its certificate")
    certificate = serializers.CharField(max_length=MAX_PEM, help_text="PEM: the CA that it trusts")
    key = serializers.CharField(max_length=MAX_PEM, write_only=True, help_text="PEM; kept encrypted")
    check_networks = serializers.ListField(
        child=serializers.CharField(max_length=50),
        max_length=MAX_NETWORKS,
        default=list,
        help_text="networks that liveness checks may reach beside global addresses",
    )


class InstancePartIn(Strict):
    """What is to be another; what is left out stays as it is."""

    name = LabelField(required=False)
    address = serializers.CharField(required=False, max_length=255, help_text="host:port, [IPv6]:port")
    server_ca = serializers.CharField(required=False, max_length=MAX_PEM, help_text="PEM")
    certificate = serializers.CharField(required=False, max_length=MAX_PEM, help_text="PEM")
    key = serializers.CharField(
        required=False, max_length=MAX_PEM, write_only=True, help_text="PEM; kept encrypted"
    )
    check_networks = serializers.ListField(
        required=False, child=serializers.CharField(max_length=50), max_length=MAX_NETWORKS
    )


ORDERS = Orders("name", {"name": NAME, "id": ID})


class Instances(Endpoint):
    """The instances on which the caller's teams have something."""

    class Query(PageQuery):
        """Which ones, in which order."""

        status = serializers.ChoiceField(Instance.Status.values, required=False)
        q = serializers.CharField(required=False, max_length=63, help_text="a part of the name")
        ordering = ORDERS.field()

    class Out(Page):
        """A page of instances."""

        items = InstanceOut(many=True)

    @reads("listInstances", query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List instances."""
        query = self.query(self.Query)
        rows = self.narrowed(instances_of(self.actor), query, status="status", q="name__icontains")
        return Response(page(rows, request=request, order=ORDERS.of(query), query=query, show=show))

    @changes("addInstance", scope=SESSION, body=InstanceIn, status=201, answer=InstanceOut)
    def post(self, request: Request) -> Response:
        """Add an instance.

        It is asked with this pair before anything is kept. Superusers only.
        """
        actor = self.actor
        require_superuser(actor)
        dry, body = self.dry_run(), self.body(InstanceIn)
        if dry:
            steps = (
                f"Ask {body['address']} for its policies with this certificate.",
                f"Keep it as {body['name']}.",
            )
            return Response(plan(*steps))
        instance = instance_add(actor=actor, **body)
        place = request.build_absolute_uri(reverse("api:instance", args=[instance.name]))
        return Response(show(instance), status=201, headers={"Location": place})


class OneInstance(Endpoint):
    """One instance."""

    @reads("getInstance", answer=InstanceOut, tag=True)
    def get(self, request: Request, name: str) -> Response:
        """Show an instance."""
        return Response(show(instance_of(self.actor, name)))

    @changes("changeInstance", scope=SESSION, body=InstancePartIn, answer=InstanceOut)
    def patch(self, request: Request, name: str) -> Response:
        """Change an instance.

        Asked with what it would be before that is kept, when it is about the way there. Superusers only.
        """
        instance = self._mine(name)
        dry, body = self.dry_run(), self.body(InstancePartIn)
        if dry:
            steps = [f"Ask it at {body.get('address', instance.address)} with these papers."]
            return Response(plan(*(steps if body.keys() & _WAY else ()), f"Change {', '.join(body)}."))
        return Response(show(instance_update(actor=self.actor, instance=instance, **body)))

    @changes("removeInstance", scope=SESSION, status=204, answer=None)
    def delete(self, request: Request, name: str) -> Response:
        """Forget an instance.

        What runs there goes on running; refused while a team has something there. Superusers only.
        """
        instance = self._mine(name)
        remove = partial(instance_remove, actor=self.actor, instance=instance)
        if self.dry_run():
            return rehearsed(remove, f"Forget {instance}. What runs there goes on running.")
        remove()
        return Response(status=204)

    def _mine(self, name: str) -> Instance:
        instance = instance_of(self.actor, name)
        require_superuser(self.actor)
        return instance


class Retry(Endpoint):
    """Ask a degraded instance now."""

    @changes("retryInstance", scope=SESSION, status=200, answer=InstanceOut)
    def post(self, request: Request, name: str) -> Response:
        """Ask an instance now instead of at the next interval. Superusers only."""
        self.body(NoBody)
        dry, actor = self.dry_run(), self.actor
        instance = instance_of(actor, name)
        require_superuser(actor)
        if dry:
            return rehearsed(lambda: instance_retry(actor=actor, instance=instance), f"Ask {instance} now.")
        instance_retry(actor=actor, instance=instance)
        return Response(show(instance_of(actor, name)))
