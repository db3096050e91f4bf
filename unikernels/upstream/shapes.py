"""The original's JSON of a unikernel, read and written.

Read: the config of create, update and restart, in the shapes of all its releases. Written: a
unikernel in the list, with what was added since at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from albatross.messages import FailBehaviour, Info, Typ
from mollymawk.errors import Invalid
from unikernels.configuration import Configuration, parse
from unikernels.upstream.envelope import words

STARTUP = 50  # the original's word for: no place of its own in the order
MAX_STARTUP = 100

_DEFAULT_MEMORY = 32  # MB


def read_config(data: Any) -> Configuration:
    """The configuration that *data* asks for. Raises ``ValueError`` with the original's words or ours.

    Unknown keys are ignored. ``typ`` may be missing (it was not there before 2026-04), ``cpuid`` stand
    for ``cpuids``, and ``numcpus`` (what is written) for ``vcpus``.
    """
    if not isinstance(data, Mapping):
        raise ValueError("expected a dictionary")  # noqa: TRY004 - one kind of error for all of it
    _check_type(data.get("typ", "solo5"))
    wanted = {
        "memory": data.get("memory", _DEFAULT_MEMORY),
        "cpuids": _cpuids(data),
        "restart": _restart(data.get("fail_behaviour", "quit")),
        "networks": _devices(data.get("network_interfaces"), "network_interfaces", _network),
        "blocks": _devices(data.get("block_devices"), "block_devices", _block),
        "arguments": data.get("arguments") or [],
        "startup": _startup(data.get("startup")),
        "numcpus": data.get("vcpus", data.get("numcpus", 1)),
    }
    try:
        return parse(wanted)
    except Invalid as error:
        raise ValueError(words(error)) from error


def write_unikernel(name: str, info: Info, **more: Any) -> dict[str, Any]:
    """*info* as the list of the original tells it, and *more*."""
    return {
        "name": name,
        "fail_behaviour": _write_behaviour(info.fail_behaviour),
        "cpuids": sorted(info.cpuids),
        "memory": info.memory,
        "block_devices": [
            {
                "name": block.unikernel_device,
                "host_device": block.host_device,
                "sector_size": block.sector_size,
                "size": block.size,
            }
            for block in info.blocks
        ],
        "network_interfaces": [
            {"name": net.unikernel_device, "host_device": net.host_device, "mac": net.mac.hex(":")}
            for net in info.bridges
        ],
        "arguments": list(info.arguments or ()),
        "numcpus": info.numcpus,
        "linux_boot_partition": info.linux_boot_partition,
        "cpuid": min(info.cpuids, default=0),
        "typ": "solo5" if info.typ is Typ.SOLO5 else "bhyve",
        "startup": STARTUP if info.startup is None else info.startup,
        "digest": info.digest.hex(),
        **more,
    }


def _check_type(typ: Any) -> None:
    if typ == "bhyve":
        raise ValueError("bhyve machines are shown here, never started or changed")
    if typ != "solo5":
        raise ValueError("only 'solo5' and 'bhyve' supported as typ")


def _cpuids(data: Mapping[str, Any]) -> list[Any]:
    found = data.get("cpuids", [data["cpuid"]] if "cpuid" in data else None)
    if not isinstance(found, list) or not all(isinstance(cpu, int) for cpu in found):
        raise ValueError("cpuids must be a list of integers")
    if not found:
        raise ValueError("CPUids cannot be an empty list")
    return found


def _restart(value: Any) -> Any:
    if value == "quit":
        return "never"
    if not isinstance(value, Mapping):
        raise ValueError("fail behaviour must be quit or restart")  # noqa: TRY004 - as above
    if "restart" not in value:
        raise ValueError("expected a restart")
    codes = value.get("exit_code", [])
    if not isinstance(codes, list):
        raise ValueError("expected a list of integers as exit_code payload")  # noqa: TRY004 - as above
    return codes or "always"  # the wire knows no difference between all codes and none


def _startup(value: Any) -> Any:
    if value is None or value == STARTUP:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_STARTUP:
        raise ValueError(f"startup is a number from 0 to {MAX_STARTUP}")
    return value


def _devices(value: Any, what: str, read: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, list):
        raise ValueError(f"{what} must be a list")  # noqa: TRY004 - as above
    found: dict[str, Any] = {}
    for item in value:
        parts = {"name": item} if isinstance(item, str) else item
        if not isinstance(parts, Mapping) or not isinstance(parts.get("name"), str):
            raise ValueError(f"an item of {what} is a name, or an object with one")  # noqa: TRY004 - as above
        if parts["name"] in found:
            raise ValueError(f"{parts['name']} stands twice in {what}")
        found[parts["name"]] = read(parts)
    return found


def _network(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"bridge": parts.get("host_device"), "mac": parts.get("mac")}


def _block(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"device": parts.get("host_device"), "sector_size": parts.get("sector_size")}


def _write_behaviour(behaviour: FailBehaviour) -> Any:
    if not behaviour.restart:
        return "quit"
    codes = sorted(behaviour.exit_codes)
    return {"restart": None, "exit_code": codes, "all_exit_codes": not codes}
