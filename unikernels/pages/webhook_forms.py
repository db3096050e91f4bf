"""The forms of webhooks, and the same from elsewhere. What is valid is said by the services."""

from __future__ import annotations

import shlex

from django import forms

from accounts.models import Team
from unikernels.pages.same import Same, same
from unikernels.webhooks.kinds import ABOUT, CHOICES, Kind
from unikernels.webhooks.models import Delivery, Webhook
from unikernels.webhooks.services import MAX_DESCRIPTION, MAX_OVERLAP_HOURS, OVERLAP_HOURS
from unikernels.webhooks.targets import MAX_URL

# What somebody wants to hear of who did not think about it: what went wrong.
SUGGESTED = (
    Kind.OPERATION_ROLLED_BACK,
    Kind.OPERATION_FAILED,
    Kind.OPERATION_REVERTED,
    Kind.NOT_REVERTED,
    Kind.CHECK_DOWN,
    Kind.CHECK_UP,
    Kind.ALERT_OPENED,
    Kind.ALERT_OVER,
)
EXAMPLE = "https://hooks.example.org/mollymawk"


class WebhookForm(forms.Form):
    """Where to, and what of."""

    url = forms.CharField(
        max_length=MAX_URL,
        label="URL",
        help_text="https, at a global address. Redirects are not followed.",
        widget=forms.TextInput(attrs={"type": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    description = forms.CharField(
        required=False, max_length=MAX_DESCRIPTION, help_text="What it is for, for the other owners."
    )
    events = forms.MultipleChoiceField(
        choices=[(kind.value, ABOUT[kind].replace("`", "")) for kind in CHOICES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one event."},
    )
    on = forms.BooleanField(
        required=False,
        label="On",
        help_text="While it is off nothing is written for it, and nothing sent later.",
    )

    def __init__(self, data: object = None, *, hook: Webhook | None = None) -> None:
        initial: dict[str, object] = {"events": [kind.value for kind in SUGGESTED], "on": True}
        if hook is not None:
            initial = {"url": hook.url, "description": hook.description, "events": hook.events, "on": hook.on}
        super().__init__(data, initial=initial)  # type: ignore[arg-type]  # a QueryDict or None


class RotateForm(forms.Form):
    """How long both secrets sign."""

    overlap = forms.IntegerField(
        min_value=0,
        max_value=MAX_OVERLAP_HOURS,
        initial=OVERLAP_HOURS,
        label="Hours in which both secrets sign",
        help_text="Meanwhile tell the receiver the new one. 0: the present one ends at once, as when somebody else knows it.",
    )


def same_list(team: Team) -> Same:
    """The webhooks of a team."""
    command = shlex.join(["webhook_list", f"--team={team.name}"])
    return same("GET", f"/webhooks/?team={team.name}", command=command)


def same_add(team: Team) -> Same:
    """Adding one."""
    events = [Kind.CHECK_DOWN.value, Kind.OPERATION_FAILED.value]
    words = ["webhook_add", EXAMPLE, f"--team={team.name}", *(f"--event={event}" for event in events)]
    body = {"team": team.name, "url": EXAMPLE, "events": events}
    return same("POST", "/webhooks/", body=body, command=shlex.join(words))


def same_change(hook: Webhook) -> Same:
    """Changing one."""
    body = {"url": hook.url, "events": hook.events, "description": hook.description, "on": hook.on}
    words = [str(hook.pk), f"--url={hook.url}", *(f"--event={event}" for event in hook.events)]
    return same("PUT", f"/webhooks/{hook.pk}/", body=body, command=shlex.join(["webhook_edit", *words]))


def same_rotate(hook: Webhook) -> Same:
    """A new secret."""
    path = f"/webhooks/{hook.pk}/rotate/"
    return same("POST", path, body={"overlap": OVERLAP_HOURS}, command=f"webhook_rotate {hook.pk}")


def same_one(hook: Webhook, delivery: Delivery | None = None) -> Same:
    """What was sent; or sending one again."""
    if delivery is None:
        command = shlex.join(["webhook_list", f"--deliveries={hook.pk}"])
        return same("GET", f"/webhooks/{hook.pk}/deliveries/", command=command)
    path = f"/webhooks/{hook.pk}/deliveries/{delivery.pk}/redeliver/"
    return same("POST", path, command=f"webhook_redeliver {delivery.pk}")
