"""Images: what a team has uploaded, and uploading."""

from __future__ import annotations

import contextlib
from typing import Any, BinaryIO
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import ANY
from accounts.scopes import UPLOAD, Scope
from albatross.errors import ImageRefused
from albatross.solo5 import inspect
from mollymawk.errors import Invalid
from mollymawk.rest.orders import ID, NAME, Orders
from mollymawk.rest.pages import Key, page
from mollymawk.rest.parsers import ImageParser, LengthRequired, TooLarge
from mollymawk.rest.plans import plan, rehearsed
from mollymawk.rest.schema import changes, reads
from mollymawk.rest.shapes import ChangeQuery, Page, PageQuery, Strict
from unikernels.access import image_of, images_of
from unikernels.api.base import Endpoint
from unikernels.images.services import image_add, image_remove
from unikernels.models import TeamImage

FORM_OVERHEAD = 64 * 1024  # bytes; boundaries and headers of a form with one file


class DeviceOut(serializers.Serializer[Any]):
    """A device that the image needs."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(["net", "block"])


class ImageOut(serializers.Serializer[Any]):
    """An image of a team."""

    digest = serializers.CharField(help_text="SHA-256 of the uncompressed image")
    team = serializers.CharField()
    name = serializers.CharField()
    size = serializers.IntegerField(help_text="bytes, uncompressed")
    target = serializers.CharField(help_text="Solo5 ABI target")
    abi_version = serializers.IntegerField()
    devices = DeviceOut(many=True)
    added_by = serializers.CharField(allow_null=True)
    added_at = serializers.DateTimeField()


def show(copy: TeamImage) -> dict[str, Any]:
    """A team's image, as the API tells it."""
    image = copy.image
    return {
        "digest": image.digest,
        "team": copy.team.name,
        "name": copy.name,
        "size": image.size,
        "target": image.target,
        "abi_version": image.abi_version,
        "devices": [{"name": name, "kind": kind} for name, kind in image.devices],
        "added_by": copy.added_by.email if copy.added_by else None,
        "added_at": copy.added_at,
    }


ORDERS = Orders("-id", {"id": ID, "name": NAME, "size": Key("image__size")})


class TeamQuery(Strict):
    """Whose."""

    team = serializers.CharField(required=False, help_text="not needed with a token")


class Images(Endpoint):
    """All images that the caller may see, newest first."""

    parser_classes: list[type[BaseParser]] = [ImageParser, MultiPartParser]

    class Query(PageQuery):
        """Which ones, in which order."""

        team = serializers.CharField(required=False)
        q = serializers.CharField(required=False, max_length=200, help_text="a part of the file name")
        digest = serializers.CharField(required=False, max_length=64, help_text="how the SHA-256 begins")
        target = serializers.CharField(required=False, max_length=10, help_text="Solo5 ABI target")
        ordering = ORDERS.field()

    class Out(Page):
        """A page of images."""

        items = ImageOut(many=True)

    class Upload(ChangeQuery):
        """What is uploaded for whom."""

        team = serializers.CharField(required=False, help_text="not needed with a token")
        name = serializers.CharField(required=False, max_length=200, help_text="its file name")

    class In(Strict):
        """The image, as a part of a form."""

        file = serializers.FileField(allow_empty_file=True)

    @reads("listImages", query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List images."""
        query = self.query(self.Query)
        rows = self.narrowed(
            images_of(self.actor),
            query,
            q="name__icontains",
            digest="image__digest__startswith",
            target="image__target",
        )
        return Response(page(rows, request=request, order=ORDERS.of(query), query=query, show=show))

    @changes(
        "uploadImage",
        scope=UPLOAD,
        query=Upload,
        body={"application/octet-stream": OpenApiTypes.BINARY, "multipart/form-data": In},
        status=201,
        answer=ImageOut,
    )
    def post(self, request: Request) -> Response:
        """Upload an image.

        As the body itself, or as the part `file` of a form. Solo5 images for hvt and spt, plain or
        compressed; what the team has already is answered like new.
        """
        query = self.query(self.Upload)
        team = self.team(query.get("team"), UPLOAD, unikernel=ANY)
        file, name = self._file(request)
        with contextlib.closing(file):
            if query["dry_run"]:
                return Response(_look(file))
            copy = image_add(actor=self.actor, team=team, file=file, name=query.get("name") or name)
        place = reverse("api:image", args=[copy.image.digest]) + "?" + urlencode({"team": team.name})
        return Response(show(copy), status=201, headers={"Location": request.build_absolute_uri(place)})

    def _file(self, request: Request) -> tuple[BinaryIO, str]:
        """What was uploaded, seekable, and its name in the form. The size is looked at before it is read."""
        length = request.META.get("CONTENT_LENGTH") or ""
        if not length.isdigit():
            raise LengthRequired("Say how long the body is (Content-Length).")
        if int(length) > settings.MAX_IMAGE_BYTES + FORM_OVERHEAD:
            raise TooLarge(f"An image has at most {settings.MAX_IMAGE_BYTES} bytes.")
        data = request.data
        file = data.get("file") if isinstance(data, dict) else None
        if file is None or isinstance(file, str):
            raise Invalid(
                "There is no image.", fields={"file": ["Send it as the body, or as this part of a form."]}
            )
        return file, str(getattr(file, "name", "image"))


def _look(file: BinaryIO) -> dict[str, Any]:
    """Whether *file* would be taken, and what it needs."""
    try:
        facts = inspect(file, max_size=settings.MAX_IMAGE_BYTES)
    except ImageRefused as error:
        return plan(refusals=[str(error)])
    devices = ", ".join(f"{device.name} ({device.kind.value})" for device in facts.devices) or "no devices"
    about = f"{facts.target.value}, ABI version {facts.version}, needs {devices}"
    return plan(f"Keep image {facts.digest.hex()}, {facts.size} bytes: {about}.")


class OneImage(Endpoint):
    """One image of a team."""

    class Change(ChangeQuery, TeamQuery):
        """Whose."""

    @reads("getImage", query=TeamQuery, answer=ImageOut, tag=True)
    def get(self, request: Request, digest: str) -> Response:
        """Show an image."""
        team = self.team(self.query(TeamQuery).get("team"))
        return Response(show(image_of(self.actor, team, digest)))

    @changes("deleteImage", scope=Scope.DEPLOY, query=Change, status=204, answer=None)
    def delete(self, request: Request, digest: str) -> Response:
        """Remove an image from a team."""
        query, actor = self.query(self.Change), self.actor
        team = self.team(query.get("team"), Scope.DEPLOY)
        copy = image_of(actor, team, digest, Scope.DEPLOY)
        if query["dry_run"]:
            return rehearsed(
                lambda: image_remove(actor=actor, copy=copy), f"Remove {copy.name} ({digest[:8]})."
            )
        image_remove(actor=actor, copy=copy)
        return Response(status=204)
