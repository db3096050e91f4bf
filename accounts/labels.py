"""Names of teams and their domains: valid labels of Albatross, and how one is found for a person."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from albatross.errors import NameInvalid
from albatross.names import MAX_LABEL, parse_label
from mollymawk.errors import Invalid

# Words that mean something else in an address or in a sentence about an instance.
RESERVED = frozenset({"admin", "albatross", "mollymawk", "new", "none", "root", "system"})
NAMELESS = "team"  # for an address that has no usable character before the @

_BREAK = re.compile(r"[^a-z0-9]+")


def label_of(email: str) -> str:
    """The label that stands nearest to the part of *email* before the @: ``Zoë.Q@…`` is ``zoe-q``."""
    local = email.rpartition("@")[0]
    plain = unicodedata.normalize("NFKD", local).encode("ascii", "ignore").decode().lower()
    return _BREAK.sub("-", plain)[:MAX_LABEL].strip("-") or NAMELESS


def free_label(wanted: str, taken: Callable[[str], bool]) -> str:
    """*wanted*, or the first of ``wanted-2``, ``wanted-3``, … that is neither reserved nor *taken*."""
    label, number = wanted, 1
    while label in RESERVED or taken(label):
        number += 1
        ending = f"-{number}"
        label = wanted[: MAX_LABEL - len(ending)].rstrip("-") + ending
    return label


def check_label(text: str, field: str, *, reserved: bool = True) -> str:
    """*text* as the name or domain of a team, folded; ``Invalid`` (for *field*) when it cannot be one.

    Albatross takes dots anywhere; a label that starts or ends with one is refused here, since ``.``
    alone stands for "everything" in a certificate and for a folder in an address. *reserved*: refuse
    reserved words, too.
    """
    try:
        label = parse_label(text.strip())
    except NameInvalid as error:
        raise _invalid(field, "Use 1 to 63 letters, digits, dots and hyphens; no hyphen first.") from error
    if label.startswith(".") or label.endswith("."):
        raise _invalid(field, "A dot can be neither first nor last.")
    if reserved and label in RESERVED:
        raise _invalid(field, f"{label} is reserved.")
    return label


def _invalid(field: str, text: str) -> Invalid:
    return Invalid(text, fields={field: [text]})
