"""What a newcomer finds after ``manage.py up``: the simulated instance and builder, and a team that may use them.

What runs there are old builds of that builder, so the first poll finds updates: good ones, and for ``resolver``
one that does not answer. Made until there is a superuser; from then on everything belongs to people, and stays
as they left it (only the addresses of instance and builder follow when their ports have changed).
"""

from __future__ import annotations

import hashlib
import io
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from accounts.actors import COMMAND
from accounts.models import Quota, Team
from accounts.services import needs_setup, team_create
from albatross.models import Instance
from albatross.simulator.behaviour import DNS_PORT, HTTP_PORT
from albatross.simulator.demo import UNIKERNELS
from albatross.simulator.images import examples
from unikernels.builds.services import builder_add, builder_change
from unikernels.checks.services import check_add
from unikernels.images.services import image_add
from unikernels.instances.services import instance_add, instance_update
from unikernels.inventory.services import adopt, reconcile
from unikernels.models import Builder, Check, Unikernel
from unikernels.quotas.services import quota_grant

NAME = "demo"  # of the instance, the builder, the team and its domain: the domain that the simulator fills


def demo_ensure(*, folder: Path, network: IPv4Network, builder: str) -> None:
    """Bring the simulated instance whose files are in *folder* in, and what goes with it.

    *network* is where its unikernels live: liveness checks may go there. *builder* is the URL of the
    simulated builder. Every step may be repeated.
    """
    address = (folder / "address").read_text().strip()
    _follow(address, builder)
    if not needs_setup():
        return
    instance = Instance.objects.filter(name=NAME).first() or _add(folder, address, str(network))
    if not Builder.objects.filter(name=NAME).exists():
        builder_add(actor=COMMAND, name=NAME, url=builder)
    team = Team.objects.filter(domain=NAME).first() or team_create(actor=COMMAND, name=NAME)
    if not Quota.objects.filter(team=team, instance=instance).exists():
        reconcile(instance)
        _grant(team, instance)
        _hold_images(team, instance)
    for unikernel in Unikernel.objects.filter(instance=instance, team=team, current=None):
        adopt(actor=COMMAND, unikernel=unikernel)
    _check(instance, network)


def _add(folder: Path, address: str, network: str) -> Instance:
    ca = (folder / "ca.pem").read_text()
    return instance_add(
        actor=COMMAND,
        name=NAME,
        address=address,
        server_ca=ca,
        certificate=ca,
        key=(folder / "ca-key.pem").read_text(),
        check_networks=[network],
    )


def _follow(address: str, url: str) -> None:
    instance = Instance.objects.filter(name=NAME, address__startswith="127.0.0.1:").first()
    if instance is not None and instance.address != address:
        instance_update(actor=COMMAND, instance=instance, address=address)
    builder = Builder.objects.filter(name=NAME, url__startswith="http://127.0.0.1:").first()
    if builder is not None:
        builder_change(actor=COMMAND, builder=builder, url=url)


def _check(instance: Instance, network: IPv4Network) -> None:
    """A liveness check of each that has an address, of the kind that it answers."""
    numbers = {str(name): number for name, _, number in UNIKERNELS if number is not None}
    for unikernel in Unikernel.objects.filter(instance=instance, team__domain=NAME, checks=None):
        if number := numbers.get(str(unikernel.full_name)):
            address = str(network[number])
            kind, settings = _answers(unikernel.name, address)
            check_add(actor=COMMAND, unikernel=unikernel, name=kind, kind=kind, settings=settings)


def _answers(name: str, address: str) -> tuple[str, dict[str, Any]]:
    if name == "dns":
        asked = {"server": f"{address}:{DNS_PORT}", "name": "www.simulated.test", "type": "A"}
        return Check.Kind.DNS, asked
    return Check.Kind.HTTP, {"url": f"http://{address}:{HTTP_PORT}/"}


def _hold_images(team: Team, instance: Instance) -> None:
    """The bytes of what runs, so that there is a way back to it, and its ABI is known to work here."""
    running = set(Unikernel.objects.filter(instance=instance, team=team).values_list("digest", flat=True))
    for example in examples().values():
        if hashlib.sha256(example.image).hexdigest() in running:
            image_add(actor=COMMAND, team=team, file=io.BytesIO(example.image), name=f"{example.name}.hvt")


def _grant(team: Team, instance: Instance) -> None:
    """Some room beside what runs already, within what the simulator allows this domain."""
    quota_grant(
        actor=COMMAND,
        team=team,
        instance=instance,
        unikernels=12,
        memory=768,
        block=512,
        cpuids=[0, 1],
        bridges=["service", "management"],
    )
