"""Messages as the golden vectors describe them (JSON), made without the codec."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from albatross import messages as m
from albatross.names import Name

Json = Any

COMMANDS: dict[type, tuple[str, str]] = {
    m.ConsoleAdd: ("console", "add"),
    m.ConsoleSubscribe: ("console", "subscribe"),
    m.ConsoleListInactive: ("console", "list_inactive"),
    m.StatsAdd: ("stats", "add"),
    m.StatsRemove: ("stats", "remove"),
    m.StatsSubscribe: ("stats", "subscribe"),
    m.StatsInitial: ("stats", "initial"),
    m.UnikernelInfo: ("unikernel", "info"),
    m.UnikernelInfoOld4: ("unikernel", "old_info4"),
    m.UnikernelInfoOld5: ("unikernel", "old_info5"),
    m.UnikernelGet: ("unikernel", "get"),
    m.UnikernelCreate: ("unikernel", "create"),
    m.UnikernelForceCreate: ("unikernel", "force_create"),
    m.UnikernelRestart: ("unikernel", "restart"),
    m.UnikernelDestroy: ("unikernel", "destroy"),
    m.PolicyInfo: ("policy", "info"),
    m.PolicyAdd: ("policy", "add"),
    m.PolicyRemove: ("policy", "remove"),
    m.BlockInfo: ("block", "info"),
    m.BlockAdd: ("block", "add"),
    m.BlockRemove: ("block", "remove"),
    m.BlockAddOld: ("block", "old_add"),
    m.BlockSetOld: ("block", "old_set"),
    m.BlockDumpOld: ("block", "old_dump"),
    m.BlockDump: ("block", "dump"),
    m.BlockSet: ("block", "set"),
}
KEYS = {"level": "compress_level"}


def message(value: m.Message) -> Json:
    header = value.header
    return {
        "header": {"version": header.version, "sequence": header.sequence, "name": name(header.name)},
        "payload": payload(value.payload),
    }


def extension(value: m.Command) -> Json:
    return {"version": m.PROTOCOL_VERSION, "command": command(value)}


def payload(value: m.Payload) -> Json:
    match value:
        case m.FailureText(text):
            return {"type": "failure", "failure": text if printable(text) else {"hex": raw(text).hex()}}
        case m.Statistics() | m.ConsoleLine() | m.BlockChunk():
            return {"type": "data", "data": data(value)}
    if type(value) in COMMANDS:
        return {"type": "command", "command": command(value)}  # type: ignore[arg-type]  # it is one
    return {"type": "success", "success": success(value)}  # type: ignore[arg-type]  # the rest


def command(value: m.Command) -> Json:
    group, cmd = COMMANDS[type(value)]
    return {"group": group, "cmd": cmd, **command_fields(value)}


def command_fields(value: m.Command) -> dict[str, Json]:
    match value:
        case m.ConsoleSubscribe(count, since):
            return {"count": count} if since is None else {"since": time(since)}
        case m.StatsAdd(vmmdev, pid, network):
            taps = [{"bridge": bridge, "tap": tap} for bridge, tap in network]
            return {"vmmdev": vmmdev, "pid": pid, "taps": taps}
        case m.UnikernelCreate(config) | m.UnikernelForceCreate(config):
            return {"config": render_config(config)}
        case m.UnikernelRestart(args):
            return {"arguments": None if args is None else arguments(args)}
        case m.PolicyAdd(added):
            return {"policy": policy(added)}
    return {
        KEYS.get(field.name, field.name + ("_hex" if field.name == "data" else "")): plain(
            getattr(value, field.name)
        )
        for field in dataclasses.fields(value)
    }


def render_config(value: m.Config) -> Json:
    head = {"typ": value.typ.value, "compressed": value.compressed, "image_hex": value.image.hex()}
    return head | arguments(value.arguments)


def arguments(value: m.Arguments) -> Json:
    return {
        "fail_behaviour": fail_behaviour(value.fail_behaviour),
        "startup": value.startup,
        "add_name": value.add_name,
        "cpuids": sorted(value.cpuids),
        "memory": value.memory,
        "block_devices": [
            {"name": b.name, "host_device": b.host_device, "sector_size": b.sector_size} for b in value.blocks
        ],
        "bridges": [{"name": n.name, "host_device": n.bridge, "mac": mac(n.mac)} for n in value.bridges],
        "argv": listed(value.arguments),
        "numcpus": value.numcpus,
        "linux_boot_partition": value.linux_boot_partition,
    }


def info(value: m.Info) -> Json:
    return {
        "typ": value.typ.value,
        "fail_behaviour": fail_behaviour(value.fail_behaviour),
        "startup": value.startup,
        "cpuids": sorted(value.cpuids),
        "memory": value.memory,
        "block_devices": [dataclasses.asdict(block) for block in value.blocks],
        "bridges": [dataclasses.asdict(net) | {"mac": mac(net.mac)} for net in value.bridges],
        "argv": listed(value.arguments),
        "digest_hex": value.digest.hex(),
        "started": time(value.started),
        "numcpus": value.numcpus,
        "linux_boot_partition": value.linux_boot_partition,
    }


def success(value: m.Success) -> Json:
    kind, fields = SUCCESSES[type(value)]
    return {"kind": kind} | fields(value)


def data(value: m.Data) -> Json:
    match value:
        case m.BlockChunk(chunk):
            return {"kind": "block", "data_hex": None if chunk is None else chunk.hex()}
        case m.ConsoleLine(timestamp, text):
            line = text if printable(text) else None
            return {
                "kind": "console",
                "timestamp": time(timestamp),
                "line_hex": raw(text).hex(),
                "line": line,
            }
        case m.Statistics(rusage, interfaces, vmm, memory):
            stats = {
                "rusage": dataclasses.asdict(rusage),
                "kinfo_mem": None if memory is None else dataclasses.asdict(memory),
                "vmm": None if vmm is None else [{"key": key, "value": number} for key, number in vmm],
                "ifdata": [dataclasses.asdict(interface) for interface in interfaces],
            }
            return {"kind": "stats", "stats": stats}


def image(value: m.UnikernelImage | m.OldBlockImage) -> dict[str, Json]:
    return {"compressed": value.compressed, "image_hex": value.image.hex()}


def infos(value: m.UnikernelInfos) -> dict[str, Json]:
    return {"unikernels": [{"name": name(n), "info": info(i)} for n, i in value.unikernels]}


def policies(value: m.Policies) -> dict[str, Json]:
    return {"policies": [{"name": name(n), "policy": policy(p)} for n, p in value.policies]}


def blocks(value: m.BlockDevices) -> dict[str, Json]:
    return {"blocks": [{"name": name(b.name), "size": b.size, "active": b.active} for b in value.blocks]}


SUCCESSES: dict[type, tuple[str, Callable[[Any], dict[str, Json]]]] = {
    m.Empty: ("empty", lambda _: {}),
    m.Text: ("string", lambda value: {"string": value.text}),
    m.Policies: ("policies", policies),
    m.BlockDevices: ("block_devices", blocks),
    m.UnikernelImage: ("unikernel_image", image),
    m.OldBlockImage: ("old_block_device_image", image),
    m.BlockImage: ("block_device_image", lambda value: {"compressed": value.compressed}),
    m.Consoles: ("consoles", lambda value: {"names": [name(n) for n in value.names]}),
    m.UnikernelInfos: ("unikernel_info", infos),
    m.UnikernelInfosOld4: ("old_unikernel_info4", infos),
    m.UnikernelInfosOld5: ("old_unikernel_info5", infos),
}


def policy(value: m.Policy) -> Json:
    sets = {"cpuids": sorted(value.cpuids), "bridges": sorted(value.bridges)}
    return {"unikernels": value.unikernels, "memory": value.memory, "block": value.block} | sets


def fail_behaviour(value: m.FailBehaviour) -> Json:
    return {"restart": sorted(value.exit_codes) or None} if value.restart else "quit"


def name(value: Name) -> Json:
    return {"string": str(value), "path": list(value.path), "label": value.label}


def time(value: m.Timestamp) -> Json:
    days, milliseconds = divmod(value.milliseconds, 86_400_000)
    cycle = 146_097 * 86_400_000  # the year 0, which Python lacks, looks like the year 400
    past_zero = value.milliseconds + (cycle if value.milliseconds < -62_135_596_800_000 else 0)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=past_zero)
    year = "0000" if past_zero != value.milliseconds else f"{moment.year:04}"
    rfc3339 = f"{year}-{moment:%m-%dT%H:%M:%S}.{milliseconds % 1000:03}000000000Z"
    return {"rfc3339": rfc3339, "days": days, "ps": milliseconds * 10**9}


def plain(value: Json) -> Json:
    return value.hex() if isinstance(value, bytes) else value


def listed(value: tuple[str, ...] | None) -> list[str] | None:
    return None if value is None else list(value)


def mac(value: bytes | None) -> str | None:
    return None if value is None else value.hex(":")


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def printable(text: str) -> bool:
    return all(" " <= character <= "~" for character in text)
