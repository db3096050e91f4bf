"""Reads the text format as Prometheus does: strictly, and without any of our own code."""

from __future__ import annotations

import re

LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)')
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}

Labels = frozenset[tuple[str, str]]


class Samples(dict[tuple[str, Labels], float]):
    """Value by name and labels; each stands there once."""

    def of(self, name: str, **labels: str) -> list[float]:
        """The values of *name* where the labels are (also) these."""
        wanted = set(labels.items())
        return [value for (found, its), value in self.items() if found == name and wanted <= its]

    def one(self, name: str, **labels: str) -> float:
        """The only value of *name* with these labels."""
        (value,) = self.of(name, **labels)
        return value

    def names(self) -> set[str]:
        return {name for name, _ in self}

    def labels_of(self, name: str) -> set[frozenset[str]]:
        """Which labels the samples of *name* have."""
        return {frozenset(key for key, _ in labels) for found, labels in self if found == name}


def read(text: str) -> Samples:
    """The samples of *text*; an ``AssertionError`` for what Prometheus would refuse or misread."""
    assert text.endswith("\n")
    samples, families, current = Samples(), set(), ""
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            current = line.split(" ")[2]
            assert current not in families, f"{current} is in two places"
            families.add(current)
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {current} gauge"
        else:
            name, labels, value = _sample(line)
            assert name == current, f"{name} stands below {current}"
            assert (name, labels) not in samples, f"twice: {line}"
            samples[name, labels] = value
    return samples


def _sample(line: str) -> tuple[str, Labels, float]:
    found = LINE.fullmatch(line)
    assert found, line
    labels, end = [], 0
    text = found[2] or ""
    for label in LABEL.finditer(text):
        assert label.start() == end, line
        labels.append((label[1], re.sub(r"\\.", lambda escape: UNESCAPED[escape[0]], label[2])))
        end = label.end()
    assert end == len(text), line
    assert len({name for name, _ in labels}) == len(labels), line
    return found[1], frozenset(labels), float(found[3])
