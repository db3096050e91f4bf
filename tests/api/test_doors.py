"""Every door does the same: what a page does has its endpoint, and its command where it is scripted.

A page that is added without a row here fails; so does a row whose endpoint or command is not there.
A text that begins with "-" is the reason why there is none.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.core.management import get_commands

from accounts import urls as of_accounts
from mollymawk.rest.schema import description
from unikernels.pages import urls as of_pages

LOOKS = "-only how a page looks or is filled in"
PERSON = "-about the person who is logged in: a session, no program"

# Page: (its endpoints, its commands). Several are told with a blank between them.
DOORS: dict[str, tuple[str, str]] = {
    "oidc": ("listIdentities", PERSON),
    "oidc-login": (PERSON, PERSON),
    "oidc-connect": (PERSON, PERSON),
    "oidc-prove": (PERSON, PERSON),
    "oidc-callback": (PERSON, PERSON),
    "oidc-disconnect": ("disconnectIdentity", PERSON),
    "overview": ("listUnikernels listAlerts listOperations", "unikernels alerts operations"),
    "unikernels": ("listUnikernels", "unikernels"),
    "unikernel": ("getUnikernel listVersions", "unikernel versions"),
    "configure": ("configure", "configure"),
    "what-changed": ("whatChanged", "changes"),
    "upgrade": ("upgrade", "upgrade"),
    "rollback": ("rollback", "rollback"),
    "restart": ("restart", "restart"),
    "destroy": ("destroy", "destroy"),
    "adopt": ("adopt", "adopt"),
    "dismiss": ("dismiss", "dismiss"),
    "console": ("readConsole", "console"),
    "console-download": ("readConsole", "console"),
    "consoles-left": ("listConsolesLeft", "consoles_left"),
    "console-left": ("readConsoleLeft", "consoles_left"),
    "unikernel-statistics": ("readStatistics", "statistics"),
    "checks": ("listChecks", "checks"),
    "check": ("getCheck listCheckResults tryCheck", "checks"),
    "check-edit": ("changeCheck", "checks"),
    "check-remove": ("removeCheck", "checks"),
    "check-add": ("addCheck", "checks"),
    "restart-after": ("setUpdates getUpdates", "update_mode"),
    "update-mode": ("setUpdates getUpdates", "update_mode"),
    "openings": (LOOKS, LOOKS),
    "freeze": ("freezeSystem unfreezeSystem listFreezes", "freeze unfreeze freezes"),
    "freeze-team": ("freezeTeam unfreezeTeam", "freeze unfreeze"),
    "deploy": ("listImages listBuilders", "image_list builder_list"),
    "deploy-image": ("deploy", "deploy"),
    "deploy-build": ("deploy", "deploy"),
    "builder": ("listJobs getBuilder", "builds builder_list"),
    "builder-job": ("listBuilds", "builds"),
    "operations": ("listOperations", "operations"),
    "operation": ("getOperation followOperation", "operations"),
    "operation-cancel": ("cancelOperation", "operations"),
    "images": ("listImages", "image_list"),
    "image-upload": ("uploadImage", "image_add"),
    "example": ("-a file for newcomers, offered beside a simulated instance", "-the same"),
    "image-remove": ("deleteImage", "image_remove"),
    "instances": ("listInstances", "instance_list"),
    "instance-add": ("addInstance", "instance_add"),
    "instance": ("getInstance", "instance_list instance_check"),
    "instance-statistics": ("readStatisticsOfInstance", "-programs read /metrics"),
    "instance-edit": ("changeInstance", "instance_edit"),
    "instance-retry": ("retryInstance", "instance_retry"),
    "instance-remove": ("removeInstance", "instance_remove"),
    "alerts": ("listAlerts getAlert", "alerts"),
    "webhooks": ("listWebhooks", "webhook_list"),
    "webhook-add": ("addWebhook", "webhook_add"),
    "webhook": ("getWebhook listDeliveries", "webhook_list"),
    "webhook-edit": ("changeWebhook", "webhook_edit"),
    "webhook-rotate": ("rotateWebhookSecret", "webhook_rotate"),
    "webhook-ping": ("pingWebhook", "webhook_ping"),
    "webhook-remove": ("removeWebhook", "webhook_remove"),
    "webhook-delivery": ("getDelivery", "webhook_list"),
    "webhook-redeliver": ("redeliver", "webhook_redeliver"),
    "audit": ("listEvents", "audit_export"),
    "audit-export": ("exportEvents", "audit_export"),
    "quotas": ("listQuotas", "quota_list"),
    "quota-choose": (LOOKS, LOOKS),
    "team-delete": ("deleteTeam", "team_delete"),
    "person-delete": ("deleteUser", "user_delete"),
    "account-delete": ("deleteUser", "user_delete"),
    "quota-ask": ("askForQuota listQuotaRequests", "quota_request quota_requests"),
    "quota-request": ("getQuotaRequest", "quota_requests"),
    "quota-request-withdraw": ("withdrawQuotaRequest", PERSON),
    "quota-request-decline": ("answerQuotaRequest", "quota_answer"),
    "quota": ("getQuota grantQuota", "quota_set"),
    "meters": (LOOKS, LOOKS),
    "blocks": ("listBlocks createBlock", "block_list block_add"),
    "block": ("getBlock", "block_list"),
    "block-upload": ("uploadBlock", "block_upload"),
    "block-write": ("uploadBlock", "block_upload"),
    "block-download": ("downloadBlock", "block_download"),
    "block-remove": ("deleteBlock", "block_remove"),
    "block-file": ("readBlockFile getBlockFile listBlockFiles", "block_files block_download"),
    "block-file-remove": ("deleteBlockFile", "block_files"),
    "theme": (LOOKS, LOOKS),
    "reference": ("-the description at schema/", "-programs read the description"),
    "reference-endpoint": ("-the description at schema/", "-programs read the description"),
    "help": ("-words of pages", "-manage.py help"),
    # people and teams
    "setup": ("-once, by the person who has the set-up token", "setup_token user_add"),
    "sessions": ("listSessions", "session_list"),
    "session-end": ("endSession", "session_revoke"),
    "sessions-end-others": ("endSession", "session_revoke"),
    "tokens": ("listTokens", "token_list"),
    "mail": ("getQuietHours setQuietHours deleteQuietHours", PERSON),
    "unsubscribe": ("-a link in a letter", "-a link in a letter"),
    "teams": ("listTeams createTeam", "teams team_add"),
    "team": ("getTeam listMembers", "teams team_member"),
    "member-role": ("setRole", "team_member"),
    "member-remove": ("removeMember", "team_member"),
    "team-transfer": ("transferTeam", PERSON),
    "invitation": ("invite listInvitations", "team_invite"),
    "invitation-again": ("sendInvitationAgain", PERSON),
    "invitation-withdraw": ("withdrawInvitation", "team_invite"),
    "invitation-answer": ("answerInvitation listMyInvitations", PERSON),
    "invitation-link": ("-a link in a letter", "-a link in a letter"),
    "team-second-factor": ("demandSecondFactor", "team_second_factor"),
    "team-tokens": ("issueToken listTokens", "token_add token_list"),
    "team-publishers": (
        "listPublishers addPublisher listIssuers addIssuer removeIssuer exchangeIdentity",
        "publisher_list publisher_add issuer_list issuer_add issuer_remove",
    ),
    "publisher-remove": ("removePublisher", "publisher_remove"),
    "token-revoke": ("revokeToken", "token_revoke"),
}


def pages() -> set[str]:
    """The names of all pages."""
    return {str(pattern.name) for pattern in [*of_accounts.urlpatterns, *of_pages.urlpatterns]}


def told(column: int) -> set[str]:
    """What the rows name in one column, without reasons."""
    texts: Iterable[str] = (row[column] for row in DOORS.values() if not row[column].startswith("-"))
    return {name for text in texts for name in text.split()}


def test_every_page_has_its_other_doors_or_a_reason() -> None:
    assert pages() - set(DOORS) == set(), "say by which endpoint and command one does the same"
    assert set(DOORS) - pages() == set(), "these pages are gone"


def test_the_endpoints_are_there() -> None:
    known = {
        operation["operationId"] for path in description()["paths"].values() for operation in path.values()
    }
    assert told(0) - known == set()


def test_the_commands_are_there() -> None:
    assert told(1) - set(get_commands()) == set()
