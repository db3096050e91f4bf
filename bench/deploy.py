"""What an operation adds to the sending of an image: time to the commit point, and memory.

A deploy of a 100 MB image, from the request (the image is stored) until right before the frame that
commits it, against the bare client that sends the same file to the same instance. The instance is
simulated, in a process of its own; both take turns.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path

from bench.surroundings import project, running
from mollymawk.embedded.probes import listens
from mollymawk.embedded.programs import simulated_instance

SIZE = 100 * 2**20
ROUNDS = 7
TIME_TARGET = 1.3
MEMORY_TARGET = 20.0  # MB

_BUILD = """
import sys
from albatross.simulator import build_image
open(sys.argv[1], "wb").write(build_image(behaviour={"lines": ["large"], "memory": 4}, padding=int(sys.argv[2])))
"""


def build(path: Path) -> None:
    """Write an image of SIZE bytes, elsewhere: whoever builds it holds it in memory."""
    subprocess.run([sys.executable, "-c", _BUILD, str(path), str(SIZE)], check=True)


def memory(what: str) -> float:
    """MB of this process: ``VmRSS`` (now) or ``VmHWM`` (the most since the last reset)."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def reset_peak() -> None:
    """Let VmHWM begin anew from what is held now."""
    Path("/proc/self/clear_refs").write_text("5")


def timed(work: Callable[[str], float], name: str) -> float:
    """Seconds until the moment that *work* gives."""
    start = time.perf_counter()
    return work(name) - start


def main() -> None:
    """Print the figures beside their targets."""
    with project() as folder:
        image = folder / "large.hvt"
        build(image)
        state = folder / "simulator"
        state.mkdir()
        address = state / "address"
        instance = simulated_instance(state, IPv4Network("127.77.250.0/24"))
        with running(instance, ready=lambda: address.exists() and listens(address.read_text().strip())):
            from bench.yard import Yard  # noqa: PLC0415  # Django is set up only now

            yard = Yard(state, image)
            yard.send("first")
            yard.deploy("second")
            reset_peak()
            before = memory("VmRSS")
            bare, deployed = [], []
            for number in range(1, ROUNDS + 1):
                bare.append(timed(yard.send, f"bare{number}"))
                deployed.append(timed(yard.deploy, f"deployed{number}"))
            growth = memory("VmHWM") - before
            client, operation = min(bare), min(deployed)  # other work on the machine slows the others down
            print(f"image: {image.stat().st_size / 2**20:.0f} MB, {ROUNDS} rounds, the best of each")
            print(f"bare client: {client:.2f} s; operation: {operation:.2f} s to the commit point")
            print(f"ratio: {operation / client:.2f} (target: at most {TIME_TARGET:g})")
            print(f"memory: {growth:.1f} MB more than before (target: at most {MEMORY_TARGET:g})")


if __name__ == "__main__":
    main()
