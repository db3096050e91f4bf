"""Example images for newcomers, offered where a simulated instance is about."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from albatross.simulator.images import Example, examples
from mollymawk.errors import Missing
from unikernels.pages.request import PageRequest, page


def offered() -> list[Example]:
    """The example images, where they are offered."""
    return list(examples().values()) if settings.EXAMPLE_IMAGES else []


@page
@require_GET
def example(request: PageRequest, name: str) -> HttpResponse:
    """An example image as a file."""
    found = next((example for example in offered() if example.name == name), None)
    if found is None:
        raise Missing("There is no such example image.")
    headers = {"Content-Disposition": f'attachment; filename="{found.name}.hvt"'}
    return HttpResponse(found.image, content_type="application/octet-stream", headers=headers)
