"""What an instance reports of one unikernel: its form in the row, and back (pure).

Arguments hold secrets, so they are kept sealed and apart: ``to_json`` leaves them out. Names of
devices may hold any bytes, which no database column takes: see ``storable``.
"""

from __future__ import annotations

import json
from typing import Any

from django.utils.crypto import salted_hmac

from albatross.messages import BlockInUse, FailBehaviour, Info, NetInUse, Timestamp, Typ

MAX_DIGEST = 64  # hex digits; a BHyve machine reports a name in its place, which is shorter
_HEX = "hex:"


def to_json(info: Info) -> dict[str, Any]:
    """Everything reported but digest, start and arguments, which have their own columns."""
    partition = info.linux_boot_partition
    return {
        "type": info.typ.value,
        "restart": sorted(info.fail_behaviour.exit_codes) if info.fail_behaviour.restart else None,
        "cpuids": sorted(info.cpuids),
        "memory": info.memory,
        "startup": info.startup,
        "numcpus": info.numcpus,
        "linux_boot_partition": partition if partition is None else storable(partition),
        "networks": [
            {
                "device": storable(net.unikernel_device),
                "bridge": storable(net.host_device),
                "mac": net.mac.hex(":"),
            }
            for net in info.bridges
        ],
        "blocks": [
            {
                "device": storable(block.unikernel_device),
                "host_device": storable(block.host_device),
                "sector_size": block.sector_size,
                "size": block.size,
            }
            for block in info.blocks
        ],
    }


def from_json(data: dict[str, Any], *, digest: str, started: int, arguments: tuple[str, ...] | None) -> Info:
    """The report that ``to_json`` was given, *digest* in hex, *started* in ms since 1970."""
    restart, partition = data["restart"], data["linux_boot_partition"]
    return Info(
        typ=Typ(data["type"]),
        fail_behaviour=FailBehaviour(restart is not None, frozenset(restart or ())),
        cpuids=frozenset(data["cpuids"]),
        memory=data["memory"],
        digest=bytes.fromhex(digest),
        startup=data["startup"],
        blocks=tuple(
            BlockInUse(
                original(block["device"]), original(block["host_device"]), block["sector_size"], block["size"]
            )
            for block in data["blocks"]
        ),
        bridges=tuple(
            NetInUse(
                original(net["device"]), original(net["bridge"]), bytes.fromhex(net["mac"].replace(":", ""))
            )
            for net in data["networks"]
        ),
        arguments=arguments,
        started=Timestamp(started),
        numcpus=data["numcpus"],
        linux_boot_partition=partition if partition is None else original(partition),
    )


def digest_of(info: Info) -> str:
    """The reported digest as it stands in the row."""
    return info.digest.hex()[:MAX_DIGEST]


def fingerprint(info: Info, *, team: int | None, judged: int | None) -> str:
    """One text for the whole report and what was made of it; it changes when anything does.

    *team* is the owner, *judged* the version that the report was compared with (None: with none).
    Keyed, because the arguments go into it.
    """
    report = [to_json(info), info.digest.hex(), info.started.milliseconds, info.arguments, team, judged]
    text = json.dumps(report, sort_keys=True, separators=(",", ":"))
    return salted_hmac("unikernels.inventory", text, algorithm="sha256").hexdigest()


def storable(text: str) -> str:
    """*text* as any database column can hold it; ``original`` is the way back.

    Bytes that are no text, control characters and NUL are written as hex digits.
    """
    if text.isprintable() and not text.startswith(_HEX):
        return text
    return _HEX + text.encode("utf-8", "surrogateescape").hex()


def original(stored: str) -> str:
    """What ``storable`` was given."""
    if not stored.startswith(_HEX):
        return stored
    return bytes.fromhex(stored.removeprefix(_HEX)).decode("utf-8", "surrogateescape")
