"""Who asks for a stream, checked through Django for an ASGI callable that lives beside it."""

from __future__ import annotations

from http import HTTPStatus
from importlib import import_module
from io import BytesIO
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from accounts.authentication import TokenAuthentication
from accounts.requests import actor_of
from mollymawk.errors import ApplicationError
from unikernels.access import unikernel_of


def check_reader(scope: dict[str, Any], unikernel: int) -> tuple[int, str]:
    """Whether the sender of the request in *scope* may read the console: an HTTP status and a sentence.

    A session cookie or a token, as in the API. Called in a thread, and closes what it opened.
    """
    try:
        unikernel_of(actor_of(_request(scope)), unikernel)
    except ApplicationError as error:
        return error.status, str(error)
    except APIException as error:
        return error.status_code, str(error.detail)
    else:
        return HTTPStatus.OK, ""
    finally:
        connections.close_all()  # this thread belongs to nobody, and the next check is a minute away


def _request(scope: dict[str, Any]) -> Request:
    request = ASGIRequest(scope, BytesIO())
    store = import_module(settings.SESSION_ENGINE).SessionStore
    request.session = store(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    request.user = get_user(request)
    return Request(request, authenticators=[TokenAuthentication(), SessionAuthentication()])
