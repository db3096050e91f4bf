"""A warm round of polling: 10,000 unikernels that run builds of 50 jobs, and some that no builder knows.

The builder is the small one, in a process of its own. Everything was asked for before and is due again; for
three jobs there is a new build since. The round runs in a fresh process, as in a worker that was just started.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from datetime import timedelta
from typing import Any

from bench.deploy import memory, reset_peak
from bench.surroundings import free_port, project, running
from mollymawk.embedded.probes import listens
from mollymawk.embedded.programs import HOST
from mollymawk.embedded.supervisor import Program

UNIKERNELS, JOBS, BUILDS, UNKNOWN = 10_000, 50, 10, 200
NEW = 3  # jobs with a new build
TIME_TARGET = 10.0  # seconds
REQUEST_TARGET = 150
MEMORY_TARGET = 100.0  # MB


def publish(url: str, job: str, number: int) -> str:
    """Have the builder build *job* once more; the SHA-256 of the image."""
    words = {"job": job, "devices": [["service", "net"]], "behaviour": {"lines": [f"{job} {number}"]}}
    request = urllib.request.Request(f"{url}/_simulator/builds", json.dumps(words).encode())  # ours
    with urllib.request.urlopen(request, timeout=10) as answer:  # ours
        digest: str = json.load(answer)["sha256"]
    return digest


def populate(digests: list[str]) -> None:
    """Managed unikernels that run *digests* in turn, each with the version that it was taken over with."""
    from accounts.models import Team  # noqa: PLC0415  # Django is set up only now
    from albatross.models import Instance  # noqa: PLC0415
    from unikernels.models import Unikernel, Version  # noqa: PLC0415

    team = Team.objects.create(name="measured", domain="measured")
    instance = Instance.objects.create(name="host", address="192.0.2.1:1025", sealed_key="")
    rows = [
        Unikernel(
            instance=instance,
            team=team,
            path=team.domain,
            name=f"unikernel{number}",
            state=Unikernel.Presence.RUNNING,
            digest=digests[number % len(digests)],
        )
        for number in range(UNIKERNELS)
    ]
    Unikernel.objects.bulk_create(rows, batch_size=500)
    words: dict[str, Any] = {"number": 1, "configuration": {}, "sealed_arguments": "", "origin": "adopted"}
    versions = [Version(unikernel=row, digest=row.digest, **words) for row in rows]
    for row, version in zip(rows, Version.objects.bulk_create(versions, batch_size=500), strict=True):
        row.current = version
    Unikernel.objects.bulk_update(rows, ["current"], batch_size=200)


def poll() -> dict[str, float]:
    """One round of this process; what it took."""
    from unikernels.builds import polling, web  # noqa: PLC0415  # Django is set up only now
    from unikernels.models import Builder, Standing  # noqa: PLC0415

    asked: list[str] = []
    step = web.Web.step

    def counted(self: web.Web, path: str, **words: Any) -> Any:
        asked.append(path)
        return step(self, path, **words)

    web.Web.step = counted  # type: ignore[method-assign]  # only counts
    builder = Builder.objects.get()
    before = Standing.objects.count()
    reset_peak()
    held = memory("VmRSS")
    start = time.perf_counter()
    polling.poll(builder.pk)
    return {
        "seconds": time.perf_counter() - start,
        "requests": len(asked),
        "memory": memory("VmHWM") - held,
        "whole": memory("VmHWM"),
        "digests": before,
    }


def let_time_pass() -> None:
    """As if everything was asked for a day ago, and the unknown ones an hour ago."""
    from unikernels.models import Builder, Standing  # noqa: PLC0415  # Django is set up only now

    assert not Builder.objects.get().trouble_text
    known = Standing.objects.exclude(standing="unknown")
    now = Builder.objects.get().seen_at
    assert now is not None
    known.update(judged_at=now - timedelta(days=1))
    Builder.objects.update(retry_at=None)


def quiet() -> tuple[float, float]:
    """Seconds that the sweep takes every 5 s when nothing is due, and to see that all are told rightly."""
    from django.utils import timezone  # noqa: PLC0415  # Django is set up only now

    from unikernels.builds import polling, standings  # noqa: PLC0415

    start = time.perf_counter()
    polling.due_builders(timezone.now() + polling.PAUSE)
    middle = time.perf_counter()
    standings.settle()
    return middle - start, time.perf_counter() - middle


def warm() -> dict[str, float]:
    """A round in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.polling", "warm"], check=True, capture_output=True, text=True
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


def main() -> None:
    """Print the figures beside their targets."""
    if sys.argv[1:] == ["warm"]:
        import django  # noqa: PLC0415  # the environment is that of the parent

        django.setup()
        print(json.dumps(poll()))
        return
    port = free_port()
    command = [sys.executable, "-m", "unikernels.builds.simulator", "--port", str(port)]
    url = f"http://{HOST}:{port}"
    os.environ["DEFAULT_BUILDER"] = url
    with (
        project(),
        running(Program("builder", command), ready=lambda: listens(f"{HOST}:{port}")),
    ):
        built = [publish(url, f"job-{job}", number) for number in range(BUILDS) for job in range(JOBS)]
        populate([*built, *(f"{number:064x}" for number in range(UNKNOWN))])
        cold = poll()
        print(f"{UNIKERNELS} unikernels, {JOBS} jobs, {JOBS * BUILDS} builds and {UNKNOWN} unknown images")
        print(f"cold round: {cold['seconds']:.1f} s, {cold['requests']} requests")
        for job in range(NEW):
            publish(url, f"job-{job}", BUILDS)
        let_time_pass()
        show(warm())
        due, told = (1000 * seconds for seconds in quiet())
        print(f"every 5 s: {due:.0f} ms to see that nothing is due, {told:.0f} ms that all are told rightly")


def show(round_: dict[str, float]) -> None:
    """The figures of a warm round."""
    print(f"warm round: {round_['seconds']:.2f} s (target: at most {TIME_TARGET:g})")
    print(f"warm round: {round_['requests']} requests (target: at most {REQUEST_TARGET})")
    print(
        f"warm round: {round_['memory']:.0f} MB more than before, {round_['whole']:.0f} MB with all of Django "
        f"(target: at most {MEMORY_TARGET:g})"
    )


if __name__ == "__main__":
    main()
