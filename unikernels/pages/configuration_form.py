"""A configuration as a form: what an image needs, filled with what the team may use there.

The form only turns fields into the JSON form of ``unikernels.configuration`` and back; whether a value
is good is said there, and whether it would work is said by the plan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from albatross.messages import Policy
from mollymawk.errors import Invalid
from unikernels.configuration import MAX_MEMORY, MIN_MEMORY, Configuration, parse
from unikernels.models import Block

RESTARTS = (
    ("never", "Never: when it ends, it stays ended"),
    ("always", "Always, whatever its exit code"),
    ("codes", "On these exit codes"),
)
# Which field of the form shows an error about which part of the JSON form.
_SHOWN_AT = {"restart": "exit_codes", "networks": "net-0", "blocks": "block-0"}
_MAX_TEXT = 256 * 8192  # as many arguments as a configuration takes, as long as it takes them


@dataclass(frozen=True, slots=True)
class Offer:
    """What there is to choose from: devices of the image, limits of the team, free block devices."""

    devices: Sequence[tuple[str, str]]
    limits: Policy | None
    blocks: Sequence[Block]

    def of_kind(self, kind: str) -> list[str]:
        """The devices of one kind, in the order of the manifest."""
        return [name for name, device_kind in self.devices if device_kind == kind]


class ConfigurationForm(forms.Form):
    """Everything about a version but its image. After ``is_valid``, ``configuration`` is there."""

    memory = forms.IntegerField(
        min_value=MIN_MEMORY, max_value=MAX_MEMORY, initial=32, label="Memory in MB", widget=forms.NumberInput
    )
    cpuids = forms.MultipleChoiceField(
        label="CPU ids", widget=forms.CheckboxSelectMultiple, help_text="It runs on one of these."
    )
    arguments = forms.CharField(
        required=False,
        strip=False,
        max_length=_MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "autocomplete": "off"}),
        help_text="One per line, as the unikernel takes them: --ipv4=10.0.0.2/24. Kept encrypted; viewers do not see them.",
    )
    restart = forms.ChoiceField(choices=RESTARTS, label="Start it again when it ends")
    exit_codes = forms.CharField(
        required=False, label="Exit codes", help_text="For the last choice: 1, 2, 255"
    )
    startup = forms.IntegerField(
        required=False,
        label="Start-up order",
        help_text="When the host starts, unikernels come up in this order.",
    )
    add_name = forms.BooleanField(
        required=False,
        initial=True,
        label="Tell it its name",
        help_text="Albatross adds --name=… to the arguments.",
    )
    may_exit = forms.BooleanField(
        required=False,
        label="It may end by itself",
        help_text="For batch unikernels: having started is enough.",
    )

    configuration: Configuration

    def __init__(
        self, data: Mapping[str, Any] | None, *, offer: Offer, base: Configuration | None = None
    ) -> None:
        super().__init__(data, initial=_initial(base, offer) if base else None)
        self.offer, self.base = offer, base or Configuration()
        self._offer_cpuids()
        self._offer_devices()
        self.order_fields(["name", *self.device_fields, "memory", "cpuids", "arguments"])

    @property
    def device_fields(self) -> list[str]:
        """The names of the fields for devices."""
        return [name for name in self.fields if name.startswith(("net-", "block-"))]

    @property
    def networks(self) -> list[forms.BoundField]:
        """The fields for network devices."""
        return [self[name] for name in self.fields if name.startswith("net-")]

    @property
    def blocks(self) -> list[tuple[int, forms.BoundField]]:
        """The fields for block devices, with their number."""
        return [(at, self[f"block-{at}"]) for at in range(len(self.offer.of_kind("block")))]

    def _offer_cpuids(self) -> None:
        allowed = sorted((self.offer.limits.cpuids if self.offer.limits else set()) | self._present_cpuids())
        field = self.fields["cpuids"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(str(cpu), str(cpu)) for cpu in allowed]
        if "cpuids" not in self.initial and allowed:
            self.initial["cpuids"] = [str(allowed[0])]

    def _present_cpuids(self) -> frozenset[int]:
        return frozenset(int(cpu) for cpu in self.initial.get("cpuids", ()))

    def _offer_devices(self) -> None:
        bridges = sorted(self.offer.limits.bridges) if self.offer.limits else []
        for at, device in enumerate(self.offer.of_kind("net")):
            self._add(f"net-{at}", f"Network device “{device}”", [(b, b) for b in bridges], device)
        free = [(block.name, f"{block.name} ({block.size:,} MB)") for block in self.offer.blocks]
        for at, device in enumerate(self.offer.of_kind("block")):
            self._add(f"block-{at}", f"Block device “{device}”", free, device)

    def _add(self, name: str, label: str, choices: list[tuple[str, str]], device: str) -> None:
        """A select of what there is; what runs with something else keeps it as a choice."""
        present = self.initial.get(name)
        if present and present not in {value for value, _ in choices}:
            choices = [*choices, (present, f"{present} (as it is)")]
        same_name = next((value for value, _ in choices if value == device), None)
        if name not in self.initial and (same_name or len(choices) == 1):
            self.initial[name] = same_name or choices[0][0]
        blank = [("", "Choose")] if choices else [("", "There is none")]
        self.fields[name] = forms.ChoiceField(label=label, choices=[*blank, *choices])

    def clean(self) -> dict[str, Any]:
        """Read it all as a configuration; every complaint goes to its field."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            self.configuration = parse(self._json(cleaned))
        except Invalid as error:
            for part, texts in error.fields.items():
                shown_at = _SHOWN_AT.get(part, part)
                self.add_error(shown_at if shown_at in self.fields else None, texts)
        return cleaned

    def _json(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "memory": cleaned["memory"],
            "cpuids": [int(cpu) for cpu in cleaned["cpuids"]],
            "arguments": [line for line in cleaned["arguments"].splitlines() if line.strip()],
            "networks": {
                device: {"bridge": cleaned[f"net-{at}"], "mac": self._mac(device)}
                for at, device in enumerate(self.offer.of_kind("net"))
            },
            "blocks": {
                device: {"device": cleaned[f"block-{at}"], "sector_size": self._sector(device)}
                for at, device in enumerate(self.offer.of_kind("block"))
            },
            "restart": self._restart(cleaned),
            "startup": cleaned["startup"],
            "add_name": cleaned["add_name"],
            "may_exit": cleaned["may_exit"],
            "numcpus": self.base.numcpus,
        }

    def _restart(self, cleaned: Mapping[str, Any]) -> Any:
        if cleaned["restart"] != "codes":
            return cleaned["restart"]
        words = re.split(r"[\s,]+", cleaned["exit_codes"].strip())
        return [int(word) if word.isascii() and word.isdigit() else word for word in words]

    def _mac(self, device: str) -> str | None:
        macs = {net.name: net.mac for net in self.base.networks}
        mac = macs.get(device)
        return mac.hex(":") if mac else None

    def _sector(self, device: str) -> int | None:
        return {block.name: block.sector_size for block in self.base.blocks}.get(device)


class DeployForm(ConfigurationForm):
    """A configuration and the name of the new unikernel."""

    name = forms.CharField(
        max_length=63,
        help_text="Letters, digits, dots and hyphens. It is unique in the team on this instance.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


def _initial(base: Configuration, offer: Offer) -> dict[str, Any]:
    """What the fields show for an existing configuration."""
    bridges = {net.name: net.bridge or net.name for net in base.networks}
    hosts = {block.name: block.host_device or block.name for block in base.blocks}
    behaviour = base.fail_behaviour
    restart = "never" if not behaviour.restart else "codes" if behaviour.exit_codes else "always"
    values = {
        "memory": base.memory,
        "cpuids": [str(cpu) for cpu in sorted(base.cpuids)],
        "arguments": "\n".join(base.arguments),
        "restart": restart,
        "exit_codes": ", ".join(map(str, sorted(behaviour.exit_codes))),
        "startup": base.startup,
        "add_name": base.add_name,
        "may_exit": base.may_exit,
    }
    for kind, prefix, given in (("net", "net", bridges), ("block", "block", hosts)):
        for at, device in enumerate(offer.of_kind(kind)):
            if device in given:
                values[f"{prefix}-{at}"] = given[device]
    return values
