"""The form of a trusted publisher."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.forms import RightsForm
from accounts.publishers.identities import EVENTS
from accounts.publishers.models import Issuer
from accounts.publishers.services import MAX_NUMBER, MAX_TEXT, MAX_URL
from accounts.publishers.signatures import ALGORITHMS

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}
_EVENTS = sorted({event for events in EVENTS.values() for event in events})


class PublisherForm(RightsForm):
    """A workflow, and what it may do."""

    issuer = forms.ModelChoiceField(
        Issuer.objects.all(), label="Vouched for by", empty_label=None, to_field_name="name"
    )
    repository = forms.CharField(max_length=MAX_TEXT, help_text="As owner/name, for people.")
    repository_id = forms.CharField(
        label="Number of the repository",
        max_length=MAX_NUMBER,
        help_text="GitHub: “id” at api.github.com/repos/OWNER/NAME. Names may come to somebody else, numbers do not.",
    )
    owner_id = forms.CharField(
        label="Number of its owner", max_length=MAX_NUMBER, help_text="“owner”, “id” at the same address."
    )
    workflow = forms.CharField(max_length=MAX_TEXT, help_text="Its file, such as deploy.yml.")
    ref = forms.CharField(
        label="Branch or tag",
        max_length=MAX_TEXT,
        initial="refs/heads/main",
        help_text="A pattern, such as refs/tags/v*.",
    )
    environment = forms.CharField(
        max_length=MAX_TEXT,
        required=False,
        help_text="Of the job, where reviews may be asked for. Empty: any.",
    )
    events = forms.MultipleChoiceField(
        label="Begun by",
        choices=[(event, event) for event in _EVENTS],
        initial=["push", "workflow_dispatch", "release"],
        widget=forms.CheckboxSelectMultiple,
        help_text="What strangers can cause, such as pull requests, is never trusted.",
    )

    field_order = [
        "issuer",
        "repository",
        "repository_id",
        "owner_id",
        "workflow",
        "ref",
        "environment",
        "events",
        "scopes",
        "unikernels",
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field.widget, forms.TextInput):
                field.widget.attrs |= _PLAIN

    def wanted(self) -> dict[str, Any]:
        """What was filled in, for the service."""
        known = EVENTS[self.cleaned_data["issuer"].kind]
        events = [event for event in self.cleaned_data["events"] if event in known]
        return self.cleaned_data | self.rights() | {"events": events}


class IssuerForm(forms.Form):
    """A server that vouches for workflows."""

    name = forms.CharField(max_length=63, help_text="What teams call it.")
    url = forms.CharField(
        label="URL",
        max_length=MAX_URL,
        help_text="Exactly as its identities name it: iss. It is asked first.",
    )
    kind = forms.ChoiceField(choices=Issuer.Kind.choices, help_text="Whose claims they are.")
    algorithms = forms.MultipleChoiceField(
        choices=[(name, name) for name in ALGORITHMS],
        initial=list(ALGORITHMS),
        widget=forms.CheckboxSelectMultiple,
        help_text="What it may sign with.",
    )
