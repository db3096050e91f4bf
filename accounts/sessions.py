"""The page of a person's sessions, and the middleware that keeps it true."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import session_of
from accounts.pages import PersonRequest, page
from accounts.services import session_end, session_list, sessions_end

Answer = Callable[[HttpRequest], HttpResponseBase]

SEEN = "seen"  # in a session: when it was last written down, in seconds since 1970
SEEN_EVERY = 300  # seconds; a write for each request would cost more than the request

_BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari", "curl")  # Chrome says Safari too, Edge says all
_NAMES = {"Edg": "Edge", "OPR": "Opera"}
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux")


def seen(get_response: Answer) -> Answer:
    """Write down when and from where a session was used, every five minutes."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        session = request.session
        if session.session_key and SESSION_KEY in session and request.user.is_authenticated:
            now = int(time.time())
            if now - session.get(SEEN, 0) >= SEEN_EVERY:
                session[SEEN] = now
                UserSession.objects.create_from_request(request)
        return response

    return middleware


def browser_name(agent: str) -> str:
    """What a browser calls itself, in words: ``Firefox on Linux``."""
    browser = next((name for name in _BROWSERS if f"{name}/" in agent), None)
    system = next((name for name in _SYSTEMS if name in agent), None)
    if browser is None:
        return re.sub(r"[^\w ./()-]", "", agent)[:40] or "unknown"
    return _NAMES.get(browser, browser) + (f" on {system}" if system else "")


@page
@require_GET
def mine(request: PersonRequest) -> HttpResponse:
    """Where I am logged in; here in any case."""
    UserSession.objects.create_from_request(request)
    rows = [
        {
            "session": row,
            "browser": browser_name(row.user_agent),
            "here": row.session_key == request.session.session_key,
        }
        for row in session_list(actor=request.actor, user=request.user)
    ]
    return render(request, "accounts/sessions.html", {"rows": rows})


@page
@require_POST
def end(request: PersonRequest, pk: int) -> HttpResponse:
    """End one session of mine; this one leads to the login."""
    session_end(actor=request.actor, session=session_of(request.actor, request.user, pk))
    messages.success(request, "The session has ended.")
    return redirect("sessions")


@page
@require_POST
def end_others(request: PersonRequest) -> HttpResponse:
    """End all sessions of mine but this one."""
    count = sessions_end(actor=request.actor, user=request.user, keep=request.session.session_key)
    messages.success(request, "No other session was open." if not count else f"{count} ended.")
    return redirect("sessions")
