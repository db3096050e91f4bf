"""Endpoints of this app below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from accounts import api, api_members, api_people
from accounts.audit import api as audit
from accounts.invitations import api as invitations
from accounts.publishers import api as publishers

urlpatterns = [
    path("events/", audit.Events.as_view(), name="api-events"),
    path("events/export/", audit.Export.as_view(), name="api-events-export"),
    path("token/", api.OwnToken.as_view(), name="api-token"),
    path("sessions/", api_people.Sessions.as_view(), name="api-sessions"),
    path("sessions/<int:pk>/", api_people.OneSession.as_view(), name="api-session"),
    path("identities/", api_people.Identities.as_view(), name="api-identities"),
    path("identities/<int:pk>/", api_people.OneIdentity.as_view(), name="api-identity"),
    path("teams/<str:name>/second-factor/", api_people.SecondFactor.as_view(), name="api-second-factor"),
    path("teams/", api.Teams.as_view(), name="api-teams"),
    path("teams/<str:name>/members/", api_members.Members.as_view(), name="api-members"),
    path("teams/<str:name>/members/<int:pk>/", api_members.OneMember.as_view(), name="api-member"),
    path("teams/<str:name>/transfer/", api_members.Transfer.as_view(), name="api-team-transfer"),
    path("teams/<str:name>/invitations/", invitations.Invitations.as_view(), name="api-invitations"),
    path(
        "teams/<str:name>/invitations/<int:pk>/", invitations.OneInvitation.as_view(), name="api-invitation"
    ),
    path(
        "teams/<str:name>/invitations/<int:pk>/again/",
        invitations.Again.as_view(),
        name="api-invitation-again",
    ),
    path("invitations/", invitations.InvitationsToMe.as_view(), name="api-invitations-to-me"),
    path("invitations/<int:pk>/answer/", invitations.Answer.as_view(), name="api-invitation-answer"),
    path("oidc/exchange/", publishers.Exchange.as_view(), name="oidc-exchange"),
    path("issuers/", publishers.Issuers.as_view(), name="issuers"),
    path("issuers/<str:name>/", publishers.OneIssuer.as_view(), name="issuer"),
    path("teams/<str:name>/publishers/", publishers.Publishers.as_view(), name="publishers"),
    path("teams/<str:name>/publishers/<int:pk>/", publishers.OnePublisher.as_view(), name="publisher"),
    path("teams/<str:name>/tokens/", api.TeamTokens.as_view(), name="api-team-tokens"),
    path("teams/<str:name>/tokens/<str:key_id>/", api.OneTeamToken.as_view(), name="api-team-token"),
]
