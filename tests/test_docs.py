"""What the documents say is so: settings, commands, links, drawings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from unikernels.management.commands.state_diagram import with_diagrams

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
DEPLOYMENT = ROOT / "docs" / "deployment.md"
OURS = ("accounts", "albatross", "unikernels")

each = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def _settings() -> set[str]:
    """The names that the settings read from the environment."""
    tree = ast.parse((ROOT / "mollymawk" / "settings.py").read_text(encoding="utf-8"))
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    names = {call.args[0] for call in calls if call.func.id.startswith("env_")}  # type: ignore[attr-defined]  # a Name
    return {name.value for name in names if isinstance(name, ast.Constant) and isinstance(name.value, str)}


def _told_settings() -> set[str]:
    """The names in the first column of the table of settings."""
    text = DEPLOYMENT.read_text(encoding="utf-8").partition("## Settings")[2]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


def test_every_setting_is_told_and_no_other() -> None:
    assert _told_settings() == _settings()


def test_the_state_diagram_is_the_table() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert text == with_diagrams(text), "manage.py state_diagram --write docs/architecture.md"


@each
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    inner = [link for link in links if "://" not in link]
    assert [link for link in inner if not (document.parent / link).exists()] == []


@each
def test_commands_that_are_told_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())


@each
def test_targets_that_are_told_exist(document: Path) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z]+)`", document.read_text(encoding="utf-8"))) <= set(targets)


@each
def test_paths_that_are_told_exist(document: Path) -> None:
    paths = re.findall(
        r"`((?:accounts|albatross|unikernels|mollymawk|tests|docs|deploy)/[\w./]*)`", _text(document)
    )
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_command_of_ours_is_told() -> None:
    commands = {name for name, app in get_commands().items() if app in OURS}
    told = " ".join(map(_text, DOCUMENTS))
    assert {name for name in commands if not re.search(rf"\b{name}\b", told)} == set()


def test_the_procfile_is_told() -> None:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    told = _text(DEPLOYMENT)
    assert [name for name in (line.partition(":")[0] for line in lines) if f"| {name} |" not in told] == []


def _text(document: Path) -> str:
    return document.read_text(encoding="utf-8")


@each
def test_tests_that_are_told_exist(document: Path) -> None:
    for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", document.read_text(encoding="utf-8")):
        assert (ROOT / path).is_file(), path
        assert not name or f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{name}"
