"""Registers the admin pages of the sub-packages."""

from unikernels.instances import admin as instances_admin
from unikernels.operations import admin as operations_admin

__all__ = ["instances_admin", "operations_admin"]
