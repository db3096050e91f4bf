"""The last console lines straight from the instance, for what somebody has to understand now."""

from __future__ import annotations

from albatross.client import Client
from albatross.edge import client_for
from albatross.errors import RequestRefused
from mollymawk.errors import Refused
from unikernels.consoles.text import visible
from unikernels.models import Unikernel
from unikernels.quotas.services import policies_for


def tail(unikernel: Unikernel, count: int, client: Client | None = None) -> list[str]:
    """The last *count* lines of *unikernel*, oldest first, made harmless. *client*: with a guard of its own.

    Raises ``AlbatrossError``.
    """
    name, instance = unikernel.full_name, unikernel.instance
    try:
        policies = policies_for(instance, name.path)
    except Refused as error:
        raise RequestRefused(str(error)) from error
    lines = (client or client_for(instance)).console_history(name, count, policy=policies)
    return [visible(line.text) for line in lines]
