"""Pages about people, teams and tokens. Logging in is allauth's (``/accounts/…``)."""

from __future__ import annotations

from django.urls import path

from accounts import sessions, views
from accounts.invitations import pages as invitations
from accounts.mail import pages as mail
from accounts.oidc import pages as oidc
from accounts.publishers import pages as publishers

urlpatterns = [
    path("setup/", views.setup, name="setup"),
    path("sessions/", sessions.mine, name="sessions"),
    path("sessions/end-others/", sessions.end_others, name="sessions-end-others"),
    path("sessions/<int:pk>/end/", sessions.end, name="session-end"),
    path("accounts/oidc/", oidc.mine, name="oidc"),
    path("accounts/oidc/login/", oidc.log_in, name="oidc-login"),
    path("accounts/oidc/connect/", oidc.connect, name="oidc-connect"),
    path("accounts/oidc/prove/", oidc.prove, name="oidc-prove"),
    path("accounts/oidc/callback/", oidc.callback, name="oidc-callback"),
    path("accounts/oidc/<int:pk>/disconnect/", oidc.disconnect, name="oidc-disconnect"),
    path("tokens/", views.tokens_of_mine, name="tokens"),
    path("mail/", mail.mail, name="mail"),
    path("mail/stop/<str:token>/", mail.unsubscribe, name="unsubscribe"),
    path("teams/", views.teams, name="teams"),
    path("teams/<str:name>/", views.team, name="team"),
    path("teams/<str:name>/members/<int:pk>/", views.member_role, name="member-role"),
    path("teams/<str:name>/members/<int:pk>/remove/", views.member_leave, name="member-remove"),
    path("teams/<str:name>/second-factor/", views.second_factor, name="team-second-factor"),
    path("teams/<str:name>/transfer/", views.transfer, name="team-transfer"),
    path("teams/<str:name>/invitations/<int:pk>/again/", invitations.again, name="invitation-again"),
    path("teams/<str:name>/invitations/<int:pk>/withdraw/", invitations.withdraw, name="invitation-withdraw"),
    path("invitation/", invitations.invitation, name="invitation"),
    path("invitation/<int:pk>/answer/", invitations.answer, name="invitation-answer"),
    path("invitation/<str:secret>/", invitations.link, name="invitation-link"),
    path("teams/<str:name>/publishers/", publishers.publishers, name="team-publishers"),
    path("teams/<str:name>/publishers/<int:pk>/remove/", publishers.publisher_end, name="publisher-remove"),
    path("teams/<str:name>/tokens/", views.team_tokens, name="team-tokens"),
    path("teams/<str:name>/tokens/<str:key_id>/revoke/", views.token_end, name="token-revoke"),
]
