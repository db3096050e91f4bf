"""What looks after unikernels, from elsewhere: checks, update modes and freezes as curl and command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from accounts.models import Team
from unikernels.checks.settings import Dns, Http, Settings, Tcp
from unikernels.models import Check, Unikernel
from unikernels.pages.same import Same, same
from unikernels.updates.calendar import DAYS, Maintenance

# What a form begins with when nothing is known of the unikernel's address.
EXAMPLES: Mapping[str, Settings] = {
    "http": Http("https://www.example.org/"),
    "dns": Dns("192.0.2.1:53", "example.org"),
    "tcp": Tcp("192.0.2.1:443"),
}


def _place(thing: Unikernel) -> list[str]:
    return [thing.name, f"--team={thing.team}", f"--instance={thing.instance}"]


def same_check(thing: Unikernel, check: Check) -> Same:
    """One check, to be read."""
    command = shlex.join(["checks", *_place(thing)])
    return same("GET", f"/unikernels/{thing.pk}/checks/{check.pk}/", command=command)


def same_add(thing: Unikernel, kind: str, name: str, seconds: int, wanted: Settings | None) -> Same:
    """Adding this check, or one like it."""
    settings = wanted or EXAMPLES[kind]
    words = ["checks", *_place(thing), f"--add={name}", f"--every={seconds}", *_options(settings)]
    return same(
        "POST",
        f"/unikernels/{thing.pk}/checks/",
        body={"name": name, "kind": kind, "settings": settings.to_json(), "seconds": seconds},
        command=shlex.join(words),
    )


def same_change(thing: Unikernel, check: Check, name: str, seconds: int, wanted: Settings | None) -> Same:
    """Changing a check to this; there is no command for it."""
    settings = wanted.to_json() if wanted else check.settings
    return same(
        "PUT",
        f"/unikernels/{thing.pk}/checks/{check.pk}/",
        body={"name": name, "kind": check.kind, "settings": settings, "seconds": seconds},
    )


def _options(settings: Settings) -> list[str]:
    """The options of the command ``checks`` that say the same."""
    match settings:
        case Http(url=url, connect=connect, status=(low, high), text=text, verify=verify):
            words = [f"--http={url}", f"--status={low}-{high}"]
            words += [f"--connect={connect}"] if connect else []
            words += [f"--text={text}"] if text else []
            return words + ([] if verify else ["--no-verify"])
        case Dns(server=server, name=name, type=kind, answer=answer):
            words = [f"--dns={name}", f"--server={server}", f"--type={kind}"]
            return words + ([f"--answer={answer}"] if answer else [])
        case Tcp(address=address):
            return [f"--tcp={address}"]


def same_updates(thing: Unikernel, mode: str, window: Maintenance | None) -> Same:
    """Setting the update mode."""
    body: dict[str, Any] = {"mode": mode}
    name, *place = _place(thing)
    words = ["update_mode", name, mode, *place]
    if window:
        body["maintenance"] = window.to_json()
        words += [f"--weekday={DAYS[day][:3].lower()}" for day in window.weekdays]
        words += [f"--start={window.start}", f"--minutes={window.minutes}", f"--zone={window.zone}"]
    return same("PUT", f"/unikernels/{thing.pk}/updates/", body=body, command=shlex.join(words))


def same_restarts(thing: Unikernel) -> Same:
    """Setting automatic restarts."""
    after = thing.restart_after or 3
    command = shlex.join(["update_mode", *_place(thing), f"--restart-after={after}"])
    return same("PUT", f"/unikernels/{thing.pk}/updates/", body={"restart_after": after}, command=command)


def same_freeze(team: Team | None, *, frozen: bool) -> Same:
    """Freezing, or lifting the freeze."""
    path = f"/freezes/teams/{team.name}/" if team else "/freezes/system/"
    whose = f"--team={team.name}" if team else "--all"
    if frozen:
        return same("DELETE", path, command=shlex.join(["unfreeze", whose]))
    return same(
        "PUT", path, body={"reason": "moving"}, command=shlex.join(["freeze", whose, "--reason=moving"])
    )
