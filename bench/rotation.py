"""Rotating keys with 10,000 sealed rows while a person looks at pages and a program asks: how many fail.

The limit on failures is none; the times say what a request costs meanwhile.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.surroundings import project

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Team
    from albatross.models import Instance

ROWS = 10_000


def fill(team: Team, instance: Instance, count: int) -> None:
    """*count* sealed rows: unikernels and their versions, half of each."""
    from mollymawk.keyring import seal_json  # noqa: PLC0415  # Django is set up only now
    from unikernels.models import Unikernel, Version  # noqa: PLC0415

    rows = [
        Unikernel(
            instance=instance,
            team=team,
            path=team.domain,
            name=f"sealed{number}",
            state=Unikernel.Presence.RUNNING,
            sealed_arguments=seal_json([f"--key={number}"]),
        )
        for number in range(count // 2)
    ]
    made = Unikernel.objects.bulk_create(rows, batch_size=500)
    words: dict[str, Any] = {"number": 1, "configuration": {}, "origin": "adopted", "digest": "0" * 64}
    Version.objects.bulk_create(
        [Version(unikernel=row, sealed_arguments=row.sealed_arguments, **words) for row in made],
        batch_size=500,
    )


@contextmanager
def hammer(browser: Client, *addresses: str) -> Iterator[list[tuple[int, float]]]:
    """Ask without a pause while the block runs; status and seconds of each answer."""
    from django.db import connections  # noqa: PLC0415

    answers: list[tuple[int, float]] = []
    over, begun = threading.Event(), threading.Event()

    def ask() -> None:
        try:
            while not over.is_set():
                for address in addresses:
                    before = time.perf_counter()
                    answers.append((browser.get(address).status_code, time.perf_counter() - before))
                begun.set()
        finally:
            begun.set()
            connections.close_all()

    thread = threading.Thread(target=ask)
    thread.start()
    begun.wait(60)
    try:
        yield answers
    finally:
        over.set()
        thread.join(60)


def main() -> None:
    """Measure, and print the figures."""
    with project():
        from cryptography.fernet import Fernet  # noqa: PLC0415
        from django.conf import settings  # noqa: PLC0415
        from django.core.management import call_command  # noqa: PLC0415
        from django.test import Client  # noqa: PLC0415

        from accounts.models import Team, User  # noqa: PLC0415
        from albatross.models import Instance  # noqa: PLC0415
        from bench.population import populate  # noqa: PLC0415

        settings.ALLOWED_HOSTS = ["testserver"]
        populate(2)
        fill(Team.objects.get(name="measured"), Instance.objects.get(), ROWS)
        browser = Client()
        browser.force_login(User.objects.get())
        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
        with hammer(browser, "/unikernels/", "/api/v1/unikernels/?limit=50") as answers:
            before, began = len(answers), time.perf_counter()
            with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
                call_command("rotate_keys", stdout=nowhere)
            took = time.perf_counter() - began
            meanwhile = answers[before:]
        failed = sum(status != 200 for status, _ in meanwhile)
        slow = statistics.quantiles([seconds for _, seconds in meanwhile], n=20)[-1] if meanwhile else 0.0
        print(f"keys rotated: {ROWS} rows in {took:.1f} s, {ROWS / took:.0f} a second")
        print(
            f"requests meanwhile: {len(meanwhile)}, failed {failed} (target 0), 95 % within {slow * 1000:.0f} ms"
        )


if __name__ == "__main__":
    main()
