"""One form for each kind of check. What is valid is said by ``checks.settings`` and the services."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from django import forms

from albatross.models import Instance
from mollymawk.errors import ApplicationError, Conflict, Invalid
from unikernels.checks.addresses import refusal
from unikernels.checks.resolving import reach_of
from unikernels.checks.services import MAX_SECONDS, MIN_SECONDS
from unikernels.checks.settings import MAX_ANSWER, MAX_TEXT, MAX_URL, TYPES, Settings, parse
from unikernels.inventory.observed import observed_of
from unikernels.models import Check, Unikernel

Kind = Check.Kind

MAX_NAME = 63
MAX_ADDRESS = 300  # host:port; a name of the DNS has at most 253 characters
_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
_OPTION = "--ipv4="


def address_of(thing: Unikernel) -> str:
    """The address that *thing* was told to take by ``--ipv4=``, or empty. For deployers only."""
    info = observed_of(thing)
    for argument in (info.arguments or ()) if info else ():
        if argument.startswith(_OPTION):
            try:
                return str(ipaddress.ip_interface(argument.removeprefix(_OPTION)).ip)
            except ValueError:
                return ""
    return ""


def _text(longest: int) -> forms.TextInput:
    return forms.TextInput(attrs=_PLAIN | {"maxlength": str(longest)})


class CheckForm(forms.Form):
    """What all kinds have. The check's own name is ``called``: a DNS check asks for a ``name``."""

    kind: ClassVar[Kind]
    first_name: ClassVar[str]
    wanted: Settings | None = None  # after ``is_valid``: what it asks

    called = forms.CharField(
        max_length=MAX_NAME,
        label="Name of the check",
        widget=_text(MAX_NAME),
        help_text="Stands in lists and mails.",
    )
    seconds = forms.IntegerField(
        min_value=MIN_SECONDS,
        max_value=MAX_SECONDS,
        initial=60,
        label="Every, in seconds",
        help_text="Between two tries, while it runs.",
    )

    def __init__(
        self, data: Mapping[str, Any] | None, *, unikernel: Unikernel, check: Check | None = None
    ) -> None:
        initial = self.of_check(check.settings) if check else self.first(address_of(unikernel))
        named = (
            {"called": check.name, "seconds": check.seconds}
            if check
            else {"called": self.free_name(unikernel)}
        )
        super().__init__(data, initial=initial | named)
        self.instance = unikernel.instance
        self.order_fields([name for name in self.fields if name not in {"called", "seconds"}])

    def free_name(self, unikernel: Unikernel) -> str:
        """A name that no check of *unikernel* has yet."""
        taken = set(Check.objects.filter(unikernel=unikernel).values_list("name", flat=True))
        numbered = (f"{self.first_name}-{number}" for number in range(2, len(taken) + 3))
        return next(name for name in (self.first_name, *numbered) if name not in taken)

    @classmethod
    def first(cls, address: str) -> dict[str, Any]:
        """What a new form begins with, for a unikernel at *address*."""
        raise NotImplementedError

    @classmethod
    def of_check(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        """What the form shows of a check that is there."""
        return dict(stored)

    def settings(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """The settings as ``checks.settings`` reads them."""
        return {name: value for name, value in cleaned.items() if name not in {"called", "seconds"}}

    def field_of(self, name: str) -> str | None:
        """The field that shows what is wrong with the setting *name*."""
        return name if name in self.fields else None

    def stored(self) -> dict[str, Any]:
        """The settings as a check keeps them; after ``is_valid``."""
        return self.wanted.to_json() if self.wanted else {}

    def clean(self) -> dict[str, Any]:
        """Read it all; every complaint goes to its field."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors.keys() - {"called", "seconds"}:
            try:
                self.wanted = parse(self.kind, self.settings(cleaned))
            except Invalid as error:
                for name, texts in error.fields.items():
                    self.add_error(self.field_of(name), texts)
        return cleaned

    def blame(self, error: ApplicationError) -> None:
        """Show what a service found wrong; with an address that could be allowed, by whom."""
        if isinstance(error, Conflict):
            self.add_error("called", str(error))
        elif error.fields:
            for name, texts in error.fields.items():
                self.add_error({"name": "called"}.get(name, self.field_of(name)), texts)
        else:
            self.add_error(None, [str(error), *error.reasons, *allowing(self.wanted, self.instance)])


def allowing(wanted: Settings | None, instance: Instance) -> list[str]:
    """What a superuser would have to allow, if *wanted* is refused for its network alone."""
    if wanted is None:
        return []
    host, port = wanted.place
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return []
    reach = reach_of(instance)
    alone = ipaddress.ip_network(address)
    if not refusal(address, port, reach) or refusal(address, port, replace(reach, networks=(alone,))):
        return []
    return [
        f"A superuser can allow it: the network of {address} has to stand among the check networks of {instance}."
    ]


class HttpForm(CheckForm):
    """A page that has to be there."""

    kind = Kind.HTTP
    first_name = "web"

    url = forms.CharField(
        max_length=MAX_URL,
        label="URL",
        widget=_text(MAX_URL),
        help_text="http://10.0.0.2:8080/ or https://www.example.org/",
    )
    connect = forms.CharField(
        required=False,
        max_length=45,
        label="Connect to",
        widget=_text(45),
        help_text="An IP address, when the name in the URL leads elsewhere (to a proxy, or nowhere yet).",
    )
    low = forms.IntegerField(min_value=100, max_value=599, initial=200, label="Lowest good status")
    high = forms.IntegerField(min_value=100, max_value=599, initial=399, label="Highest good status")
    text = forms.CharField(
        required=False,
        max_length=MAX_TEXT,
        label="Text in the answer",
        widget=_text(MAX_TEXT),
        help_text="Has to stand in the first part of the body.",
    )
    verify = forms.BooleanField(
        required=False,
        initial=True,
        label="Verify the TLS certificate",
        help_text="Without it a certificate of its own, or an expired one, is good as well.",
    )

    @classmethod
    def first(cls, address: str) -> dict[str, Any]:
        return {"url": f"http://{address}/" if address else ""}

    @classmethod
    def of_check(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        low, high = stored.get("status", (200, 399))
        return {**stored, "low": low, "high": high}

    def settings(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        found = super().settings(cleaned)
        return found | {
            "status": [found.pop("low"), found.pop("high")],
            "connect": cleaned["connect"] or None,
        }

    def field_of(self, name: str) -> str | None:
        return "high" if name == "status" else super().field_of(name)


class DnsForm(CheckForm):
    """A question that has to be answered."""

    kind = Kind.DNS
    first_name = "dns"

    server = forms.CharField(
        max_length=MAX_ADDRESS,
        label="Server",
        widget=_text(MAX_ADDRESS),
        help_text="10.0.0.2 or 10.0.0.2:5353. It is asked by UDP, then by TCP.",
    )
    name = forms.CharField(
        max_length=1000, label="Name to ask for", widget=_text(253), help_text="example.org"
    )
    type = forms.ChoiceField(choices=[(kind, kind) for kind in TYPES], label="Type of record")
    answer = forms.CharField(
        required=False,
        max_length=MAX_ANSWER,
        label="Answer",
        widget=_text(MAX_ANSWER),
        help_text="Has to be among the records. Empty: any record is good.",
    )

    @classmethod
    def first(cls, address: str) -> dict[str, Any]:
        return {"server": f"{address}:53" if address else ""}


class TcpForm(CheckForm):
    """A port that has to take connections."""

    kind = Kind.TCP
    first_name = "tcp"

    address = forms.CharField(
        max_length=MAX_ADDRESS,
        widget=_text(MAX_ADDRESS),
        help_text="host:port. A connection that is taken is good; nothing is sent.",
    )

    @classmethod
    def first(cls, address: str) -> dict[str, Any]:
        return {"address": f"{address}:443" if address else ""}


FORMS: dict[str, type[CheckForm]] = {form.kind: form for form in (HttpForm, DnsForm, TcpForm)}
