"""What the Mollymawk in OCaml does wrong with uploads, upgrades and rollbacks, and this one does not.

Each test is named after a fault that was observed there.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO, cast

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.utils import timezone

from accounts.models import Membership, Role
from accounts.services import token_issue
from albatross.errors import ImageRefused
from albatross.simulator import Fault, Kind, build_image
from mollymawk.asgi import application
from mollymawk.errors import Refused
from tests.operations.conftest import House
from unikernels.checks import rounds
from unikernels.configuration import Configuration
from unikernels.images import store
from unikernels.images.services import image_add
from unikernels.models import Build, Builder, Check, CheckResult, Image, Operation, RollbackWindow, Unikernel
from unikernels.operations import services
from unikernels.operations.machine import State
from unikernels.operations.story import exit_code, verdict

NOWHERE = "http://127.0.0.1:9"  # the port "discard": nobody listens
PASSED, FAILED = CheckResult.Outcome.PASSED, CheckResult.Outcome.FAILED
DIES = {"exit": 1, "exit_after": 0.1}


def upgrade(house: House, unikernel: Unikernel, to: Image | Build, **options: object) -> Operation:
    return services.upgrade(actor=house.actor, unikernel=unikernel, to=to, **options)  # type: ignore[arg-type]  # by name


def ended(house: House, unikernel: Unikernel, to: Image | Build, **options: object) -> Operation:
    return house.finish(upgrade(house, unikernel, to, **options))


@pytest.fixture
def running(house: House) -> Unikernel:
    return house.running(house.image({"lines": ["one"]}), memory=48)


@pytest.fixture
def unreachable() -> Build:
    """A build of a builder that is not there."""
    builder = Builder.objects.create(name="away", url=NOWHERE)
    return Build.objects.create(
        builder=builder,
        job="hello",
        uuid="00000000-0000-4000-8000-000000000001",
        platform="debian-12",
        started_at=timezone.now(),
        digest="ab" * 32,
        size=1000,
    )


@pytest.fixture
def untouched(house: House, running: Unikernel) -> Iterator[Unikernel]:
    """What runs, and after the test still runs, the very same process."""
    before = house.simulated.running()["robur:hello"]
    yield running
    assert house.simulated.running()["robur:hello"] == before


# --- uploads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x7fELF" + bytes(60), build_image()[:-200]])
def test_garbage_does_not_take_the_place_of_what_runs(
    house: House, untouched: Unikernel, data: bytes
) -> None:
    with pytest.raises((ImageRefused, Refused)):
        image_add(actor=house.actor, team=house.team, file=io.BytesIO(data), name="garbage")
    assert not Image.objects.filter(digest=hashlib.sha256(data).hexdigest()).exists()


def test_bytes_that_became_garbage_in_the_store_are_never_sent(house: House, untouched: Unikernel) -> None:
    newer = house.image({"lines": ["newer"]})
    path = store.path_of(newer.digest)
    path.write_bytes(bytes(path.stat().st_size))
    operation = ended(house, untouched, newer)
    assert (operation.state, len(house.sends())) == (State.ABORTED, 1)
    assert "SHA-256" in operation.reason


@pytest.mark.django_db(transaction=True)  # the application has a thread, and a connection, of its own
@pytest.mark.parametrize("aborted", [False, True])
def test_an_upload_that_the_client_aborts_leaves_nothing(house: House, *, aborted: bool) -> None:
    data = build_image(padding=200_000)
    Membership.objects.update(role=Role.OWNER)
    _, text = token_issue(actor=house.actor, team=house.team, name="ci", role=Role.DEPLOYER)

    @async_to_sync
    async def upload() -> list[int]:
        """The statuses of the answers."""
        asked = ApplicationCommunicator(application, _scope(text, len(data)))
        half = len(data) // 2
        await asked.send_input({"type": "http.request", "body": data[:half], "more_body": True})
        rest = {"type": "http.request", "body": data[half:], "more_body": False}
        await asked.send_input({"type": "http.disconnect"} if aborted else rest)
        statuses = []
        if not aborted:
            statuses = [(await asked.receive_output(timeout=20))["status"]]
            await asked.receive_output(timeout=20)
        await asked.wait(timeout=20)
        return statuses

    assert upload() == ([] if aborted else [201])
    assert store.held(hashlib.sha256(data).hexdigest()) is not aborted
    assert Image.objects.count() == (0 if aborted else 1)


def _scope(token: str, length: int) -> dict[str, object]:
    headers = {
        "host": "127.0.0.1",
        "authorization": f"Bearer {token}",
        "content-type": "application/octet-stream",
        "content-length": str(length),
    }
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/v1/images/",
        "query_string": b"name=half.hvt",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }


class _Cut(io.BytesIO):
    """A file that breaks in the middle."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 0:
            raise OSError("the client is gone")
        return super().read(1000 if size in {None, -1} else min(1000, size or 0))


def test_an_upload_that_breaks_leaves_nothing(house: House, untouched: Unikernel) -> None:
    images = Image.objects.count()
    with pytest.raises(OSError, match="gone"):
        image_add(
            actor=house.actor,
            team=house.team,
            file=cast("BinaryIO", _Cut(build_image(padding=5000))),
            name="half",
        )
    assert Image.objects.count() == images
    assert not list((store.path_of("00" * 32).parents[1] / "staging").glob("*"))


def test_a_stream_to_the_instance_that_is_cut_starts_nothing(house: House, running: Unikernel) -> None:
    before, newer = house.digest(), house.image({"lines": ["newer"]}, padding=300_000)
    cut = Fault(Kind.BREAK_STREAM, command="unikernel_*create", after=100_000, times=None)
    house.simulated.faults.add(cut)
    operation = ended(house, running, newer)
    # Whether all of it had left us before the cut was noticed depends on the buffers between us.
    assert operation.state in {State.ABORTED, State.ROLLED_BACK}
    assert newer.digest not in house.sends()
    assert house.digest() == before


