"""One simulated instance, one team and one image in the store, for ``bench.deploy``."""

from __future__ import annotations

import time
from pathlib import Path

from accounts.actors import COMMAND
from accounts.models import Team
from accounts.services import team_create
from albatross.edge import client_for
from albatross.messages import Arguments
from albatross.models import Instance
from albatross.names import Name
from unikernels.configuration import Configuration
from unikernels.images.services import image_add
from unikernels.instances.services import instance_add
from unikernels.inventory.services import reconcile
from unikernels.models import Image
from unikernels.operations import runner, services
from unikernels.operations.lease import Lease
from unikernels.operations.world import policies_to_carry
from unikernels.quotas.services import quota_grant

MEMORY = 16  # MB of each unikernel
UNIKERNELS = 40


class Moment:
    """When something happened last."""

    at = 0.0

    def note(self) -> float:
        """It happened now. Answers like a lease: there is a minute left."""
        self.at = time.perf_counter()
        return 60.0


class Yard:
    """Sends the image, by the client alone or as an operation. Both give the moment of the commit point."""

    def __init__(self, folder: Path, image: Path) -> None:
        self._file = image
        self._instance = bring_in(folder, "measured")
        self._team = team_create(actor=COMMAND, name="measured")
        grant(self._team, self._instance)
        self._image = self._store(image)

    def _store(self, path: Path) -> Image:
        with path.open("rb") as file:
            return image_add(actor=COMMAND, team=self._team, file=file, name=path.name).image

    def send(self, name: str) -> float:
        """The client alone: when it last asked whether it may go on, that is before the last frame."""
        client, moment = client_for(self._instance), Moment()
        full_name = Name.of(self._team.domain, label=name)
        policies = policies_to_carry(client, full_name)
        with self._file.open("rb") as file:
            client.create(
                full_name,
                Arguments(memory=MEMORY),
                file,
                size=self._file.stat().st_size,
                policy=policies,
                guard=moment.note,
            )
        return moment.at

    def deploy(self, name: str) -> float:
        """An operation, as far as it goes without waiting: when it was armed."""
        operation = services.deploy(
            actor=COMMAND,
            team=self._team,
            instance=self._instance,
            name=name,
            image=self._image,
            configuration=Configuration(memory=MEMORY),
            accept=["new-abi"],
        )
        moment, arm = Moment(), Lease.arm

        def noted(lease: Lease, memo: dict[str, object]) -> None:
            arm(lease, memo)
            moment.note()

        Lease.arm = noted  # type: ignore[method-assign, assignment]  # to see it from outside
        try:
            runner.advance(operation.pk)
        finally:
            Lease.arm = arm  # type: ignore[method-assign]  # as it was
        return moment.at


def bring_in(folder: Path, name: str) -> Instance:
    """The simulated instance whose files are in *folder*, as *name*."""
    ca = (folder / "ca.pem").read_text()
    return instance_add(
        actor=COMMAND,
        name=name,
        address=(folder / "address").read_text().strip(),
        server_ca=ca,
        certificate=ca,
        key=(folder / "ca-key.pem").read_text(),
    )


def grant(team: Team, instance: Instance) -> None:
    """Room for everything that is measured."""
    reconcile(instance)
    quota_grant(
        actor=COMMAND,
        team=team,
        instance=instance,
        unikernels=UNIKERNELS,
        memory=MEMORY * UNIKERNELS,
        block=None,
        cpuids=[0],
        bridges=[],
    )
    reconcile(instance)
