"""What an upgrade takes beyond the time it has to stay up, and many upgrades at once.

On the embedded set-up (SQLite, one worker of two processes, simulated instances in processes of their
own). First one instance, an upgrade each second; then 50 at once over 10 instances.
"""

from __future__ import annotations

import io
import itertools
import statistics
import time
from contextlib import ExitStack
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from bench.surroundings import project, running
from mollymawk.embedded.probes import listens
from mollymawk.embedded.programs import beat, simulated_instance, worker

if TYPE_CHECKING:
    from accounts.models import Team
    from albatross.models import Instance
    from unikernels.models import Image, Operation, Unikernel

INSTANCES, EACH = 10, 5
SINGLE = 20  # upgrades for the overhead, one begun each second
MOST = 180.0  # seconds that all of them may take together
P50, P99 = 0.5, 2.0
ROLLBACKS, ROLLBACK = 10, 5.0


def main() -> None:
    """Print the figures beside their targets."""
    with project() as folder, ExitStack() as stack:
        places = [_simulate(stack, folder, number) for number in range(INSTANCES)]
        stack.enter_context(running(worker(), ready=lambda: True))
        stack.enter_context(running(beat(folder), ready=lambda: True))
        from accounts.actors import COMMAND  # noqa: PLC0415  # Django is set up only now
        from accounts.services import team_create  # noqa: PLC0415
        from bench.yard import bring_in, grant  # noqa: PLC0415

        team = team_create(actor=COMMAND, name="measured")
        instances = [bring_in(place, place.name) for place in places]
        for instance in instances:
            grant(team, instance)
        _overhead(team, instances[0])
        _overhead(team, instances[1], checked=True)
        _at_once(team, instances)
        _rollbacks()


def _simulate(stack: ExitStack, folder: Path, number: int) -> Path:
    state = folder / f"instance-{number}"
    state.mkdir()
    address = state / "address"
    program = simulated_instance(state, IPv4Network(f"127.77.{200 + number}.0/24"))
    stack.enter_context(
        running(program, ready=lambda: address.exists() and listens(address.read_text().strip()))
    )
    return state


def _overhead(team: Team, instance: Instance, *, checked: bool = False) -> None:
    """One upgrade a second; what each takes beyond the time that it has to stay up, or to answer."""
    things = _deployed(team, [instance], SINGLE, address=checked)
    if checked:
        _add_checks(things)
    image = _image(team, "newer")
    begun = []
    for thing in things:
        begun.append(_upgrade(thing, image))
        time.sleep(1)
    ended = _ends(begun)
    least, what = _least(checked=checked)
    beyond = sorted(_seconds(operation) - least for operation in ended)
    p50, p99 = statistics.median(beyond), statistics.quantiles(beyond, n=100)[98]
    print(f"{_good(ended)} of {len(ended)} upgrades succeeded, one begun each second")
    print(f"beyond {least:.0f} s of {what}, transfer and start included:")
    print(
        f"p50: {p50:.2f} s (target: at most {P50:g}); p99: {min(p99, beyond[-1]):.2f} s (target: at most {P99:g})"
    )


def _least(*, checked: bool) -> tuple[float, str]:
    """The seconds that the proof takes when nothing is slow: until the first round that can end it."""
    from unikernels.operations.runner import timings  # noqa: PLC0415

    waits = timings()
    if not checked:
        return waits.stay_up, "staying up"
    rounds = list(itertools.accumulate(waits.check_waits))
    return next(at for at in rounds if at - rounds[0] >= waits.pass_span), "HTTP checks that pass"


def _add_checks(things: list[Unikernel]) -> None:
    from accounts.actors import COMMAND  # noqa: PLC0415
    from unikernels.checks.services import check_add  # noqa: PLC0415

    for number, thing in enumerate(things):
        url = {"url": f"http://{_address(number)}:8080/"}
        check_add(actor=COMMAND, unikernel=thing, name="web", kind="http", settings=url)


def _address(number: int) -> str:
    return f"127.77.201.{100 + number}"


