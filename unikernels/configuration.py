"""What a unikernel is asked to run with, apart from its image: one value, and its JSON form.

The JSON form is the same in the API, in forms and in a version's row::

    {"memory": 32, "cpuids": [0], "arguments": ["--ipv4=10.0.0.2/24"],
     "networks": {"service": "br0"}, "blocks": {"storage": {"device": "data", "sector_size": 4096}},
     "restart": "never" | "always" | [2, 255], "startup": null, "add_name": true,
     "may_exit": false, "numcpus": 1}

Arguments hold passwords and keys, so a version keeps them sealed and apart: ``to_json`` leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from albatross.messages import (
    MAX_INT,
    QUIT,
    RESTART_ANY,
    Arguments,
    BlockDevice,
    FailBehaviour,
    Info,
    NetDevice,
)
from mollymawk.errors import Invalid

MIN_MEMORY = 4  # MB; no Solo5 unikernel starts in less
MAX_MEMORY = 2**20  # MB = 1 TiB, above any host; keeps a slip of the finger from overflowing sums
MAX_CPUS = 1024
MAX_DEVICES = 63  # Solo5's manifest has no room for more
MAX_ARGUMENTS = 256
MAX_ARGUMENT_BYTES = 8192
MAX_EXIT_CODE = 255
MAX_SECTOR = 2**20  # bytes

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything about a version but its image. Memory in MB. Values are already valid."""

    memory: int = 32
    cpuids: frozenset[int] = frozenset({0})
    arguments: tuple[str, ...] = ()
    networks: tuple[NetDevice, ...] = ()
    blocks: tuple[BlockDevice, ...] = ()
    fail_behaviour: FailBehaviour = QUIT
    startup: int | None = None
    add_name: bool = True
    may_exit: bool = False
    numcpus: int = field(default=1)

    def to_arguments(self) -> Arguments:
        """The wire's form."""
        return Arguments(
            fail_behaviour=self.fail_behaviour,
            startup=self.startup,
            add_name=self.add_name,
            cpuids=self.cpuids,
            memory=self.memory,
            blocks=self.blocks,
            bridges=self.networks,
            arguments=self.arguments or None,
            numcpus=self.numcpus,
        )

    def to_json(self) -> dict[str, Any]:
        """The JSON form, without the arguments; ``parse`` reads it back."""
        return {
            "memory": self.memory,
            "cpuids": sorted(self.cpuids),
            "networks": {net.name: _network_json(net) for net in self.networks},
            "blocks": {block.name: _block_json(block) for block in self.blocks},
            "restart": _restart_json(self.fail_behaviour),
            "startup": self.startup,
            "add_name": self.add_name,
            "may_exit": self.may_exit,
            "numcpus": self.numcpus,
        }


def from_info(info: Info) -> Configuration:
    """What a running unikernel was evidently asked to run with. ``add_name`` is not reported: true."""
    return Configuration(
        memory=info.memory,
        cpuids=info.cpuids,
        arguments=info.arguments or (),
        networks=tuple(NetDevice(net.unikernel_device, net.host_device, net.mac) for net in info.bridges),
        blocks=tuple(
            BlockDevice(block.unikernel_device, block.host_device, block.sector_size) for block in info.blocks
        ),
        fail_behaviour=info.fail_behaviour,
        startup=info.startup,
        numcpus=info.numcpus,
    )


def parse(data: Mapping[str, Any]) -> Configuration:
    """Read the JSON form. Raises ``Invalid`` with a sentence per wrong field in ``fields``."""
    errors: dict[str, list[str]] = {}
    known = {**_READERS}
    values: dict[str, Any] = {}
    for name in data.keys() - known.keys():
        errors[str(name)[:60]] = ["There is no such setting."]
    for name, (attribute, read) in known.items():
        if name in data:
            try:
                values[attribute] = read(data[name])
            except ValueError as error:
                errors[name] = [str(error)]
    if errors:
        raise Invalid("The configuration is not valid.", fields=errors)
    return Configuration(**values)


# --- readers: a JSON value in, ours out; ValueError with a sentence --------------------------------


def _whole(low: int, high: int, what: str) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{what} is a whole number between {low} and {high}.")
        return value

    return read


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("This is true or false.")  # noqa: TRY004 - one kind of error for all readers
    return value


