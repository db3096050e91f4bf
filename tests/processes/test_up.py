"""``manage.py up``: everything with one command, and nothing left behind."""

from __future__ import annotations

import ipaddress
import json
import re
import signal
import socket
import stat

import pytest
import requests

from tests.processes.conftest import MakeUp
from tests.processes.running import EMAIL, PROGRAMS, Up, descendants, exists, listening_addresses, wait_for
from tests.webhooks.receiver import receiving, verify

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def test_the_web_server_reaches_database_and_broker(up: Up) -> None:
    answer = requests.get(f"{up.url}/healthz", timeout=30)
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "broker": "ok"})


def test_a_newcomer_is_told_where_to_go(up: Up) -> None:
    assert f"  Mollymawk runs:  {up.url}/" in up.lines
    assert f"{up.url}/setup/?token=" in up.output()
    assert requests.get(up.url, timeout=30).url == f"{up.url}/accounts/login/?next=/"


def test_the_first_superuser_finds_an_instance_with_unikernels_and_a_quota(up: Up) -> None:
    api = up.api()
    wait_for(lambda: api.get("/instances/demo/")["status"] == "online", "the instance")
    names = {unikernel["name"] for unikernel in api.get("/unikernels/")["items"]}
    assert {"hello", "web", "dns"} <= names
    (quota,) = api.get("/quotas/")["items"]
    assert (quota["team"], quota["instance"], quota["state"]) == ("demo", "demo", "applied")


def test_after_the_first_poll_newer_builds_are_shown(up: Up) -> None:
    api = up.api()

    def standings() -> dict[str, str]:
        return {one["name"]: one["standing"] for one in api.get("/unikernels/")["items"] if one["team"]}

    wait_for(lambda: set(standings().values()) == {"update"}, "the first poll")
    assert {"hello", "web", "dns", "resolver"} <= standings().keys()


def test_each_program_tells_monitoring_that_it_lives(up: Up) -> None:
    up.api()  # there is a superuser now, who has a team of the own
    token = up.manage("token_add", "monitoring", "--team", "first", "--user", EMAIL).strip()

    def living() -> dict[str, int]:
        page = requests.get(f"{up.url}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        told = re.findall(r'^mollymawk_processes{program="(\w+)"} (\d+)$', page.text, re.MULTILINE)
        return {name: int(count) for name, count in told}

    wanted = {"web": 1, "worker": 2, "background": 2, "beat": 1, "watcher": 1}
    wait_for(lambda: living() == wanted, "all processes")


def test_a_webhook_is_told_by_the_workers(up: Up) -> None:
    with receiving(up.network.replace("0/24", "202")) as receiver:
        words = ("--team", "demo", "--event", "member.removed", "--json")  # of which nothing else tells here
        hook = json.loads(up.manage("webhook_add", receiver.url, *words))
        up.manage("webhook_ping", str(hook["id"]))
        wait_for(lambda: receiver.kinds == ["ping"], "the ping")
    assert verify(receiver.got[0], hook["signing_secret"])


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_killed_comes_back(up: Up, program: str) -> None:
    before = descendants(up.pid(program))
    up.kill(program)
    up.wait_for_worker()
    assert not any(map(exists, before))


def test_nothing_listens_beyond_loopback(up: Up) -> None:
    assert up.process is not None
    wait_for(up.healthy, "health")
    found = [address for pid in descendants(up.process.pid) for address in listening_addresses(pid)]
    assert found
    assert [address for address in found if not ipaddress.ip_address(address).is_loopback] == []


def test_secrets_are_for_their_owner_only(up: Up) -> None:
    assert stat.S_IMODE((up.folder / "embedded.env").stat().st_mode) == 0o600
    assert stat.S_IMODE(up.folder.stat().st_mode) == 0o700


def test_commands_beside_it_need_no_configuration(up: Up) -> None:
    assert "demo" in up.manage("instance_list")


def test_a_second_one_in_the_same_folder_is_refused(up: Up) -> None:
    done = up.run("up", "--port", "0")
    assert done.returncode == 1
    assert f"It runs already in {up.folder}" in done.stderr


def test_a_port_in_use_is_told_in_words(make_up: MakeUp) -> None:
    up = make_up()
    with socket.create_server(("127.0.0.1", up.port)):
        done = up.run("up", "--port", str(up.port))
    assert done.returncode == 1
    assert f"Port {up.port} cannot be used: Address already in use. Choose another one" in done.stderr


def test_however_it_ends_no_process_is_left_and_the_next_start_goes_on_from_there(make_up: MakeUp) -> None:
    up = make_up()
    up.folder = up.folder / ("long" * 30)  # longer than the name of a socket may be
    up.start()
    before = shown(up)
    for number in (signal.SIGINT, signal.SIGTERM):
        assert end(up, number) == 0, up.output()
        up.start()
        assert "Nobody can log in yet" not in up.output()
        assert shown(up) == before
        wait_for(lambda: up.api().get("/instances/demo/")["status"] == "online", "the instance")
    assert end(up, signal.SIGKILL) == -signal.SIGKILL


def shown(up: Up) -> tuple[str, list[str]]:
    """Where the instance is, and the unikernels."""
    items = up.api().get("/unikernels/")["items"]
    return up.api().get("/instances/demo/")["address"], [one["id"] for one in items]


def end(up: Up, number: int) -> int:
    """End it by a signal, its whole family with it; its exit code."""
    assert up.process is not None
    everything = descendants(up.process.pid)
    assert len(everything) > len(PROGRAMS)
    code = up.stop(number)
    wait_for(lambda: not any(map(exists, everything)), "the end of all processes")
    return code


def test_it_can_be_stopped_while_it_starts(make_up: MakeUp) -> None:
    up = make_up()
    up.launch()
    up.wait_for_line("broker")
    assert up.process is not None
    everything = descendants(up.process.pid)
    assert up.stop() == 0
    wait_for(lambda: not any(map(exists, everything)), "the end of all processes")
