"""The other forms: instances, quotas, block devices, uploads. What is valid is said by the services."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django import forms

from accounts.models import Team
from albatross.models import Instance
from mollymawk.errors import ApplicationError, Unproven
from unikernels.blocks.packing import Packing
from unikernels.configuration import MAX_CPUS, MAX_MEMORY

MAX_PEM = 64 * 1024  # characters; a chain of RSA certificates has some 10,000
MAX_LIST = 4096  # characters of a list of networks, bridges or CPU ids
MAX_UNIKERNELS = 100_000

_PEM = forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off"})
_RANGE = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?", re.ASCII)


def show_error(form: forms.Form, error: ApplicationError) -> None:
    """Put what a service found wrong where it belongs: at its fields, and above the form."""
    if isinstance(error, Unproven):
        raise error  # nothing is wrong with the form: accounts.proof asks for the proof
    for name, texts in error.fields.items():
        form.add_error(name if name in form.fields else None, texts)
    if not error.fields:
        form.add_error(None, [str(error), *error.reasons])


def words(text: str) -> list[str]:
    """A list written with commas, spaces or lines between."""
    return [word for word in re.split(r"[\s,]+", text.strip()) if word]


class NumbersField(forms.CharField):
    """CPU ids as people write them: ``0-3, 8``."""

    def clean(self, value: object) -> list[int]:
        """The numbers, each once, sorted."""
        found: set[int] = set()
        for word in words(str(super().clean(value))):
            match = _RANGE.fullmatch(word)
            if match is None:
                raise forms.ValidationError(f"{word} is neither a number nor a range like 0-3.")
            first, last = int(match[1]), int(match[2] or match[1])
            if not first <= last < MAX_CPUS:
                raise forms.ValidationError(f"{word}: a CPU id lies between 0 and {MAX_CPUS - 1}.")
            found.update(range(first, last + 1))
        return sorted(found)


class InstanceForm(forms.Form):
    """Where an instance is, how to know it, and the pair that commands are signed with."""

    name = forms.CharField(max_length=63, help_text="As you call it: fra-1.")
    address = forms.CharField(max_length=255, help_text="host:port or [IPv6]:port")
    server_ca = forms.CharField(
        max_length=MAX_PEM,
        label="CA of the server",
        widget=_PEM,
        help_text="PEM: who signed its certificate.",
    )
    certificate = forms.CharField(
        max_length=MAX_PEM, label="Our CA certificate", widget=_PEM, help_text="PEM: the CA that it trusts."
    )
    key = forms.CharField(
        max_length=MAX_PEM,
        label="Its private key",
        widget=_PEM,
        help_text="PEM. Kept encrypted, never shown again.",
    )
    check_networks = forms.CharField(
        required=False,
        max_length=MAX_LIST,
        label="Networks of its unikernels",
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text="Private networks that liveness checks may reach, beside global addresses: 10.0.0.0/24.",
    )

    def __init__(self, data: object = None, *, instance: Instance | None = None) -> None:
        initial = None
        if instance is not None:
            initial = {
                "name": instance.name,
                "address": instance.address,
                "server_ca": instance.server_ca,
                "certificate": instance.certificate,
                "check_networks": "\n".join(instance.check_networks),
            }
        super().__init__(data, initial=initial)  # type: ignore[arg-type]  # a QueryDict or None
        if instance is not None:
            self.fields["key"].required = False
            self.fields["key"].help_text = "PEM. Leave it empty to keep the one we have."

    def clean_check_networks(self) -> list[str]:
        """As a list; whether they are networks is said by the service."""
        return words(self.cleaned_data["check_networks"])


class QuotaForm(forms.Form):
    """What a team is granted on an instance."""

    unikernels = forms.IntegerField(min_value=0, max_value=MAX_UNIKERNELS)
    memory = forms.IntegerField(min_value=0, max_value=MAX_MEMORY, label="Memory in MB")
    block = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_MEMORY,
        label="Blocks in MB",
        help_text="Empty: no block devices.",
    )
    cpuids = NumbersField(required=False, max_length=MAX_LIST, label="CPU ids", help_text="0-3, 8")
    bridges = forms.CharField(required=False, max_length=MAX_LIST, help_text="Names, with commas between.")

    def clean_bridges(self) -> list[str]:
        """As a list."""
        return words(self.cleaned_data["bridges"])


class BlockForm(forms.Form):
    """A new block device."""

    team = forms.ChoiceField()
    instance = forms.ChoiceField()
    name = forms.CharField(max_length=63, help_text="Letters, digits, dots and hyphens.")
    megabytes = forms.IntegerField(min_value=1, max_value=MAX_MEMORY, label="Size in MB")

    def __init__(
        self, data: object = None, *, teams: Sequence[Team], instances: Sequence[Instance], team: Team | None
    ) -> None:
        super().__init__(data, initial={"team": team.name if team else None})  # type: ignore[arg-type]  # as above
        for name, things in (("team", teams), ("instance", instances)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(thing.name, thing.name) for thing in things]


class UploadForm(forms.Form):
    """An image, for a team."""

    team = forms.ChoiceField()
    file = forms.FileField(
        label="Image",
        allow_empty_file=True,
        help_text="A Solo5 image for hvt or spt, plain or compressed, as mirage build or builder-web gives it.",
    )

    def __init__(
        self, data: object = None, files: object = None, *, teams: Sequence[Team], team: Team | None
    ) -> None:
        super().__init__(data, files, initial={"team": team.name if team else None})  # type: ignore[arg-type]  # as above
        field = self.fields["team"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(thing.name, thing.name) for thing in teams]
        if len(teams) == 1:
            field.widget = forms.HiddenInput()
            self.initial["team"] = teams[0].name


class BlockFileForm(forms.Form):
    """The content of a block device, and how the file is packed."""

    file = forms.FileField(
        label="File", allow_empty_file=True, help_text="The content as it is to lie on the device."
    )
    packing = forms.ChoiceField(
        label="Packed",
        choices=[
            (Packing.AUTO, "As it looks: gzip is unpacked"),
            (Packing.PLAIN, "Not packed: the bytes as they are"),
            (Packing.GZIP, "gzip"),
            (Packing.ZLIB, "zlib"),
        ],
    )
