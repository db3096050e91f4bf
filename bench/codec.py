"""How fast a large ``unikernel_info`` reply is decoded, and how much memory that takes.

Run: ``python -m bench.codec``. The reply is what an instance would tell of 10,000 unikernels with one network
device, one block device and two arguments each.
"""

from __future__ import annotations

import hashlib
import time
import tracemalloc

from albatross import messages as m
from albatross.names import Name
from albatross.wire import decode, encode

ENTRIES = 10_000
ROUNDS = 5
TARGET_ENTRIES_PER_SECOND = 8_000
TARGET_MEMORY_RATIO = 12


def info(number: int) -> m.Info:
    """One unikernel, unlike all others."""
    return m.Info(
        typ=m.Typ.SOLO5,
        fail_behaviour=m.RESTART_ANY,
        cpuids=frozenset({number % 8}),
        memory=32 + number % 256,
        digest=hashlib.sha256(str(number).encode()).digest(),
        blocks=(m.BlockInUse("storage", f"data{number}", 512, 128),),
        bridges=(m.NetInUse("service", "service", b"\x00\x80\x41" + number.to_bytes(3, "big")),),
        arguments=(f"--ipv4=10.{number >> 16}.{number >> 8 & 255}.{number & 255}/24", "-l", "*:debug"),
        started=m.Timestamp(1_767_323_045_678 + 61_001 * number),
    )


def reply(entries: int) -> bytes:
    """The body of the frame that tells of so many unikernels."""
    names = (Name.of(f"team{number % 100}", label=f"unikernel{number}") for number in range(entries))
    infos = tuple((name, info(number)) for number, name in enumerate(names))
    return encode(m.Message(m.Header(Name()), m.UnikernelInfos(infos)))


def entries_per_second(data: bytes) -> float:
    """The best of some rounds, in CPU time (other work on the machine slows the others down)."""
    durations = []
    for _ in range(ROUNDS):
        start = time.process_time()
        decode(data)
        durations.append(time.process_time() - start)
    return ENTRIES / min(durations)


def memory_ratio(data: bytes) -> float:
    """Peak of what decoding allocates, the value itself included, by the size of *data*."""
    tracemalloc.start()
    decode(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / len(data)


def main() -> None:
    """Print the figures beside their targets."""
    data = reply(ENTRIES)
    print(f"reply: {ENTRIES} entries, {len(data) / ENTRIES:.0f} bytes each")
    print(
        f"decode: {entries_per_second(data):,.0f} entries/s (target: at least {TARGET_ENTRIES_PER_SECOND:,})"
    )
    print(f"memory: {memory_ratio(data):.1f} x the reply at the peak (target: at most {TARGET_MEMORY_RATIO})")


if __name__ == "__main__":
    main()
