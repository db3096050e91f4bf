"""Running commands as an operator does, and reading what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import load_command_class

from albatross.simulator.images import build_image
from tests.api.conftest import builder, builds, deployer, house, quick, robot, simulated, viewer, world

__all__ = ["builder", "builds", "deployer", "house", "quick", "robot", "simulated", "viewer", "world"]


@dataclass(frozen=True)
class Ran:
    """How a command ended: exit code, data, talk."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The data, for scripts."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """``manage.py NAME ARGUMENTS``, but the database stays open."""

    def run(name: str, *arguments: object) -> Ran:
        command = load_command_class("unikernels", name)
        vars(command)["_called_from_command_line"] = True  # wrong words are then told as to an operator
        code = 0
        try:
            parser = command.create_parser("manage.py", name)
            options = vars(parser.parse_args([str(argument) for argument in arguments]))
            command.execute(*options.pop("args", ()), **options)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A file with an image."""
    path = tmp_path / "hello.hvt"
    path.write_bytes(build_image(devices=[("service", "net")], behaviour={"lines": ["hello"]}))
    return path
