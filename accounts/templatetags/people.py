"""What the pages about people ask."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.conf import settings

from accounts import registration
from accounts.oidc import settled
from accounts.services import needs_setup as _needs_setup

register = template.Library()


@register.simple_tag
def needs_setup() -> bool:
    """Whether there is no superuser yet."""
    return _needs_setup()


@register.simple_tag
def sends_mail() -> bool:
    """Whether mail goes anywhere but to the server's own output."""
    return not settings.EMAIL_BACKEND.endswith(".console.EmailBackend")


@register.simple_tag(takes_context=True)
def registration_open(context: dict[str, Any]) -> bool:
    """Whether who looks at the page may register."""
    return registration.is_open(context["request"])


@register.simple_tag
def needs_approval() -> bool:
    """Whether a superuser looks at each new account."""
    return bool(settings.REGISTRATION_APPROVAL)


@register.simple_tag
def oidc_name() -> str:
    """What people call the issuer by which one may log in, empty for none."""
    return settled.name() if settled.issuer() else ""


@register.filter
def as_json(value: Any) -> str:
    """*value* as JSON, for an attribute that a script reads; escaped like every other text."""
    return json.dumps(value)


@register.filter
def member_role(roles: dict[int, str], team: int) -> str:
    """The role in the team with this key, empty for none."""
    return roles.get(team, "")
