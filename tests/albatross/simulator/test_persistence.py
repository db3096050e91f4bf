"""State on disk, the command line, and the door for people."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from ipaddress import IPv4Network

import pytest
from django.core.management import CommandError, call_command

from albatross import messages as m
from albatross.simulator import Host, SimulatedInstance, build_image, examples
from tests.albatross.simulator.conftest import NETWORK, address
from tests.albatross.simulator.talk import WIDE, ask, create

WEB = "alice:web"
IMAGE = build_image(behaviour={"lines": ["hello"]})


# --- what is kept ------------------------------------------------------------------------------


def test_everything_is_there_again_but_with_a_new_start(instance):
    port, ca = instance.port, instance.ca_pem
    ask(instance, WEB, create(image=IMAGE, memory=48, startup=3, arguments=("a", "b")))
    ask(instance, "alice:disk", m.BlockAdd(2))
    before = instance.running()[WEB]
    instance.restart()
    after = instance.running()[WEB]
    assert (instance.port, instance.ca_pem) == (port, ca)
    assert after.started > before.started
    assert (after.memory, after.startup, after.arguments, after.digest) == (48, 3, ("a", "b"), before.digest)
    assert instance.policies()["alice:"] == WIDE
    assert ask(instance, "alice:", m.BlockInfo()).blocks[0].size == 2
    assert ask(instance, WEB, m.UnikernelGet(0)).image == IMAGE


def test_at_a_boot_small_startups_come_first(instance):
    for label, startup in (("a", None), ("b", 60), ("c", 10), ("d", 50), ("e", 49)):
        instance.run(f":{label}", create(image=IMAGE, startup=startup))
    instance.observed.clear()
    instance.restart()
    started = [record.name for record in instance.observed.records("started")]
    assert started == [":c", ":e", ":a", ":d", ":b"]


def test_what_was_destroyed_stays_away_and_its_image_is_forgotten(instance):
    for name in (WEB, "alice:other"):
        instance.run(name, create(image=IMAGE))
    (image,) = (instance.folder / "images").iterdir()
    instance.run(WEB, m.UnikernelDestroy())
    assert image.exists()
    instance.run("alice:other", m.UnikernelDestroy())
    assert not image.exists()
    instance.restart()
    assert instance.running() == {}


def test_after_a_create_that_failed_a_reboot_revives_the_one_before(instance):
    ask(instance, WEB, create(image=IMAGE))
    assert isinstance(ask(instance, WEB, create(force=True, image=b"garbage")), m.FailureText)
    assert instance.running() == {}
    instance.restart()
    assert list(instance.running()) == [WEB]


def test_one_that_cannot_be_started_again_does_not_keep_others_from_it(simulate):
    instance = simulate()
    for name, memory in ((WEB, 512), ("alice:small", 32)):
        instance.run(name, create(image=IMAGE, memory=memory))
    instance.run(":lost", create(image=build_image(padding=5)))
    instance.stop()
    lost = next(path for path in (instance.folder / "images").iterdir() if path.stat().st_size < len(IMAGE))
    lost.unlink()
    again = simulate(host=Host(memory=400))
    assert sorted(again.running()) == ["alice:small", WEB]


def test_private_keys_are_readable_by_nobody_else(instance):
    modes = {path.name: path.stat().st_mode & 0o777 for path in instance.folder.glob("*-key.pem")}
    assert modes == {"ca-key.pem": 0o600, "server-key.pem": 0o600, "stranger-key.pem": 0o600}
    assert instance.folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_belongs_to_one_instance_at_a_time(instance):
    second = SimulatedInstance(instance.folder)
    with pytest.raises(BlockingIOError):
        second.start()
    assert instance.running() == {}


def test_the_demo_fits_into_the_host_and_has_a_foreign_domain(instance):
    instance.seed_demo()
    assert sorted(instance.running()) == [
        "demo:dns",
        "demo:hello",
        "demo:resolver",
        "demo:web",
        "legacy:wiki",
    ]
    assert sorted(instance.policies()) == [":", "demo:", "legacy:"]
    demo = instance.policies()["demo:"]
    assert (demo.unikernels, demo.memory, demo.block) == (16, 1024, 1024)


# --- as a process ------------------------------------------------------------------------------


@pytest.fixture
def process(tmp_path):
    """Starts simulators as processes; each gives its first line and is ended."""
    processes = []

    def start(*arguments):
        command = [sys.executable, "-m", "albatross.simulator", "--state-dir", str(tmp_path / "state")]
        started = subprocess.Popen(
            [*command, "--network", NETWORK, *arguments], stdout=subprocess.PIPE, text=True
        )
        processes.append(started)
        assert started.stdout is not None
        return started, started.stdout.readline()

    yield start
    for started in processes:
        started.kill()
        started.wait()
        assert started.stdout is not None
        started.stdout.close()


def control(folder, capsys, *words):
    call_command("simulate_albatross", "--control", str(folder), *words)
    return json.loads(capsys.readouterr().out)


@pytest.mark.processes
def test_a_newcomer_starts_one_with_something_running_and_finds_it_again(process, tmp_path, capsys):
    folder = tmp_path / "state"
    first, told = process("--seed-demo")
    where = (folder / "address").read_text().strip()
    assert f"on {where}." in told
    status = control(folder, capsys, "status")
    running = {
        "demo:hello": None,
        "demo:web": address(10),
        "demo:dns": address(11),
        "legacy:wiki": address(12),
        "demo:resolver": address(13),
    }
    assert status == {"address": where, "running": running, "faults": [], "readers": {}}
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=10) == 0
    second, told = process("--seed-demo")
    assert f"on {where}." in told
    assert control(folder, capsys)["running"] == running
    second.send_signal(signal.SIGINT)
    assert second.wait(timeout=10) == 0


@pytest.mark.processes
def test_people_make_it_fail_and_forgive_it(process, tmp_path, capsys):
    folder = tmp_path / "state"
    process()
    faults = control(folder, capsys, "fault", "refuse", "--times", "3")["faults"]
    assert [(fault["kind"], fault["times"]) for fault in faults] == [("refuse", 3)]
    assert len(control(folder, capsys, "fault", "delay", "--seconds", "2", "--name", "demo:*")["faults"]) == 2
    assert len(control(folder, capsys, "faults")["faults"]) == 2
    assert control(folder, capsys, "clear")["faults"] == []


@pytest.mark.processes
def test_a_killed_one_goes_on_where_it_was(process, tmp_path, capsys):
    first, _ = process("--seed-demo")
    first.kill()
    first.wait()
    _, told = process("--seed-demo")
    assert "127.0.0.1:" in told
    assert len(control(tmp_path / "state", capsys)["running"]) == 5


def test_the_command_says_what_is_missing(tmp_path, capsys):
    for words in (
        [],
        ["--control", str(tmp_path)],
        ["--control", str(tmp_path / "none")],
        ["--control", str(tmp_path), "fault"],
    ):
        with pytest.raises(CommandError):
            call_command("simulate_albatross", *words)
        assert capsys.readouterr().out


def test_the_command_writes_the_example_images(tmp_path, capsys):
    call_command("simulate_albatross", "--write-examples", str(tmp_path / "images"))
    written = {path.stem: path.read_bytes() for path in (tmp_path / "images").iterdir()}
    assert written == {name: example.image for name, example in examples().items()}
    assert "a web server (port 8080)" in capsys.readouterr().out


@pytest.mark.processes
def test_noise_on_the_control_socket_is_answered_with_an_error(process, tmp_path, monkeypatch):
    process()
    monkeypatch.chdir(tmp_path / "state")  # the paths of unix sockets are short
    for noise in (b"\n", b"noise\n", b"[]\n", b'{"verb": "x"}\n', b'{"verb": "fault", "kind": "x"}\n'):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect("control.sock")
            connection.sendall(noise)
            assert "error" in json.loads(connection.recv(1000))


def test_a_network_beyond_the_simulated_one_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/24 is not a part of 127\.77\.0\.0/16"):
        SimulatedInstance(tmp_path, network=IPv4Network("10.0.0.0/24")).start()