# --- the builder -------------------------------------------------------------------------------------


def test_a_builder_that_cannot_be_reached_touches_nothing(
    house: House, untouched: Unikernel, unreachable: Build
) -> None:
    operation = ended(house, untouched, unreachable)
    assert (operation.state, exit_code(operation)) == (State.ABORTED, 8)
    assert "cannot be reached" in operation.reason
    assert len(house.sends()) == 1


def test_a_failed_download_is_no_empty_image(house: House, running: Unikernel, unreachable: Build) -> None:
    ended(house, running, unreachable)
    assert not Image.objects.filter(size=0).exists()
    assert not store.held(hashlib.sha256(b"").hexdigest())


def test_a_failed_upgrade_does_not_arm_a_rollback(
    house: House, untouched: Unikernel, unreachable: Build
) -> None:
    ended(house, untouched, unreachable)
    assert not RollbackWindow.objects.exists()
    with pytest.raises(Refused, match="nothing to roll back"):
        services.rollback(actor=house.actor, unikernel=untouched)


def test_an_image_that_no_builder_knows_is_upgraded_like_any_other(house: House, running: Unikernel) -> None:
    newer = house.image({"lines": ["newer"]})
    assert ended(house, running, newer).state == State.SUCCEEDED
    assert house.digest() == newer.digest


# --- going back --------------------------------------------------------------------------------------


def test_the_first_upgrade_of_a_name_goes_back_by_itself(house: House, running: Unikernel) -> None:
    before = house.digest()
    assert ended(house, running, house.image(DIES)).state == State.ROLLED_BACK
    assert house.digest() == before


def test_a_second_upgrade_soon_after_goes_back_to_what_ran_and_not_further(
    house: House, running: Unikernel
) -> None:
    second = house.image({"lines": ["two"]})
    assert ended(house, running, second).state == State.SUCCEEDED
    running.refresh_from_db()
    assert ended(house, running, house.image(DIES)).state == State.ROLLED_BACK
    assert house.digest() == second.digest


def test_a_rollback_brings_back_the_configuration_too(house: House, running: Unikernel) -> None:
    wanted = Configuration(memory=64, arguments=("--later",))
    ended(house, running, house.image(DIES), configuration=wanted)
    info = house.simulated.running()["robur:hello"]
    assert (info.memory, info.arguments or ()) == (48, ())


def test_rolled_back_is_no_success_anywhere(house: House, running: Unikernel) -> None:
    operation = ended(house, running, house.image(DIES))
    told = verdict(operation)
    assert (told.word, told.tone, exit_code(operation)) == ("rolled back", "bad", 6)
    assert "success" not in f"{told.word} {told.sentence}".lower()
    running.refresh_from_db()
    assert running.unstable


def test_a_rollback_needs_no_builder(house: House, running: Unikernel, unreachable: Build) -> None:
    before = house.digest()
    ended(house, running, house.image({"lines": ["newer"]}))
    running.versions.update(build=unreachable)
    operation = house.finish(services.rollback(actor=house.actor, unikernel=running))
    assert operation.state == State.SUCCEEDED, operation.reason
    assert house.digest() == before


def test_a_rollback_does_not_keep_its_own_button_alive(house: House, running: Unikernel) -> None:
    ended(house, running, house.image({"lines": ["newer"]}))
    house.finish(services.rollback(actor=house.actor, unikernel=running))
    assert not RollbackWindow.objects.exists()
    sends = house.sends()
    with pytest.raises(Refused, match="went back already"):
        services.rollback(actor=house.actor, unikernel=running)
    assert house.sends() == sends


# --- what counts as working ----------------------------------------------------------------------------


def test_one_that_ends_after_its_first_second_is_no_success(house: House, running: Unikernel) -> None:
    slow_death = house.image({"exit": 1, "exit_after": 0.2})  # the proof takes 0.3 s here
    assert ended(house, running, slow_death).state == State.ROLLED_BACK


def test_one_passing_round_of_checks_is_no_success(
    house: House, running: Unikernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    Check.objects.create(unikernel=running, name="web", kind="tcp", settings={"address": "127.77.0.1:80"})
    old, newer = house.digest(), house.image({"lines": ["newer"]})
    first = iter([PASSED])  # the new one answers once
    monkeypatch.setattr(
        rounds,
        "run",
        lambda *_, **__: rounds.Round(PASSED if house.digest() == old else next(first, FAILED), "told"),
    )
    assert ended(house, running, newer).state == State.ROLLED_BACK
    assert house.digest() == old


def test_checks_that_fail_before_the_change_stop_it(
    house: House, untouched: Unikernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    Check.objects.create(unikernel=untouched, name="web", kind="tcp", settings={"address": "127.77.0.1:80"})
    monkeypatch.setattr(rounds, "run", lambda *_, **__: rounds.Round(FAILED, "no answer"))
    operation = ended(house, untouched, house.image({"lines": ["newer"]}))
    assert (operation.state, len(house.sends())) == (State.ABORTED, 1)
    assert "no answer" in operation.reason


def test_a_second_destroy_is_told_that_nothing_runs(house: House, running: Unikernel) -> None:
    assert house.finish(services.destroy(actor=house.actor, unikernel=running)).state == State.SUCCEEDED
    running.refresh_from_db()
    with pytest.raises(Refused, match="does not run"):
        services.destroy(actor=house.actor, unikernel=running)
