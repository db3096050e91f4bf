"""What happens when a newer build is there, and when: the form of a unikernel's update mode."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from mollymawk.errors import ApplicationError
from unikernels.models import Unikernel
from unikernels.pages.care_same import same_updates
from unikernels.pages.forms import show_error
from unikernels.pages.maintenance import clock_change, openings
from unikernels.pages.managed import managed_of
from unikernels.pages.request import PageRequest, page, say
from unikernels.updates.calendar import DAYS, MAX_MINUTES, MIN_MINUTES, Maintenance, parse, told, zones
from unikernels.updates.services import update_mode_set

Mode = Unikernel.UpdateMode

MODES = (
    (Mode.MANUAL, "Manual: a newer build is shown, a person decides"),
    (Mode.TELL, "Tell me: it is also told by mail, once a day"),
    (Mode.AUTOMATIC, "Automatic: it is put in place in the maintenance window"),
)
# A window to begin with: in the night, and not where nobody is there the next day.
_FIRST = {"weekdays": [1, 2, 3], "start": "03:00", "minutes": 120, "zone": "UTC"}
_NEEDED = {
    "weekdays": "Choose at least one day.",
    "start": "Say when it opens: 03:00.",
    "minutes": "Say for how many minutes.",
    "zone": "Choose a time zone of the list, such as Europe/Berlin.",
}


class UpdateModeForm(forms.Form):
    """The mode and the window; after ``is_valid``, ``maintenance`` is the window if it is complete.

    The window is needed by one mode only; with the others what is there of it may be unfinished.
    """

    use_required_attribute = False

    mode = forms.ChoiceField(choices=MODES, widget=forms.RadioSelect)
    weekdays = forms.TypedMultipleChoiceField(
        coerce=int,
        choices=list(enumerate(DAYS)),
        label="Opens on",
        widget=forms.CheckboxSelectMultiple,
    )
    start = forms.TimeField(
        label="At",
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        help_text="By the clock of the zone.",
    )
    minutes = forms.IntegerField(
        min_value=MIN_MINUTES,
        max_value=MAX_MINUTES,
        label="For, in minutes",
        help_text="What has begun when it closes goes on.",
    )
    zone = forms.CharField(
        max_length=64,
        label="Time zone",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off", "spellcheck": "false"}),
        help_text="A place of the IANA database: Europe/Berlin.",
    )

    maintenance: Maintenance | None = None

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, initial: MutableMapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=initial)
        needed = data is None or data.get("mode") == Mode.AUTOMATIC
        for name, text in _NEEDED.items():
            self.fields[name].required = needed
            self.fields[name].error_messages["required"] = text

    def clean_zone(self) -> str:
        """One of the list."""
        zone = str(self.cleaned_data["zone"])
        if zone and zone not in zones():
            raise forms.ValidationError(_NEEDED["zone"])
        return zone

    def clean(self) -> dict[str, Any]:
        """Read the window, if all of it is there."""
        data = super().clean() or self.cleaned_data
        if all(data.get(name) not in (None, "", []) for name in _NEEDED):
            window = {name: data[name] for name in _NEEDED}
            self.maintenance = parse(window | {"start": f"{data['start']:%H:%M}"})
        return data


@page
@require_http_methods(["GET", "POST"])
def update_mode(request: PageRequest, pk: int) -> HttpResponse:
    """The form; ``action=look`` shows the openings without saving."""
    thing = managed_of(request.actor, pk)
    initial = {"mode": thing.update_mode} | (thing.maintenance or _FIRST)
    form = UpdateModeForm(request.POST if request.method == "POST" else None, initial=initial)
    looks = request.POST.get("action") == "look"
    if form.is_bound and form.is_valid() and not looks and _saved(request, thing, form):
        return HttpResponseRedirect(reverse("pages:unikernel", args=[pk]))
    window = form.maintenance if form.is_bound else parse(thing.maintenance or _FIRST)
    context = {
        "section": "unikernels",
        "unikernel": thing,
        "form": form,
        "zones": zones(),
        "at_once": settings.AUTOMATIC_AT_ONCE,
        "same": same_updates(thing, _mode(form), window),
        **_ahead(window, timezone.now()),
    }
    return render(request, "update_mode.html", context, status=422 if form.errors and not looks else 200)


def _mode(form: UpdateModeForm) -> str:
    """The mode that is chosen in the form, or the most useful one to show."""
    given = form.cleaned_data.get("mode") if form.is_bound and form.is_valid() else None
    return str(given or Mode.AUTOMATIC)


def _saved(request: PageRequest, thing: Unikernel, form: UpdateModeForm) -> bool:
    mode = form.cleaned_data["mode"]
    actor = request.actor
    try:
        update_mode_set(actor=actor, unikernel=thing, mode=mode, maintenance=form.maintenance)
    except ApplicationError as error:
        show_error(form, error)
        return False
    say(request, f"{thing.name}: {by_itself(thing)}")
    return True


def by_itself(thing: Unikernel) -> str:
    """What happens when a newer build is there, in one sentence."""
    if thing.update_mode == Mode.AUTOMATIC:
        return f"Newer builds are put in place by themselves, {told(parse(thing.maintenance))}."
    if thing.update_mode == Mode.TELL:
        return "Newer builds are shown, and told by mail once a day."
    return "Newer builds are shown; a person decides."


def _ahead(window: Maintenance | None, now: datetime) -> dict[str, Any]:
    """What the part with the openings needs."""
    if window is None:
        return {"window": None}
    ahead = openings(window, now)
    return {
        "window": window,
        "openings": ahead,
        "elsewhere": any(opening.elsewhere for opening in ahead),
        "change": clock_change(window, now),
    }


@page
@require_GET
def look_ahead(request: PageRequest, pk: int) -> HttpResponse:
    """The openings of the window in the query, for who is filling in the form."""
    thing = managed_of(request.actor, pk)
    query = request.GET.copy()
    query["mode"] = Mode.MANUAL  # an unfinished window is no mistake yet
    form = UpdateModeForm(query)
    form.is_valid()
    context = {"unikernel": thing, **_ahead(form.maintenance, timezone.now())}
    return render(request, "components/openings.html", context)
