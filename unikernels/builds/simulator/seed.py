"""The builds of a fresh simulator: jobs as on a real server, each with a story to try an upgrade on.

The oldest builds of ``hello``, ``static-website``, ``dns-primary-git`` and ``dns-resolver`` are the example images
that a simulated instance runs in the beginning: a poll finds that there are newer ones.

=====================  ==========================================================================
``hello``              three good builds; the newest changed only ordinary packages
``static-website``     an update with TLS and cryptography in it
``opam-mirror``        an update with another compiler, Solo5 and major version of Mirage
``dns-primary-git``    built on two platforms; the newest of all is on the other one
``dnsvizor``           rebuilt with the same bytes; the very last build failed
``traceroute``         up to date: one build
``dns-resolver``       the newest does not answer
``unipi``              the newest ends after a second
``tlstunnel``          the newest answers now and then (flapping)
``miragevpn-router``   the newest was built for an ABI that the instance does not have
``caldav``             the newest needs a block device too
``signer``             the newest "image" is no ELF file
``qubes-firewall``     for Xen, which no instance here runs; no synopsis
``albatross``          a package, no unikernel
=====================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from albatross.simulator.images import examples
from unikernels.builds.simulator.catalogue import (
    Artifact,
    Catalogue,
    SimulatedBuild,
    SimulatedJob,
    inputs,
    stable_uuid,
)
from unikernels.builds.simulator.publishing import (
    ENVIRONMENT,
    OPAM,
    PLATFORM,
    SYSTEM,
    failed,
    unikernel,
)

FREEBSD = "freebsd-14"
_NET = (("service", "net"),)
_TLS = {"tls": "2.0.3", "tls-mirage": "2.0.3", "mirage-crypto": "2.1.0", "x509": "1.0.7"}
_ORDINARY = {"logs": "0.10.0", "ptime": None, "mirage-ptime": "5.1.0"}
_GROUND = {
    "mirage": "5.0.0",
    "mirage-runtime": "5.0.0",
    "ocaml": "5.4.0",
    "ocaml-base-compiler": "5.4.0",
    "solo5": "0.10.0",
}
_UPGRADED_HOST = {"libc6": "2.36-9+deb12u10", "libnew1": "2.0-1", "pkg-config": None}
_SYNOPSES = {
    "hello": "Prints a line now and then",
    "static-website": "A web server for static files",
    "opam-mirror": "An opam repository mirror",
    "dns-primary-git": "Primary DNS authoritative name server with git storage",
    "dnsvizor": "A DNS resolver and DHCP server",
    "traceroute": "Measures the way to a host",
    "dns-resolver": "Recursive DNS resolver",
    "unipi": "Serves a git repository over HTTPS",
    "tlstunnel": "TLS reverse proxy",
    "miragevpn-router": "An OpenVPN compatible router",
    "caldav": "A CalDAV server",
    "signer": "Signs with a key that never leaves it",
    "qubes-firewall": None,
}


def seed(now: datetime | None = None) -> Catalogue:
    """The catalogue as it is told above; the newest builds are of the night before *now* (aware)."""
    catalogue = Catalogue()
    for name, synopsis in _SYNOPSES.items():
        catalogue.add_job(SimulatedJob(name, "Unikernels", synopsis))
    catalogue.add_job(
        SimulatedJob("albatross", "Packages", "Orchestrate and manage MirageOS unikernels with Solo5")
    )
    midnight = (now or datetime.now(UTC)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    newest = midnight - timedelta(hours=21, minutes=28, seconds=50)
    for build in _builds(lambda days: newest - timedelta(days=days)):
        catalogue.add(build)
    return catalogue


def _web(text: str, **words: Any) -> dict[str, Any]:
    return {"lines": [f"web server: {text}"], "http": {"text": f"{text}\n"}, "memory": 12, **words}


def _example(name: str) -> dict[str, Any]:
    """What an image does that a simulated instance may run already."""
    return dict(examples()[name].behaviour)


def _dns(serial: int) -> dict[str, Any]:
    return _example("dns") | {"lines": [f"name server, serial {serial}"]}


def _builds(night: Callable[[int], datetime]) -> list[SimulatedBuild]:
    return [*_good(night), *_unlike(night), *_broken(night), _package(night(1))]


def _good(night: Callable[[int], datetime]) -> list[SimulatedBuild]:
    hello = [
        unikernel(
            job="hello",
            started=night(20 - 10 * number),
            number=number,
            behaviour=_example("hello") | ({"lines": [f"Hello from build {number}"]} if number else {}),
            opam=_ORDINARY if number == 2 else None,
            dune="3.0" if number else "2.7",
        )
        for number in range(3)
    ]
    website: dict[str, Any] = {"job": "static-website", "file": "https.hvt", "devices": _NET}
    mirror: dict[str, Any] = {"job": "opam-mirror", "devices": (*_NET, ("tar", "block"))}
    return [
        *hello,
        *_pair(night, website, _example("web"), _example("web-2"), opam=_TLS, system=_UPGRADED_HOST),
        *_pair(
            night,
            mirror,
            _web("mirror 1"),
            _web("mirror 2"),
            opam=_GROUND,
            environment={"ORB_VERSION": "1.0.4"},
        ),
        unikernel(job="traceroute", started=night(3), number=0, devices=_NET, behaviour=_web("traceroute")),
    ]


def _unlike(night: Callable[[int], datetime]) -> list[SimulatedBuild]:
    """Two platforms, rebuilt with the same bytes, and for Xen."""
    dns: dict[str, Any] = {"job": "dns-primary-git", "file": "primary-git.hvt", "devices": _NET}
    other = {"OS": "freebsd", "OS_DISTRIBUTION": "freebsd", "OS_VERSION": "14"}
    vizor: dict[str, Any] = {"job": "dnsvizor", "devices": _NET, "behaviour": _dns(7)}
    return [
        *_pair(night, dns, _example("dns"), _dns(2), opam={"dns": "10.2.4"}),
        unikernel(**dns, started=night(0), number=2, platform=FREEBSD, behaviour=_dns(3), environment=other),
        unikernel(**vizor, started=night(12), number=0),
        unikernel(**vizor, started=night(2), number=1),
        failed(job="dnsvizor", started=night(0), number=2),
        unikernel(job="qubes-firewall", started=night(1), number=0, target="xen", version=1),
    ]


def _broken(night: Callable[[int], datetime]) -> list[SimulatedBuild]:
    """Each with a good build and a newer one that is not."""
    jobs: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("dns-resolver", _web("", answers=0.0, silence="hang"), {}),
        ("unipi", _web("this will not end well", exit=1, exit_after=1.0), {}),
        ("tlstunnel", _web("flapping", answers=0.8), {}),
        ("miragevpn-router", _web("another ABI"), {"version": 3}),
        ("caldav", _web("with a disk"), {"devices": (*_NET, ("storage", "block"))}),
    ]
    builds = []
    for name, behaviour, words in jobs:
        good = _example("resolver") if name == "dns-resolver" else _web(f"{name} is fine")
        builds += _pair(night, {"job": name, "devices": _NET}, good, behaviour, **words)
    signer = unikernel(
        job="signer", started=night(9), number=0, devices=_NET, behaviour=_web("signer is fine")
    )
    files = inputs(OPAM, SYSTEM, ENVIRONMENT)
    text = Artifact("bin/signer.hvt", b"#!/bin/sh\necho this is no unikernel\n")
    uuid = stable_uuid("signer", PLATFORM, 1)
    return [*builds, signer, SimulatedBuild("signer", uuid, PLATFORM, night(1), (text, *files), opam=OPAM)]


def _pair(
    night: Callable[[int], datetime],
    both: Mapping[str, Any],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    **changes: Any,
) -> list[SimulatedBuild]:
    return [
        unikernel(started=night(9), number=0, behaviour=old, **both),
        unikernel(started=night(1), number=1, behaviour=new, **{**both, **changes}),
    ]


def _package(started: datetime) -> SimulatedBuild:
    deb = Artifact("bin/albatross.deb", b"!<arch>\ndebian-binary")
    files = inputs(OPAM, SYSTEM, ENVIRONMENT)
    uuid = stable_uuid("albatross", PLATFORM, 0)
    return SimulatedBuild("albatross", uuid, PLATFORM, started, (deb, *files), opam=OPAM)
