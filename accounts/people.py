"""What is known of people beside their rows."""

from __future__ import annotations

from allauth.account.models import EmailAddress

from accounts.models import User


def address_verified(user: User) -> bool:
    """Whether *user* has shown that mail to their address reaches them."""
    return bool(EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists())