def _cpuids(value: Any) -> frozenset[int]:
    read = _whole(0, MAX_CPUS - 1, "A CPU id")
    if not isinstance(value, list) or not value:
        raise ValueError("Give at least one CPU id, as a list.")
    return frozenset(read(item) for item in value)


def _arguments(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("Arguments are a list of texts.")
    if len(value) > MAX_ARGUMENTS:
        raise ValueError(f"At most {MAX_ARGUMENTS} arguments.")
    if any("\0" in item for item in value):
        raise ValueError("An argument cannot hold a NUL character.")
    if any(len(item.encode("utf-8", "surrogateescape")) > MAX_ARGUMENT_BYTES for item in value):
        raise ValueError(f"An argument has at most {MAX_ARGUMENT_BYTES} bytes.")
    return tuple(value)


def _devices(value: Any, read: Callable[[str, Any], T]) -> tuple[T, ...]:
    if not isinstance(value, dict) or len(value) > MAX_DEVICES:
        raise ValueError(f"Devices are an object from device to host device, at most {MAX_DEVICES}.")
    return tuple(read(_text(name), value[name]) for name in sorted(value))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 255 or not value.isprintable():
        raise ValueError("A device has a name of 1 to 255 printable characters.")
    return value


def _network(name: str, value: Any) -> NetDevice:
    parts = value if isinstance(value, dict) else {"bridge": value}
    _only(parts, {"bridge", "mac"})
    bridge, mac = parts.get("bridge"), parts.get("mac")
    return NetDevice(name, None if bridge is None else _text(bridge), None if mac is None else _mac(mac))


def _mac(value: Any) -> bytes:
    try:
        mac = bytes.fromhex(str(value).replace(":", ""))
    except ValueError:
        mac = b""
    if len(mac) != 6:
        raise ValueError("A MAC address has the form 02:00:00:00:00:01.")
    return mac


def _block(name: str, value: Any) -> BlockDevice:
    parts = value if isinstance(value, dict) else {"device": value}
    _only(parts, {"device", "sector_size"})
    device, sector = parts.get("device"), parts.get("sector_size")
    size = None if sector is None else _whole(1, MAX_SECTOR, "A sector size")(sector)
    return BlockDevice(name, None if device is None else _text(device), size)


def _only(parts: Mapping[str, Any], known: set[str]) -> None:
    if unknown := parts.keys() - known:
        raise ValueError(
            f"Unknown: {', '.join(sorted(map(str, unknown)))}. Known: {', '.join(sorted(known))}."
        )


def _restart(value: Any) -> FailBehaviour:
    if value == "never":
        return QUIT
    if value == "always":
        return RESTART_ANY
    if isinstance(value, list) and value:
        read = _whole(0, MAX_EXIT_CODE, "An exit code")
        return FailBehaviour(restart=True, exit_codes=frozenset(read(code) for code in value))
    raise ValueError('Restart is "never", "always" or a list of exit codes.')


def _startup(value: Any) -> int | None:
    return None if value is None else _whole(-MAX_INT, MAX_INT, "The start-up order")(value)


_READERS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "memory": ("memory", _whole(MIN_MEMORY, MAX_MEMORY, "Memory (MB)")),
    "cpuids": ("cpuids", _cpuids),
    "arguments": ("arguments", _arguments),
    "networks": ("networks", lambda value: _devices(value, _network)),
    "blocks": ("blocks", lambda value: _devices(value, _block)),
    "restart": ("fail_behaviour", _restart),
    "startup": ("startup", _startup),
    "add_name": ("add_name", _flag),
    "may_exit": ("may_exit", _flag),
    "numcpus": ("numcpus", _whole(1, MAX_CPUS, "The number of CPUs")),
}


# --- writers ---------------------------------------------------------------------------------------


def _network_json(net: NetDevice) -> Any:
    return net.bridge if net.mac is None else {"bridge": net.bridge, "mac": net.mac.hex(":")}


def _block_json(block: BlockDevice) -> Any:
    if block.sector_size is None:
        return block.host_device
    return {"device": block.host_device, "sector_size": block.sector_size}


def _restart_json(behaviour: FailBehaviour) -> Any:
    if not behaviour.restart:
        return "never"
    return sorted(behaviour.exit_codes) or "always"
