"""What a simulated unikernel does: words in its image, which its arguments may override.

The image says it as a JSON object in the section ``.mollymawk.behaviour``; every word is optional:

=============  ====================================================================================
``lines``      list of lines printed at the start                      (``--hello=TEXT``: one line)
``tick``       a line printed again and again                          (``--tick=TEXT``)
``every``      seconds between two of them                             (``--every=SECONDS``)
``exit``       exit code                                               (``--exit=CODE``)
``exit_after`` seconds until it ends by itself; without it, never      (``--exit-after=SECONDS``)
``memory``     MB that the statistics report                           (``--memory-used=MB``)
``http``       serve HTTP: ``{"text", "status", "port"}``              (``--text= --status= --port=``)
``dns``        serve a zone: ``{"zone", "records", "port"}``           (``--dns-port=``)
``answers``    share of the requests that it answers, 0 to 1           (``--answers=SHARE``)
``silence``    what it does with the others: ``"close"`` or ``"hang"``  (``--silence=WORD``)
``ignore_term``  seconds until it obeys SIGTERM; ``Infinity``: never    (``--ignore-term=SECONDS``)
``named``      false: it does not know ``--name=`` and exits with 64
=============  ====================================================================================

``--ipv4=ADDRESS/LENGTH`` is the address that it serves on. Other arguments mean nothing to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args

from albatross.simulator.restarts import UNKNOWN_ARGUMENT

HTTP_PORT = 8080
DNS_PORT = 5353
MIN_PORT = 1024
CRASHED = 2  # the exit code of an OCaml program that ends with an exception

Silence = Literal["close", "hang"]


class Failed(Exception):
    """The unikernel prints this and exits with ``code``."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Http:
    """A web server that says the same to every request."""

    text: str = ""
    status: int = 200
    port: int = HTTP_PORT

    def __post_init__(self) -> None:
        _check_port(self.port)
        if not 100 <= self.status <= 999:
            raise ValueError(f"{self.status} is no HTTP status")


@dataclass(frozen=True, slots=True)
class Dns:
    """A name server for one zone; ``records`` by label (``@``: the zone itself), then by type."""

    zone: str
    records: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    port: int = DNS_PORT

    def __post_init__(self) -> None:
        _check_port(self.port)


def _check_port(port: int) -> None:
    if not MIN_PORT <= port <= 65535:
        raise ValueError(f"port {port} is not in {MIN_PORT}-65535")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """See the table above."""

    lines: tuple[str, ...] = ()
    tick: str = ""
    every: float = 0
    exit: int = 0
    exit_after: float | None = None
    memory: int = 8
    http: Http | None = None
    dns: Dns | None = None
    answers: float = 1
    silence: Silence = "close"
    ignore_term: float = 0
    named: bool = True
    ipv4: str | None = None

    def __post_init__(self) -> None:
        seconds = (self.every, self.ignore_term, self.exit_after or 0)
        if not all(value >= 0 for value in (*seconds, self.answers)):  # false for NaN too
            raise ValueError("a time or share is below zero")
        if self.silence not in get_args(Silence):
            raise ValueError(f"silence is one of {get_args(Silence)}")


def read(story: bytes | None, argv: Iterable[str]) -> Behaviour:
    """The behaviour told by the section *story* (None: it has none) and *argv*. Raises ``Failed``."""
    try:
        behaviour = _told(json.loads(story or b"{}"))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise Failed(f"Fatal error: exception Bad_behaviour({error})", CRASHED) from error
    for argument in argv:
        word, equals, value = argument.partition("=")
        if word == "--name" and not behaviour.named:
            raise Failed("unikernel: unknown option '--name'.", UNKNOWN_ARGUMENT)
        if equals and word in _OPTIONS:
            behaviour = _overridden(behaviour, word, value)
    return behaviour


def _told(told: Mapping[str, Any]) -> Behaviour:
    words = {**told}
    if "lines" in words:
        words["lines"] = tuple(str(line) for line in words["lines"])
    if "http" in words:
        words["http"] = Http(**words["http"])
    if "dns" in words:
        words["dns"] = Dns(**words["dns"])
    for word, kind in _KINDS.items():
        if word in words:
            words[word] = kind(words[word])
    return Behaviour(**words)


_KINDS: Mapping[str, Callable[[Any], object]] = {
    "tick": str,
    "every": float,
    "exit": int,
    "exit_after": float,
    "memory": int,
    "answers": float,
    "ignore_term": float,
}


def _overridden(behaviour: Behaviour, word: str, value: str) -> Behaviour:
    try:
        return _OPTIONS[word](behaviour, value)
    except ValueError as error:
        raise Failed(f"unikernel: option '{word}': invalid value '{value}'", UNKNOWN_ARGUMENT) from error


def _ending(behaviour: Behaviour, code: int) -> Behaviour:
    return replace(behaviour, exit=code, exit_after=behaviour.exit_after or 0)


def _web(behaviour: Behaviour, **changes: Any) -> Behaviour:
    http = behaviour.http
    return replace(behaviour, http=replace(http, **changes)) if http else behaviour


def _name_server(behaviour: Behaviour, port: int) -> Behaviour:
    dns = behaviour.dns
    return replace(behaviour, dns=replace(dns, port=port)) if dns else behaviour


_OPTIONS: Mapping[str, Callable[[Behaviour, str], Behaviour]] = {
    "--hello": lambda b, v: replace(b, lines=(v,)),
    "--tick": lambda b, v: replace(b, tick=v),
    "--every": lambda b, v: replace(b, every=float(v)),
    "--exit": lambda b, v: _ending(b, int(v)),
    "--exit-after": lambda b, v: replace(b, exit_after=float(v)),
    "--memory-used": lambda b, v: replace(b, memory=int(v)),
    "--text": lambda b, v: _web(b, text=v),
    "--status": lambda b, v: _web(b, status=int(v)),
    "--port": lambda b, v: _web(b, port=int(v)),
    "--dns-port": lambda b, v: _name_server(b, int(v)),
    "--answers": lambda b, v: replace(b, answers=float(v)),
    "--silence": lambda b, v: replace(b, silence=cast(Silence, v)),
    "--ignore-term": lambda b, v: replace(b, ignore_term=float(v)),
    "--ipv4": lambda b, v: replace(b, ipv4=v),
}
