"""The dashboard and the docs tell of the metrics that there are, with the labels that they have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unikernels.metrics.families import ALL

ROOT = Path(__file__).resolve().parent.parent.parent
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "mollymawk.json").read_text(encoding="utf-8"))
DOCS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
LABELS = {family.full_name: set(family.labels) for family in ALL}
NAME = r"mollymawk_[a-z0-9_]+"


def expressions() -> Iterator[str]:
    """Everything that the dashboard asks Prometheus."""
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


EXPRESSIONS = list(expressions())


def test_it_asks_for_something() -> None:
    assert len(EXPRESSIONS) > 20


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_dashboard_asks_for_what_is_exported(expression: str) -> None:
    names = re.findall(NAME, expression)
    assert names
    assert [name for name in names if name not in LABELS] == []
    for name, selector in re.findall(rf"({NAME})\{{([^}}]*)\}}", expression):
        asked = set(re.findall(r"(\w+)=~?\"", selector))
        assert asked <= LABELS[name], name
    grouped = {label for text in re.findall(r"by \(([^)]*)\)", expression) for label in text.split(", ")}
    assert grouped <= set.union(*(LABELS[name] for name in names))


@pytest.mark.parametrize("panel", [panel for panel in DASHBOARD["panels"] if "targets" in panel], ids=str)
def test_legends_name_labels_that_are_there(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        there = set.union(*(LABELS[name] for name in re.findall(NAME, target["expr"])))
        assert set(re.findall(r"{{(\w+)}}", target.get("legendFormat", ""))) <= there


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in _span(place, "x", "w") for y in _span(place, "y", "h")}
        assert not cells & taken
        taken |= cells


def _span(place: dict[str, int], start: str, length: str) -> range:
    return range(place[start], place[start] + place[length])


def test_every_metric_is_told_with_its_labels_and_no_other() -> None:
    section = DOCS.partition("## Metrics")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `mollymawk_")]
    told = {
        name: set(re.findall(r"`(\w+)`", labels))
        for names, labels in rows
        for name in re.findall(rf"`({NAME})`", names)
    }
    assert told == LABELS


def test_examples_use_what_there_is() -> None:
    section = DOCS.partition("## Metrics")[2].partition("\n## ")[0]
    assert set(re.findall(NAME, section)) <= set(LABELS)
