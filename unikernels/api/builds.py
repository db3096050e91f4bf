"""Builds, as the API tells them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from unikernels.models import Build


class NeedOut(serializers.Serializer[Any]):
    """A device that the image of a build needs."""

    name = serializers.CharField()
    kind = serializers.CharField(help_text="net, block, or whatever else the builder tells")


class BuildOut(serializers.Serializer[Any]):
    """A build of a builder, as that one describes it."""

    server = serializers.CharField(help_text="name of the builder")
    job = serializers.CharField()
    uuid = serializers.CharField()
    platform = serializers.CharField(help_text="of the host that built it")
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    digest = serializers.CharField(help_text="SHA-256 of its image, as stated")
    size = serializers.IntegerField(allow_null=True, help_text="bytes, as stated")
    target = serializers.CharField(allow_null=True, help_text="Solo5 ABI target")
    abi_version = serializers.IntegerField(allow_null=True)
    devices = NeedOut(many=True, allow_null=True, help_text="null: the builder does not tell")


def show_build(build: Build) -> dict[str, Any]:
    """A build, as the API tells it."""
    return {
        "server": build.builder.name,
        "job": build.job,
        "uuid": build.uuid,
        "platform": build.platform,
        "started_at": build.started_at,
        "finished_at": build.finished_at,
        "digest": build.digest,
        "size": build.size,
        "target": build.target or None,
        "abi_version": build.abi_version,
        "devices": _needs(build.devices),
    }


def _needs(devices: list[list[str]] | None) -> list[dict[str, str]] | None:
    return None if devices is None else [{"name": name, "kind": kind} for name, kind in devices]
