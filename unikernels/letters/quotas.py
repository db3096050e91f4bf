"""Letters about requests for more: to superusers, and to whoever asked."""

from __future__ import annotations

from accounts.mail.services import letter_write
from accounts.mail.topics import Topic
from accounts.models import Quota, User
from unikernels.letters.words import letter, link_to
from unikernels.quotas.arithmetic import figures
from unikernels.quotas.models import QuotaRequest


def asked(request: QuotaRequest) -> None:
    """Tell the superusers, beside the one who asked."""
    superusers = User.objects.filter(is_superuser=True, is_active=True)
    who = request.asked_by.email if request.asked_by else "An operator"
    letter_write(
        users=[user for user in superusers if user.pk != request.asked_by_id],
        topic=Topic.QUOTAS,
        subject=f"{request.team} asks for more on {request.instance or 'some instance'}",
        text=letter(
            f"{who} asks for {request.team}: {figures(request.policy())}.",
            request.why,
            f"Answer: {link_to('quota-request', request.pk)}",
        ),
    )


def answered(request: QuotaRequest, quota: Quota | None) -> None:
    """Tell whoever asked; *quota* is what was granted, None when it was declined."""
    if request.asked_by is None or request.asked_by_id == request.answered_by_id:
        return
    told = f"granted on {quota.instance}: {figures(quota.policy())}" if quota else "declined"
    pending = quota is not None and quota.state == Quota.State.PENDING
    letter_write(
        users=[request.asked_by],
        topic=Topic.QUOTAS,
        subject=f"{request}: {'granted' if quota else 'declined'}",
        text=letter(
            f"Your request for {request.team} was {told}.",
            "The instance does not hold it yet; until then the lower figures count." if pending else "",
            request.answer,
            link_to("quotas"),
        ),
    )
