"""Pages about people, teams and tokens. Logging in is allauth's (``/accounts/…``)."""

from __future__ import annotations

from django.urls import path

from accounts import views

urlpatterns = [
    path("setup/", views.setup, name="setup"),
    path("tokens/", views.tokens_of_mine, name="tokens"),
    path("teams/", views.teams, name="teams"),
    path("teams/<str:name>/", views.team, name="team"),
    path("teams/<str:name>/members/<int:pk>/", views.member_role, name="member-role"),
    path("teams/<str:name>/members/<int:pk>/remove/", views.member_leave, name="member-remove"),
    path("teams/<str:name>/tokens/", views.team_tokens, name="team-tokens"),
    path("teams/<str:name>/tokens/<str:key_id>/revoke/", views.token_end, name="token-revoke"),
]
