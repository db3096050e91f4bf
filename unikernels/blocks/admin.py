"""Block devices and files with their contents in the admin: changed on pages, only read here."""

from __future__ import annotations

from django.contrib import admin

from accounts.readonly import ReadOnly
from unikernels.blocks.models import Block, BlockFile


@admin.register(Block)
class BlockAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Block devices as last seen on instances."""

    list_display = ("name", "path", "instance", "team", "size", "active")
    list_filter = ("active", "instance", "team")
    list_select_related = ("instance", "team")
    search_fields = ("name", "path", "team__name")


@admin.register(BlockFile)
class BlockFileAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Contents that are kept for a while."""

    list_display = ("name", "team", "block", "source", "size", "by", "created_at", "until")
    list_filter = ("source", "team", "created_at")
    list_select_related = ("team", "block__instance", "by")
    search_fields = ("name", "sha256", "team__name", "by__email")
