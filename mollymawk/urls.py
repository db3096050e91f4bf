"""Which path is answered by whom."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("accounts.api_urls")),
    path("api/v1/", include("unikernels.api.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("accounts.urls")),
]
