"""The processes of the Procfile, on PostgreSQL and a Redis that is reached by its URL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import requests
from cryptography.fernet import Fernet

from albatross.simulator.images import build_image
from mollymawk.embedded.programs import broker, simulated_instance
from mollymawk.embedded.supervisor import Program, Supervisor
from tests import postgresql
from tests.processes.conftest import NextNetwork
from tests.processes.running import ROOT, free_port, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

ENOUGH = 90.0  # seconds; they end a test that hangs


def procfile() -> dict[str, str]:
    """The commands of the Procfile by name."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}


class Production:
    """What an operator sets up by hand: a database, a broker, an environment, the processes."""

    def __init__(self, folder: Path, network: str) -> None:
        postgresql.start()
        self.folder = folder
        self.lines: list[str] = []
        self.port = free_port()
        self.supervisor = Supervisor(self.lines.append)
        self._network = network
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DJANGO_SETTINGS_MODULE": "mollymawk.settings",
            "CHECK_SIMULATED_NETWORK": "false",
            "DATABASE_URL": postgresql.new_database("production"),
            "REDIS_URL": f"unix://{folder}/redis.sock",
            "DATA_DIR": str(folder / "data"),
            "SECRET_KEY": "for-this-test-only-for-this-test-only-for-this-test-only",
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "PORT": str(self.port),
            "WEB_PROCESSES": "1",
            "WORKER_PROCESSES": "1",
        }

    def start(self) -> None:
        """The broker, the release, then everything else."""
        self.supervisor.start(broker(self.folder / "redis.sock", self.folder))
        self.supervisor.start(simulated_instance(self.folder / "simulator", IPv4Network(self._network)))
        self.sh(procfile()["release"])
        for name, command in procfile().items():
            if name != "release":
                self.supervisor.start(Program(name, ["sh", "-c", command], self.environment))
        self.supervisor.wait_for(self.healthy, what="the web server", seconds=ENOUGH)

    def healthy(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5).ok
        except requests.RequestException:
            return False

    def sh(self, command: str) -> str:
        """What *command* says; it has to succeed."""
        done = subprocess.run(
            ["sh", "-c", command],
            env=os.environ | self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}\n" + "\n".join(self.lines)
        return done.stdout


@pytest.fixture
def production(tmp_path: Path, next_network: NextNetwork) -> Iterator[Production]:
    production = Production(tmp_path, next_network())
    try:
        yield production
    finally:
        production.supervisor.stop()


def test_an_operator_deploys_with_the_processes_of_the_procfile(
    production: Production, tmp_path: Path
) -> None:
    production.start()
    manage, ca = "python manage.py", f"{tmp_path}/simulator/ca"
    address = (tmp_path / "simulator" / "address").read_text().strip()
    production.sh(
        f"{manage} instance_add fra-1 {address} --server-ca {ca}.pem --certificate {ca}.pem --key {ca}-key.pem"
    )
    production.sh(f"echo 'a long enough password' | {manage} user_add ann@example.org --superuser")
    production.sh(f"{manage} team_add robur --owner ann@example.org")
    wait_for(lambda: "online" in production.sh(f"{manage} instance_list"), "the watcher's first look")
    production.sh(f"{manage} quota_set robur fra-1 --unikernels 2 --memory 64 --cpu 0")
    image = tmp_path / "hello.hvt"
    image.write_bytes(build_image(behaviour={"lines": ["Hello"]}))
    told = production.sh(
        f"{manage} deploy {image} --team robur --instance fra-1 --name hello --accept new-abi"
    )
    assert "succeeded" in told
    assert "hello" in production.sh(f"{manage} unikernels")
    assert production.sh(f"{manage} check --deploy --fail-level ERROR") is not None
