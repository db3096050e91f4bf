"""Labels, paths and names of an Albatross instance.

A *label* is 1-63 characters of ``[a-zA-Z0-9.-]``, the first not ``-``, folded to lower case.
A *path* is a tuple of labels; the first is the domain. A *name* is a path and, for a single thing,
a label: ``:`` is the root, ``foo:`` a path, ``:hello`` and ``foo:hello`` are things.
Source: ``vmm_core.ml``, module ``Name``; ``albatross-protocol`` section 5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from albatross.errors import NameInvalid

MAX_LABEL = 63
MAX_PATH = 8  # labels; a certificate chain cannot carry more

_LABEL = re.compile(r"[A-Za-z0-9.][A-Za-z0-9.-]{0,62}", re.ASCII)


def parse_label(text: str) -> str:
    """*text* as a label, in lower case; ``NameInvalid`` when it is none."""
    if not _LABEL.fullmatch(text):
        raise NameInvalid("invalid label (only [a-zA-Z0-9-.] allowed, 1 to 63 chars)")
    return text.lower()


@dataclass(frozen=True, slots=True)
class Name:
    """A path and, for a single thing, its label. Build with ``parse`` or ``of`` (which validate)."""

    path: tuple[str, ...] = ()
    label: str | None = None

    @classmethod
    def of(cls, *path: str, label: str | None = None) -> Name:
        """The name with these labels, each validated and folded."""
        return cls(tuple(parse_label(p) for p in path), None if label is None else parse_label(label))

    @classmethod
    def parse(cls, text: str) -> Name:
        """Read ``:``, ``foo:``, ``hello``, ``:hello``, ``foo:hello``, ``:foo:bar:``.

        One leading colon is skipped; a trailing colon makes a path. Raises ``NameInvalid``.
        """
        if not text:
            raise NameInvalid("empty name")
        *path, label = text.removeprefix(":").split(":") if text != ":" else [""]
        return cls.of(*path, label=label or None)

    def __str__(self) -> str:
        return ":".join(self.path) + ":" + (self.label or "")

    @property
    def labels(self) -> tuple[str, ...]:
        """Path and label as one list: what Albatross looks things up by."""
        return self.path if self.label is None else (*self.path, self.label)

    @property
    def domain(self) -> str | None:
        """The first label of the path, or None at the root."""
        return self.path[0] if self.path else None

    def below(self, path: tuple[str, ...]) -> Name:
        """The absolute name of what a list reply for *path* tells as this one."""
        return Name(path + self.path, self.label)

    def relative_to(self, path: tuple[str, ...]) -> Name:
        """How a list reply for *path* tells this absolute name; ``NameInvalid`` if it is not below."""
        if self.path[: len(path)] != path:
            raise NameInvalid(f"{self} is not below {':'.join(path)}:")
        return Name(self.path[len(path) :], self.label)


ROOT = Name()
