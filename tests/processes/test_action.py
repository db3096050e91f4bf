"""The GitHub Action, run as a runner runs it: its step in bash, inputs and files by the environment."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from albatross.simulator.images import build_image
from tests.processes.deploys import Deploys
from tests.processes.running import EMAIL, ROOT, Up
from tests.publishers.issuer import Server, serving

LONG = 240.0  # seconds after which a step hangs

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
(STEP,) = ACTION["runs"]["steps"]


@pytest.fixture(scope="module")
def deploys(up: Up) -> Deploys:
    return Deploys(up)


@dataclass
class Step:
    """One step of a workflow that uses the action."""

    process: subprocess.Popen[str]
    folder: Path
    said: str = ""

    def end(self) -> int:
        """Wait for it; its exit code."""
        rest, _ = self.process.communicate(timeout=LONG)
        self.said += rest
        return self.process.returncode

    @property
    def outputs(self) -> dict[str, str]:
        """What later steps see, under the names of ``action.yml``."""
        found = dict(line.split("=", 1) for line in (self.folder / "output").read_text().splitlines())
        return {name: found.get(_source(one["value"]), "") for name, one in ACTION["outputs"].items()}

    @property
    def summary(self) -> str:
        return (self.folder / "summary").read_text()


def _source(expression: str) -> str:
    found = re.fullmatch(r"\$\{\{ steps\.deploy\.outputs\.([a-z-]+) \}\}", expression)
    assert found, expression
    return found[1]


class Runner:
    """Starts steps: fills in what ``action.yml`` leaves to a runner."""

    def __init__(self, folder: Path, deploys: Deploys) -> None:
        self._folder = folder
        self._defaults = {
            "server": deploys.up.url,
            "token": deploys.api.token,
            "instance": "demo",
            "memory": "16",
            "restart": "never",
        }
        self._count = 0

    def start(self, issuer: Server | None = None, **given: str) -> Step:
        """A step with these inputs; ``_`` stands for ``-``. With an *issuer* the job has an identity."""
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        for name in ("output", "summary"):
            (folder / name).touch()
        inputs = {name: str(one.get("default", "")) for name, one in ACTION["inputs"].items()}
        inputs |= self._defaults | {name.replace("_", "-"): value for name, value in given.items()}
        environment = {
            "PATH": os.environ["PATH"],
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        }
        environment |= {name: _filled(text, inputs) for name, text in STEP["env"].items()}
        if issuer:
            environment["ACTIONS_ID_TOKEN_REQUEST_URL"] = f"{issuer.url}/ask?api-version=2"
            environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "of-the-runner"
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEP["run"]]
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Step(process, folder)

    def run(self, issuer: Server | None = None, **given: str) -> Step:
        """The same, to its end."""
        step = self.start(issuer, **given)
        step.end()
        return step


def _filled(expression: str, inputs: dict[str, str]) -> str:
    found = re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", expression)
    assert found, expression
    return inputs[found[1]]


@pytest.fixture
def runner(tmp_path: Path, deploys: Deploys) -> Runner:
    return Runner(tmp_path, deploys)


def image(tmp_path: Path, **behaviour: Any) -> str:
    """The path of an image that does so."""
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.hvt"
    path.write_bytes(build_image(behaviour={"memory": 4} | behaviour))
    return str(path)


def test_it_deploys_a_file_and_upgrades_and_a_bad_one_goes_back(
    runner: Runner, deploys: Deploys, tmp_path: Path
) -> None:
    name = deploys.name()
    good, bad = image(tmp_path, lines=["by a workflow"]), image(tmp_path, lines=["oh no"], exit_after=0.1)
    first = runner.run(unikernel=name, image=good, arguments="--first=one\n--second=a b")
    assert first.process.returncode == 0, first.said
    assert first.outputs["status"] == "succeeded"
    assert first.outputs["previous-digest"] == ""
    assert first.outputs["operation-url"] == f"{deploys.up.url}/operations/{first.outputs['operation-id']}/"
    assert deploys.last_started(name) == first.outputs["digest"]
    assert "| Unikernel |" in first.summary

    second = runner.run(unikernel=name, image=bad)
    assert second.process.returncode == 6, second.said
    assert second.outputs["status"] == "rolled_back"
    assert second.outputs["previous-digest"] == first.outputs["digest"]
    assert second.outputs["digest"] not in {"", first.outputs["digest"]}
    assert deploys.last_started(name) == first.outputs["digest"]
    assert "::error title=" in second.said
    assert "oh no" in second.said  # the last lines of its console

    (row,) = (one for one in deploys.api.get("/unikernels/", q=name)["items"] if one["name"] == name)
    kept = deploys.api.get(f"/unikernels/{row['id']}/")["configuration"]
    assert kept["arguments"] == ["--first=one", "--second=a b"]


def test_a_cancelled_job_cancels_its_operation(runner: Runner, deploys: Deploys) -> None:
    name = deploys.name()
    deploys.end_of(deploys.deploy(name))
    step = runner.start(unikernel=name, image=deploys.newer)
    assert step.process.stdout is not None
    while "Operation" not in (line := step.process.stdout.readline()):
        assert line, "it ended too early"
    number = int(line.split()[1])
    step.process.send_signal(signal.SIGINT)
    assert step.end() in {6, 7, 8}, step.said  # gone back, on its way back, or not begun
    assert step.outputs["status"] != "succeeded"
    assert deploys.end_of(number)["state"] in {"cancelled", "rolled_back"}
    assert deploys.last_started(name) == deploys.image


def test_a_workflow_comes_in_without_a_secret(runner: Runner, deploys: Deploys, tmp_path: Path) -> None:
    name, maker = deploys.name(), deploys.api.get("/token/")
    with serving() as issuer:
        deploys.up.manage("issuer_add", "own", issuer.url, "--kind", "github")
        wanted = ("--team", maker["team"], "--user", EMAIL, "--issuer", "own")
        whom = ("--repository-id", "4711", "--owner-id", "42", "--workflow", "deploy.yml")
        rights = ("--scope", "deploy", "--unikernel", name)
        deploys.up.manage("publisher_add", "robur/unikernels", *wanted, *whom, *rights)
        step = runner.run(issuer, unikernel=name, image=image(tmp_path), token="")
        assert step.process.returncode == 0, step.said
        assert deploys.last_started(name) == step.outputs["digest"]
        masked = re.findall(r"^::add-mask::(.+)$", step.said, re.MULTILINE)
        assert [text.count(".") for text in masked] == [2, 0]  # the identity, then the token
        assert all(step.said.count(text) == 1 for text in masked)
        assert not any(text in step.summary for text in masked)
        other = runner.run(issuer, unikernel=deploys.name(), image=image(tmp_path), token="")
        assert other.process.returncode == 4
        assert f"this token is bound to {name}" in other.said
        elsewhere = runner.run(
            issuer, unikernel=name, image="0" * 64, token="", audience="https://example.org"
        )
        assert elsewhere.process.returncode == 4
        assert "is not made for" in elsewhere.said


def test_a_plan_begins_nothing(runner: Runner, deploys: Deploys) -> None:
    name = deploys.name()
    step = runner.run(unikernel=name, image=deploys.image, dry_run="true")
    assert step.process.returncode == 0, step.said
    assert step.outputs["status"] == "planned"
    refused = runner.run(unikernel=name, image=deploys.image, memory="16000", dry_run="true")
    assert (refused.process.returncode, refused.outputs["status"]) == (4, "refused")
    assert not deploys.runs(name)


@pytest.mark.parametrize(
    ("code", "words", "given"),
    [
        (2, "“unikernel” is missing", {"unikernel": ""}),
        (2, "one of the inputs “image” and “job”", {}),
        (2, "There is no file nothing.hvt", {"image": "nothing.hvt"}),
        (2, "a whole number", {"image": "0" * 64, "memory": "much"}),
        (2, "permissions: id-token: write", {"image": "0" * 64, "token": ""}),
        (2, "https://", {"server": "http://mollymawk.example.org"}),
        (3, "no unikernel nobody to upgrade", {"image": "0" * 64, "strategy": "upgrade"}),
        (3, "", {"image": "0" * 64}),
        (4, "", {"image": "0" * 64, "token": "mm_wrong"}),
        (1, "cannot be reached", {"image": "0" * 64, "server": "http://127.0.0.1:1"}),
    ],
)
def test_what_is_wrong_is_said(runner: Runner, code: int, words: str, given: dict[str, str]) -> None:
    step = runner.run(None, **{"unikernel": "nobody"} | given)
    assert step.process.returncode == code, step.said
    assert words in step.said
    assert "::error title=" in step.said
    assert "Traceback" not in step.said


def test_a_token_is_masked_and_never_printed(runner: Runner, deploys: Deploys) -> None:
    step = runner.run(unikernel="nobody")
    told = step.said.replace(f"::add-mask::{deploys.api.token}", "")
    assert deploys.api.token not in told + step.summary
