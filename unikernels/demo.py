"""What a newcomer finds after ``manage.py up``: the simulated instance, and a team that may use it.

Made until there is a superuser; from then on everything belongs to people, and stays as they left it
(only the address of the instance follows when its port has changed).
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from accounts.actors import COMMAND
from accounts.models import Quota, Team
from accounts.services import needs_setup, team_create
from albatross.models import Instance
from albatross.simulator.images import examples
from unikernels.images.services import image_add
from unikernels.instances.services import instance_add, instance_update
from unikernels.inventory.services import adopt, reconcile
from unikernels.models import Unikernel
from unikernels.quotas.services import quota_grant

NAME = "demo"  # of the instance, the team and its domain: the domain that the simulator fills


def demo_ensure(*, folder: Path, network: str) -> None:
    """Bring the simulated instance whose files are in *folder* in, and what goes with it.

    *network* is where its unikernels live: liveness checks may go there. Every step may be repeated.
    """
    address = (folder / "address").read_text().strip()
    if not needs_setup():
        _follow(address)
        return
    instance = Instance.objects.filter(name=NAME).first() or _add(folder, address, network)
    team = Team.objects.filter(domain=NAME).first() or team_create(actor=COMMAND, name=NAME)
    if not Quota.objects.filter(team=team, instance=instance).exists():
        reconcile(instance)
        _grant(team, instance)
        _hold_images(team, instance)
    for unikernel in Unikernel.objects.filter(instance=instance, team=team, current=None):
        adopt(actor=COMMAND, unikernel=unikernel)


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


def _follow(address: str) -> None:
    instance = Instance.objects.filter(name=NAME, address__startswith="127.0.0.1:").first()
    if instance is not None and instance.address != address:
        instance_update(actor=COMMAND, instance=instance, address=address)


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
