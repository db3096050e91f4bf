"""Registers the admin pages of the sub-packages."""

from unikernels.alerts import admin as alerts_admin
from unikernels.blocks import admin as blocks_admin
from unikernels.builds import admin as builds_admin
from unikernels.checks import admin as checks_admin
from unikernels.instances import admin as instances_admin
from unikernels.operations import admin as operations_admin
from unikernels.quotas import admin as quotas_admin
from unikernels.updates import admin as updates_admin
from unikernels.webhooks import admin as webhooks_admin

__all__ = [
    "alerts_admin",
    "blocks_admin",
    "builds_admin",
    "checks_admin",
    "instances_admin",
    "operations_admin",
    "quotas_admin",
    "updates_admin",
    "webhooks_admin",
]
