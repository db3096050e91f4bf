"""Team robur with a quota on a simulated instance, and nothing running there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from accounts.actors import SYSTEM
from accounts.models import Team
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from tests.api.caller import Caller
from tests.api.house import POLICY, fields_of
from unikernels.instances.services import instance_add
from unikernels.inventory.services import reconcile
from unikernels.operations import runner
from unikernels.quotas.services import quota_grant

# The waits of operations, shortened.
QUICK = {
    "look_gap": 0.05,
    "resend_after": 0.4,
    "stay_up": 0.3,
    "prove_limit": 3.0,
    "retry_first": 0.02,
    "retry_most": 0.1,
    "back_limit": 10.0,  # long beside the rest: a busy machine ends nothing
}


@dataclass
class World:
    """The team, the instance, and a program with a deployer's token."""

    team: Team
    instance: Instance
    deployer: Caller

    def work(self, operation: int) -> dict[str, Any]:
        """Do what a worker and the schedule would do; the operation as it ended."""
        while (pause := runner.advance(operation)) is not None:
            time.sleep(min(pause, 0.1))
        answer: dict[str, Any] = self.deployer.get(f"operations/{operation}/").json()
        assert answer["finished"], answer
        return answer


def settle(host: SimulatedInstance, team: Team) -> Instance:
    """The row of *host*, on which *team* has a quota."""
    instance = instance_add(
        actor=SYSTEM,
        name="fra-1",
        address=host.address,
        server_ca=host.server_ca,
        certificate=host.ca_pem,
        key=host.key_pem,
    )
    reconcile(instance)
    quota_grant(actor=SYSTEM, team=team, instance=instance, **fields_of(POLICY))
    reconcile(instance)
    return instance
