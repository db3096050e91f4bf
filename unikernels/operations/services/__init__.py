"""Asking for changes, their dry runs, and cancelling. What is asked for is done by ``operations.runner``."""

from unikernels.operations.services.cancelling import cancel
from unikernels.operations.services.changes import configure, destroy, plan_configure, restart
from unikernels.operations.services.deploys import deploy, plan_deploy
from unikernels.operations.services.rollbacks import plan_rollback, rollback
from unikernels.operations.services.upgrades import plan_upgrade, upgrade

__all__ = [
    "cancel",
    "configure",
    "deploy",
    "destroy",
    "plan_configure",
    "plan_deploy",
    "plan_rollback",
    "plan_upgrade",
    "restart",
    "rollback",
    "upgrade",
]
