"""Endpoints of this app below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from accounts import api

urlpatterns = [
    path("token/", api.OwnToken.as_view(), name="api-token"),
    path("teams/", api.Teams.as_view(), name="api-teams"),
    path("teams/<str:name>/tokens/", api.TeamTokens.as_view(), name="api-team-tokens"),
    path("teams/<str:name>/tokens/<str:key_id>/", api.OneTeamToken.as_view(), name="api-team-token"),
]
