"""Versions: making them, and reading their configuration back."""

from __future__ import annotations

from typing import cast

from django.db.models import Max

from accounts.models import User
from mollymawk.keyring import seal_json, unseal_json
from unikernels.configuration import Configuration, parse
from unikernels.models import Build, Image, Unikernel, Version


def version_add(
    *,
    unikernel: Unikernel,
    digest: str,
    image: Image | None,
    configuration: Configuration,
    origin: Version.Origin,
    user: User | None,
    build: Build | None = None,
) -> Version:
    """The next version of *unikernel*. Call it inside the transaction that makes the operation."""
    last = unikernel.versions.aggregate(last=Max("number"))["last"] or 0
    return Version.objects.create(
        unikernel=unikernel,
        number=last + 1,
        digest=digest,
        image=image,
        configuration=configuration.to_json(),
        sealed_arguments=seal_json(list(configuration.arguments)),
        origin=origin,
        created_by=user,
        build=build,
    )


def version_of_source(
    *,
    unikernel: Unikernel,
    source: Image | Build,
    configuration: Configuration,
    user: User | None,
    build: Build | None = None,
) -> Version:
    """The next version, of an uploaded image or of a build (whose bytes may not be here yet)."""
    build = source if isinstance(source, Build) else build
    return version_add(
        unikernel=unikernel,
        digest=source.digest,
        image=None if isinstance(source, Build) else source,
        configuration=configuration,
        origin=Version.Origin.BUILD if build else Version.Origin.UPLOAD,
        user=user,
        build=build,
    )


def arguments_of(version: Version) -> list[str]:
    """The arguments in clear. They hold secrets: only for deployers, and for the instance."""
    return cast("list[str]", unseal_json(version.sealed_arguments))


def configuration_of(version: Version) -> Configuration:
    """The whole configuration, arguments included."""
    return parse({**version.configuration, "arguments": arguments_of(version)})
