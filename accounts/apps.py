"""Who may do what, how much, and who did."""

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    """Registers the checks, the events of logins and what the database guards."""

    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from accounts import guards, signals  # noqa: PLC0415  # models are there only now
        from accounts.checks import check_peppers, check_registration  # noqa: PLC0415
        from accounts.oidc.checks import check_oidc  # noqa: PLC0415

        checks.register(check_peppers, checks.Tags.security)
        checks.register(check_registration, checks.Tags.security)
        checks.register(check_oidc, checks.Tags.security)
        post_migrate.connect(guards.install, sender=self)
        signals.connect()
