"""Which old address is answered by whom. The console is answered beside Django: ``upstream.console``."""

from __future__ import annotations

from django.urls import path, re_path

from unikernels.upstream import blocks, elsewhere, unikernels, updates

app_name = "upstream"

urlpatterns = [
    path("unikernels", unikernels.listing, name="unikernels"),
    path("unikernel/create", unikernels.create, name="create"),
    path("unikernel/restart", unikernels.again, name="restart"),
    path("unikernel/destroy", unikernels.end, name="destroy"),
    path("unikernel/update", updates.update, name="update"),
    path("unikernel/rollback", updates.back, name="rollback"),
    path("block/create", blocks.create, name="block-create"),
    path("block/upload", blocks.upload, name="block-upload"),
    path("block/download", blocks.download, name="block-download"),
    path("block/delete", blocks.delete, name="block-delete"),
    re_path(r"^(?:unikernel|block)/", elsewhere.missing),
]
