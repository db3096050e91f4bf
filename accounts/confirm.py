"""The one question before a change: in a dialog, or on a page of its own without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Confirm:
    """What is asked, what will happen, and where the answer goes.

    ``type_in``: a name to type first; ``stay``: the word for doing nothing.
    """

    id: str
    question: str
    text: str
    button: str
    action: str
    back: str
    tone: str = "primary"
    type_in: str = ""
    stay: str = "Keep it as it is"
