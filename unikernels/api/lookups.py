"""What a builder says: told as it was said last; 202 while there is no answer yet."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.response import Response

from mollymawk.errors import Unavailable
from unikernels.builds.services import pending
from unikernels.models import Lookup

RETRY_AFTER = 1  # seconds; most builders answer within one


class WaitingOut(serializers.Serializer[Any]):
    """The builder is being asked."""

    detail = serializers.CharField()
    asked_at = serializers.DateTimeField()


class Answered(serializers.Serializer[Any]):
    """What a builder said, and when; subclasses add what."""

    answered_at = serializers.DateTimeField()
    asking = serializers.BooleanField(help_text="a newer answer is on its way")
    trouble = serializers.CharField(help_text="why there is no newer answer; else empty")


def waiting(lookup: Lookup) -> Response:
    """202 while *lookup* waits for its first answer. Raises ``Unavailable`` when asking was of no use."""
    if not pending(lookup):
        raise Unavailable(lookup.trouble_text)
    told = {"detail": f"{lookup.builder} is being asked. Ask again.", "asked_at": lookup.asked_at}
    return Response(told, status=202, headers={"Retry-After": str(RETRY_AFTER)})


def answered(lookup: Lookup, said: dict[str, Any]) -> Response:
    """200 with what was *said*."""
    about = {
        "answered_at": lookup.answered_at,
        "asking": pending(lookup),
        "trouble": lookup.trouble_text,
    }
    return Response(about | said)
