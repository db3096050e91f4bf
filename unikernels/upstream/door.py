"""Who comes in, and with what: the frame of every route here.

Only bearer tokens: a session cookie would need the original's CSRF tokens. Answers never repeat a
token or a body, as those of the original do.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException, NotAuthenticated
from rest_framework.request import Request

from accounts.actors import ANY, Actor, require
from accounts.authentication import TokenAuthentication
from accounts.models import Team
from accounts.requests import actor_of
from accounts.scopes import Need
from albatross.errors import NameInvalid
from albatross.models import Instance
from albatross.names import parse_label
from mollymawk import gone
from mollymawk.errors import ApplicationError, Conflict, Invalid, Missing, Refused, Unavailable
from mollymawk.rest.parsers import MAX_JSON_BYTES
from unikernels.access import instance_of, unikernels_of
from unikernels.models import Unikernel
from unikernels.upstream.envelope import Stop, reply, told

BAD_METHOD = "Bad HTTP request method."
NOBODY = "No molly-session in cookie header. User not found"
NOT_VALID = "Token value is not valid"

View = Callable[[HttpRequest], HttpResponseBase]
Route = Callable[[HttpRequest, Actor], HttpResponseBase]


def route(method: str) -> Callable[[Route], View]:
    """A route that is asked with *method* and a token. ``Stop`` and our errors become its answers."""

    def wrap(answer: Route) -> View:
        @csrf_exempt
        @functools.wraps(answer)
        def view(request: HttpRequest) -> HttpResponseBase:
            if request.method != method:
                return reply(400, BAD_METHOD)
            try:
                return answer(request, caller(request))
            except (ApplicationError, IntegrityError) as error:
                return stopped(told(gone.told(error)))
            except Stop as stop:
                return stopped(stop)

        return view

    return wrap


def stopped(stop: Stop) -> HttpResponseBase:
    """The answer that *stop* is."""
    return reply(stop.status, str(stop), stop.title, **stop.more)


def caller(request: HttpRequest) -> Actor:
    """The program that sent *request*. Cookies do not count."""
    try:
        return actor_of(Request(request, authenticators=[TokenAuthentication()]))
    except NotAuthenticated as error:
        raise Stop(400, NOBODY) from error
    except APIException as error:
        raise Stop(400, NOT_VALID) from error


def team_of(actor: Actor, need: Need) -> Team:
    """The team of the token: the original's user, whose name is the domain. The token may do what *need*
    says; with which unikernel, the services see to.
    """
    assert actor.token is not None  # there is no other way in
    require(actor, actor.token.team, need, unikernel=ANY)
    return actor.token.team


def read_json(request: HttpRequest) -> dict[str, Any]:
    """The body, an object. Its type is not looked at, as the original does not."""
    raw = request.read(MAX_JSON_BYTES + 1)
    if len(raw) > MAX_JSON_BYTES:
        raise Stop(400, f"The body is larger than {MAX_JSON_BYTES} bytes.")
    if not raw.strip():
        raise Stop(400, "Blank input data")
    return read_object(raw)


def read_object(raw: bytes | str, prefix: str = "") -> dict[str, Any]:
    """*raw* as a JSON object."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Stop(400, f"{prefix}{error}") from error
    if not isinstance(value, dict):
        raise Stop(400, f"{prefix}not a dictionary")
    return value


def texts(body: dict[str, Any], *names: str, wrong: str) -> list[str]:
    """The texts called *names*; 400 with the words *wrong* when one of them is missing."""
    found = [body.get(name) for name in names]
    if not all(isinstance(value, str) and value for value in found):
        raise Stop(400, wrong)
    return [str(value) for value in found]


def label(text: str, wrong: str, title: str = "") -> str:
    """*text* as a label; 400 with *wrong* and why."""
    try:
        return parse_label(text)
    except NameInvalid as error:
        raise Stop(400, f"{wrong}{error}", title) from error


def instance_named(actor: Actor, text: str, *, bad: str, unknown: str, title: str = "") -> Instance:
    """The instance *text*; 400 with *bad*, 404 with *unknown*."""
    name = label(text, bad, "Error: Bad instance name" if title else "")
    try:
        return instance_of(actor, name)
    except Missing as error:
        raise Stop(404, f"{unknown}{name}", title) from error


def unikernel_named(actor: Actor, instance: Instance, name: str, need: Need) -> Unikernel | None:
    """What the team of the token has under *name*, if it has it and may do with it what *need* says."""
    team = team_of(actor, need)
    rows = unikernels_of(actor).filter(team=team, path=team.domain)
    return rows.filter(instance=instance, name=name).first()


def existing(unikernel: Unikernel | None, verb: str) -> Unikernel:
    """*unikernel*, or the words of the instance for one that is not there."""
    if unikernel is None:
        raise Stop(500, f"failure: {verb}: not found")
    return unikernel


@contextmanager
def failing(prefix: str, title: str = "", status: int = 500) -> Iterator[None]:
    """What the instance would refuse, or we for it, is answered as the original tells it."""
    try:
        yield
    except (Refused, Conflict, Unavailable, Invalid, Missing) as error:
        stop = told(error)
        raise Stop(status, f"{prefix}{stop}", title, **stop.more) from error


def accepted(body: Any) -> frozenset[str]:
    """What the caller says yes to: not of the original, a text with commas or a list."""
    given = body.get("accept") or ""
    parts = given.split(",") if isinstance(given, str) else given
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise Stop(400, "accept is a list of texts")
    return frozenset(part.strip() for part in parts if part.strip())
