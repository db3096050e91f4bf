"""A million lines through the page of a console, in Chromium: what it keeps of them, and how long it takes.

The lines go through the page's own code as if the stream had brought them, drawn every 3,000 lines; memory is
that of its JavaScript heap after a collection, and of its document.
"""

from __future__ import annotations

import time
from typing import Any

from bench.surroundings import free_port, project, running
from mollymawk.embedded.probes import healthy
from mollymawk.embedded.programs import HOST, web

LINES = 1_000_000
KEPT = 5000
FEED = """(from) => { for (let n = from; n < from + 100_000; n++) {
    take({ ts: 1_700_000_000_000 + n, text: `line ${n} of a usual length, told by a unikernel`, id: `${n}-0` });
    if (n % 3000 === 0) draw();
} draw(); }"""


def main() -> None:
    """Print what a full console and one after a million lines take."""
    with project():
        from accounts.models import User  # noqa: PLC0415  # Django is set up only now
        from bench.population import populate  # noqa: PLC0415
        from tests.chromium import chromium  # noqa: PLC0415
        from tests.pages.browser import session_of, window  # noqa: PLC0415
        from unikernels.models import Unikernel  # noqa: PLC0415

        populate(1)
        session, pk = session_of(User.objects.get()), Unikernel.objects.get().pk
        port = free_port()
        url = f"http://{HOST}:{port}"
        with running(web(port), ready=lambda: healthy(f"{url}/")), chromium() as browser:
            page = window(browser, url, session).new_page()
            page.goto(f"{url}/unikernels/{pk}/console/")
            devtools = page.context.new_cdp_session(page)
            page.evaluate(FEED, 0)
            before, began = _held(devtools), time.monotonic()
            for start in range(0, LINES, 100_000):
                page.evaluate(FEED, start)
            took, after = time.monotonic() - began, _held(devtools)
            shown = page.locator("#console .line").count()
        print(f"{LINES:,} lines in {took:.1f} s; {shown:,} are kept (target: at most {KEPT:,})")
        print(
            f"heap {before[0]:.1f} MB when it is full, {after[0]:.1f} MB after them; nodes {before[1]:,}, {after[1]:,}"
        )


def _held(devtools: Any) -> tuple[float, int]:
    """MB of the JavaScript heap, and how many nodes there are, after a collection."""
    devtools.send("HeapProfiler.collectGarbage")
    counted = devtools.send("Memory.getDOMCounters")
    return devtools.send("Runtime.getHeapUsage")["usedSize"] / 1e6, counted["nodes"]


if __name__ == "__main__":
    main()
