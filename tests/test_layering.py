"""The house has arrows, and they go one way: read from the imports of every module."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("albatross", "accounts", "unikernels", "mollymawk")
LONGEST = 500  # lines: what is longer tells more than one story

# Beside the library of the folder albatross there is the one model with what Django needs for it.
NOT_LIBRARY = {"models", "apps", "admin", "edge", "management", "migrations"}
# What every app may import of the project: error shapes, sealing, the frame of endpoints.
PROJECT_TOOLS = {
    "mollymawk.deadline",
    "mollymawk.errors",
    "mollymawk.gone",
    "mollymawk.keyring",
    "mollymawk.rest",
    "mollymawk.snapshot",
    "mollymawk.streaming",
}
# Who may know that there are unikernels: where requests come in.
DOORS = {"mollymawk.urls", "mollymawk.asgi"}


@dataclass(frozen=True)
class Module:
    name: str
    path: Path

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))

    @property
    def in_library(self) -> bool:
        parts = self.name.split(".")
        return parts[0] == "albatross" and not (len(parts) > 1 and parts[1] in NOT_LIBRARY)

    def imports(self) -> Iterator[str]:
        """The full name of everything imported, wherever in the file."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name}: relative import"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _modules() -> list[Module]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(Module(".".join(parts).removesuffix(".__init__"), path))
    return found


MODULES = _modules()
LIBRARY = [module for module in MODULES if module.in_library]
WRITTEN = [module for module in MODULES if "migrations" not in module.name.split(".")]


def each(modules: list[Module]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("module", modules, ids=lambda module: module.name)


def _within(name: str, packages: set[str] | tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@each(MODULES)
def test_imports_follow_the_arrows(module: Module) -> None:
    allowed: set[str] = {
        "albatross": {"albatross", *PROJECT_TOOLS},
        "accounts": {"accounts", "albatross", *PROJECT_TOOLS},
        "unikernels": {"unikernels", "accounts", "albatross", "mollymawk"},
        "mollymawk": {"mollymawk", "accounts", "unikernels"} if module.name in DOORS else {"mollymawk"},
    }[module.name.split(".")[0]]
    ours = [name for name in module.imports() if _within(name, PACKAGES)]
    assert [name for name in ours if not _within(name, allowed)] == []


@each(LIBRARY)
def test_the_library_is_plain_python(module: Module) -> None:
    foreign = {"django", "rest_framework", "celery", "redis", "accounts", "unikernels", "mollymawk"}
    assert [name for name in module.imports() if _within(name, foreign)] == []
    beside = {f"albatross.{name}" for name in NOT_LIBRARY}
    assert [name for name in module.imports() if _within(name, beside)] == []


def test_only_the_transport_and_the_simulator_open_sockets() -> None:
    sockets = {"socket", "ssl", "asyncio", "socketserver", "http.client"}
    openers = {module.name for module in LIBRARY if _opens(module, sockets)}
    assert {name for name in openers if not name.startswith("albatross.simulator")} == {"albatross.transport"}


def _opens(module: Module, sockets: set[str]) -> bool:
    return any(_within(name, sockets) for name in module.imports())


def test_the_simulator_takes_no_short_cut_through_the_client() -> None:
    ours = {"albatross.client", "albatross.transport"}
    for module in MODULES:
        if module.name.startswith("albatross.simulator"):
            assert [name for name in module.imports() if _within(name, ours)] == [], module.name


@each(WRITTEN)
def test_no_module_is_too_long(module: Module) -> None:
    assert len(module.path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@each(WRITTEN)
def test_every_module_says_what_it_is_for(module: Module) -> None:
    assert ast.get_docstring(module.tree) or not module.tree.body


def test_the_library_works_from_a_plain_shell() -> None:
    names = [module.name for module in LIBRARY if not module.name.endswith("__main__")]
    code = f"import {', '.join(names)}, sys; sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