def _at_once(team: Team, instances: list[Instance]) -> None:
    things = _deployed(team, instances, EACH)
    image = _image(team, "newest")
    start = time.monotonic()
    ended = _ends([_upgrade(thing, image) for thing in things])
    took = time.monotonic() - start
    for thing in things:
        thing.refresh_from_db()
    right = sum(thing.digest == image.digest for thing in things)
    print(f"{len(things)} upgrades at once over {len(instances)} instances: {took:.0f} s")
    print(
        f"succeeded: {_good(ended)}; the new image runs: {right}; left busy: {_busy()} (target: all, all, 0)"
    )


def _rollbacks() -> None:
    """From the press to the old image seen running, for all that were just upgraded."""
    from accounts.actors import COMMAND  # noqa: PLC0415
    from accounts.models import Event  # noqa: PLC0415
    from unikernels.models import RollbackWindow  # noqa: PLC0415
    from unikernels.operations import services  # noqa: PLC0415

    windows = RollbackWindow.objects.select_related("unikernel__instance", "unikernel__team").order_by("-pk")
    begun = []
    for window in windows[:ROLLBACKS]:
        begun.append(services.rollback(actor=COMMAND, unikernel=window.unikernel))
        time.sleep(1)
    ended = _ends(begun)
    seen = {
        event.operation: event.at
        for event in Event.objects.filter(
            operation__in=[op.pk for op in ended], kind="operation.state", now="prove"
        )
    }
    took = sorted((seen[operation.pk] - operation.created_at).total_seconds() for operation in ended)
    print(f"{_good(ended)} of {len(ended)} rollbacks succeeded; from the press to the old image running:")
    print(f"median {statistics.median(took):.2f} s, longest {took[-1]:.2f} s (target: at most {ROLLBACK:g})")


def _deployed(team: Team, instances: list[Instance], each: int, *, address: bool = False) -> list[Unikernel]:
    """*each* unikernels on each instance, running; each with an *address* of its own, if asked for."""
    from accounts.actors import COMMAND  # noqa: PLC0415
    from unikernels.configuration import Configuration  # noqa: PLC0415
    from unikernels.operations import services  # noqa: PLC0415

    image = _image(team, "old")
    prefix = ("checked" if address else "one") if len(instances) == 1 else "many"
    begun = [
        services.deploy(
            actor=COMMAND,
            team=team,
            instance=instance,
            name=f"{prefix}{number}",
            image=image,
            configuration=Configuration(
                memory=16, arguments=(f"--ipv4={_address(number)}/24",) if address else ()
            ),
            accept=["new-abi"],
        )
        for instance in instances
        for number in range(each)
    ]
    ended = _ends(begun)
    assert _good(ended) == len(ended), [operation.reason for operation in ended]
    return [operation.unikernel for operation in ended if operation.unikernel]


def _image(team: Team, line: str) -> Image:
    from accounts.actors import COMMAND  # noqa: PLC0415
    from albatross.simulator import build_image  # noqa: PLC0415
    from unikernels.images.services import image_add  # noqa: PLC0415

    data = build_image(behaviour={"lines": [line], "http": {"text": line}, "memory": 4})
    return image_add(actor=COMMAND, team=team, file=io.BytesIO(data), name=line).image


def _upgrade(thing: Unikernel, image: Image) -> Operation:
    from accounts.actors import COMMAND  # noqa: PLC0415
    from unikernels.operations import services  # noqa: PLC0415

    thing.refresh_from_db()
    return services.upgrade(actor=COMMAND, unikernel=thing, to=image)


def _ends(begun: list[Operation]) -> list[Operation]:
    """All of them, once they have ended."""
    from unikernels.models import Operation  # noqa: PLC0415

    found = Operation.objects.filter(pk__in=[operation.pk for operation in begun])
    end = time.monotonic() + MOST
    while found.filter(finished_at=None).exists() and time.monotonic() < end:
        time.sleep(0.2)
    return list(found.select_related("unikernel"))


def _seconds(operation: Operation) -> float:
    assert operation.finished_at is not None, f"operation {operation.pk} did not end"
    return (operation.finished_at - operation.created_at).total_seconds()


def _good(ended: list[Operation]) -> int:
    return sum(operation.state == "succeeded" for operation in ended)


def _busy() -> int:
    from unikernels.models import Operation  # noqa: PLC0415

    return Operation.objects.filter(finished_at=None).count()


if __name__ == "__main__":
    main()
