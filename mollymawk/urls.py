"""Which path is answered by whom. Console streams are answered beside Django: see ``mollymawk.asgi``."""

from __future__ import annotations

from functools import partial

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from mollymawk.health import health
from unikernels.metrics.door import metrics

listed = partial(RedirectView.as_view, http_method_names=["get", "head"])

urlpatterns = [
    path("healthz", health, name="health"),
    path("metrics", metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("accounts.api_urls")),
    path("api/v1/", include("unikernels.api.urls")),
    path("api/", include("unikernels.upstream.urls")),
    # Lists of allauth's that are pages of ours.
    path("accounts/2fa/webauthn/", listed(pattern_name="mfa_index")),
    path("accounts/sessions/", listed(pattern_name="sessions")),
    # Not all of allauth.urls: of its pages about accounts elsewhere ours are in accounts.oidc.
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("", include("accounts.urls")),
    path("", include("unikernels.pages.urls")),
]

handler400 = "mollymawk.rest.failures.bad_request"
handler500 = "mollymawk.rest.failures.server_error"
