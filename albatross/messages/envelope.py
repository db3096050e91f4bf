"""A message: whom it is about, and what it says."""

from __future__ import annotations

from dataclasses import dataclass

from albatross.messages.commands import Command
from albatross.messages.replies import FailureText, Success
from albatross.messages.streams import Data
from albatross.messages.values import PROTOCOL_VERSION
from albatross.names import Name

Payload = Command | Success | FailureText | Data


@dataclass(frozen=True, slots=True)
class Header:
    """Whom a message is about. ``sequence`` (64 bit, signed) means nothing to a client."""

    name: Name
    sequence: int = 0
    version: int = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class Message:
    """What travels in one frame."""

    header: Header
    payload: Payload
