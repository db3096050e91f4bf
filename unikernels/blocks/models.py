"""Rows of block devices, and of files with the contents of some."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.models import Team
from albatross.models import Instance
from albatross.names import Name

MIB = 2**20  # bytes; Albatross counts block devices in these and calls them MB


class Block(models.Model):
    """A block device as last seen on an instance."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="blocks")
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="blocks")
    path = models.CharField(max_length=511, blank=True)
    name = models.CharField(max_length=63)
    size = models.PositiveBigIntegerField(help_text="MB")
    active = models.BooleanField(default=False, help_text="in use by a running unikernel")

    class Meta:
        ordering = ["instance", "path", "name"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "path", "name"], name="one_block_per_name")
        ]

    def __str__(self) -> str:
        return str(self.full_name)

    @property
    def full_name(self) -> Name:
        """Its name on the instance."""
        return Name(tuple(self.path.split(":")) if self.path else (), self.name)

    @property
    def capacity(self) -> int:
        """Its size in bytes."""
        return self.size * MIB


class BlockFile(models.Model):
    """The content of a block device as a file: sent in by a person, or read from the instance.

    The bytes lie plain in ``IMAGE_DIR/blocks`` under ``key``, for ``BLOCK_FILE_DAYS`` days.
    """

    class Source(models.TextChoices):
        """Where it came from."""

        UPLOADED = "uploaded"
        DUMPED = "dumped"

    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="block_files")
    block = models.ForeignKey(Block, null=True, on_delete=models.SET_NULL, related_name="files")
    source = models.CharField(max_length=8, choices=Source)
    name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField(help_text="bytes, unpacked")
    sha256 = models.CharField(max_length=64, help_text="of the unpacked content, in hexadecimal")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    until = models.DateTimeField(db_index=True, help_text="removed after that, unless something needs it")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name
