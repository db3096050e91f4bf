"""Registers the admin pages of the sub-packages."""

from unikernels.operations import admin as operations_admin

__all__ = ["operations_admin"]
