"""A house with one simulated instance, one team and its first unikernels, for the stories of operations."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import Membership, Quota, Role, Team, User
from albatross.messages import Policy
from albatross.models import Instance, ObservedPolicy
from albatross.simulator import SimulatedInstance, build_image
from mollymawk.keyring import seal
from unikernels.configuration import Configuration
from unikernels.images.services import image_add
from unikernels.models import Image, Operation, Unikernel
from unikernels.operations import runner, services
from unikernels.operations.machine import State

POLICY = Policy(unikernels=4, cpuids=frozenset({0, 1}), memory=256, block=64, bridges=frozenset({"service"}))
QUICK = {
    "look_gap": 0.05,
    "resend_after": 0.4,
    "settled_after": 0.2,
    "stay_up": 0.3,
    "prove_limit": 3.0,
    "retry_first": 0.02,
    "retry_most": 0.1,
    "back_limit": 10.0,  # long beside the rest: a busy machine ends nothing
    "check_waits": (0.02, 0.02, 0.05),
    "check_gap": 0.1,
    "check_timeout": 2.0,
    "pass_span": 0.1,
    "window_gap": 0.05,
}


class House:
    """What a story needs: the instance, the team, an actor; and short words for what is done."""

    def __init__(self, simulated: SimulatedInstance) -> None:
        self.simulated = simulated
        self.user = User.objects.create_user("dave@example.org", is_active=True)
        self.team = Team.objects.create(name="robur", domain="robur")
        Membership.objects.create(team=self.team, user=self.user, role=Role.DEPLOYER)
        self.actor = Actor(self.user, "session")
        self.instance = Instance.objects.create(
            name="fra-1",
            address=simulated.address,
            server_ca=simulated.server_ca,
            certificate=simulated.ca_pem,
            sealed_key=seal(simulated.key_pem),
        )
        simulated.grant("robur:", POLICY)
        fields = {
            "unikernels": POLICY.unikernels,
            "memory": POLICY.memory,
            "block": POLICY.block,
            "cpuids": sorted(POLICY.cpuids),
            "bridges": sorted(POLICY.bridges),
        }
        Quota.objects.create(team=self.team, instance=self.instance, state=Quota.State.APPLIED, **fields)
        ObservedPolicy.objects.create(
            instance=self.instance, path="robur", observed_at=timezone.now(), **fields
        )

    def image(self, behaviour: dict[str, Any] | None = None, **kind: Any) -> Image:
        """An image of the team, in the store."""
        data = build_image(behaviour=behaviour or {}, **kind)
        return image_add(actor=self.actor, team=self.team, file=io.BytesIO(data), name="an.hvt").image

    def deploy(self, image: Image | None = None, name: str = "hello", **configuration: Any) -> Operation:
        """A deploy that was asked for and not begun."""
        return services.deploy(
            actor=self.actor,
            team=self.team,
            instance=self.instance,
            name=name,
            image=image or self.image(),
            configuration=Configuration(**configuration),
            accept=["new-abi"],
        )

    def running(self, image: Image | None = None, name: str = "hello", **configuration: Any) -> Unikernel:
        """A unikernel that was deployed and runs."""
        operation = self.finish(self.deploy(image, name, **configuration))
        assert operation.state == State.SUCCEEDED, operation.reason
        return Unikernel.objects.get(operations=operation)

    def finish(self, operation: Operation, *, until: State | None = None) -> Operation:
        """Take it to its end (or until it stands in a state), as the schedule would."""
        import time

        end = time.monotonic() + 20
        while True:
            pause = runner.advance(operation.pk)
            operation.refresh_from_db()
            if pause is None or operation.state == until:
                return operation
            assert time.monotonic() < end, f"still {operation.state}: {operation.memo}"
            time.sleep(min(pause, 0.2))

    def sends(self, name: str = "robur:hello") -> list[str]:
        """The digests that were started under a name, in order."""
        return [record.detail for record in self.simulated.observed.records("started", name=name)]

    def digest(self, name: str = "robur:hello") -> str | None:
        """The image that runs under a name, as the instance itself knows it."""
        info = self.simulated.running().get(name)
        return info.digest.hex() if info else None


@pytest.fixture
def simulated(tmp_path: Path, simulated_network: str) -> Iterator[SimulatedInstance]:
    with SimulatedInstance(tmp_path / "instance", network=simulated_network) as instance:
        yield instance


@pytest.fixture
def house(db: None, simulated: SimulatedInstance, settings: Any, tmp_path: Path) -> House:
    settings.OPERATION_TIMINGS = QUICK
    settings.IMAGE_DIR = tmp_path / "images"
    return House(simulated)
