"""The text format of Prometheus, version 0.0.4 (pure): families of samples, labels, escaping.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "mollymawk_"

Labels = NewType("Labels", str)
"""Labels as they stand between the braces, escaped: ``team="robur",unikernel="robur:hello"``."""

NO_LABELS = Labels("")


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A metric: its name without ``PREFIX``, what it says, and the names of its labels.

    All of ours are gauges: they are read from rows, and rows may go.
    """

    name: str
    text: str
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """As it is asked for."""
        return f"{PREFIX}{self.name}"


class Page:
    """Collects samples in any order; ``text`` has those of one family together, as the format wants."""

    def __init__(self) -> None:
        self._families: dict[Family, list[str]] = {}

    def add(self, family: Family, value: float, labels: Labels = NO_LABELS) -> None:
        """One sample of *family*. NaN and infinity are none of ours."""
        lines = self._families.get(family)
        if lines is None:
            lines = self._families[family] = [_head(family)]
        braces = f"{{{labels}}}" if labels else ""
        lines.append(f"{PREFIX}{family.name}{braces} {value + 0}\n")  # + 0: True is written as 1

    def text(self) -> str:
        """The whole page."""
        return "".join(line for lines in self._families.values() for line in lines)


def labels(**pairs: str) -> Labels:
    """*pairs* as labels."""
    return Labels(",".join(f'{name}="{escaped(value)}"' for name, value in pairs.items()))


def more(one: Labels, **pairs: str) -> Labels:
    """*one* and *pairs*."""
    return Labels(f"{one},{labels(**pairs)}")


def escaped(value: str) -> str:
    """*value* as it may stand between the quotes of a label."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _head(family: Family) -> str:
    text = family.text.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {family.full_name} {text}\n# TYPE {family.full_name} gauge\n"
