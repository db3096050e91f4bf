"""The command line of the simulator, for ``python -m albatross.simulator`` and for ``manage.py``."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from types import MappingProxyType
from typing import Any

from albatross.simulator.control import Control, ask
from albatross.simulator.demo import seed
from albatross.simulator.faults import DEFAULT_TEXT, Faults, Kind
from albatross.simulator.host import Host
from albatross.simulator.images import examples
from albatross.simulator.instance import STOP_TIME, Instance, Options
from albatross.simulator.journal import Journal
from albatross.simulator.network import DEFAULT_NETWORK

Say = Callable[[str], object]

DESCRIPTION = """A simulated Albatross instance on 127.0.0.1, with all state in a folder.
With --control, ask one that runs: status; fault KIND; faults (those that are due); clear."""
ADDRESS = "address"  # the file in its folder that tells where an instance listens


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Everything that can be said on the command line."""
    parser.add_argument("--state-dir", type=Path, help="folder for certificates, images and all other state")
    parser.add_argument("--port", type=int, default=0, help="default: that of the last time, else a free one")
    parser.add_argument("--network", type=IPv4Network, default=DEFAULT_NETWORK, help="part of 127.77.0.0/16")
    parser.add_argument("--cpus", type=int, default=4)
    parser.add_argument("--memory", type=int, default=16_384, help="MB")
    parser.add_argument("--disk", type=int, default=102_400, help="MB for block devices")
    parser.add_argument("--bridges", default="service,management", help="names, separated by commas")
    parser.add_argument("--tender", action="append", metavar="NAME=ABI", help="default: hvt=2 and spt=2")
    parser.add_argument("--stats-interval", type=float, default=10, help="seconds between two samples")
    parser.add_argument("--kill-delay", type=float, default=0, help="seconds every unikernel takes to end")
    parser.add_argument("--seed-demo", action="store_true", help="on the first start, run a few unikernels")
    parser.add_argument("--write-examples", type=Path, metavar="DIR", help="write example images and leave")
    parser.add_argument("--control", type=Path, metavar="DIR", help="the state folder of a running one")
    parser.add_argument("verb", nargs="?", choices=["status", "fault", "faults", "clear"], default="status")
    parser.add_argument("kind", nargs="?", choices=[kind.value for kind in Kind])
    parser.add_argument("--command", default="*", help="pattern, as unikernel_*create")
    parser.add_argument("--name", default="*", help="pattern, as alice:*")
    parser.add_argument("--times", type=int, help="how often it strikes (default: until it is cleared)")
    parser.add_argument("--seconds", type=float, default=0, help="for delay and slow_exit")
    parser.add_argument("--text", default=DEFAULT_TEXT, help="for fail, fail_after and create_fails")
    parser.add_argument("--after", type=int, default=0, help="bytes, for break_stream")


def run(options: argparse.Namespace, say: Say) -> int:
    """Do what was asked for, telling it with *say*; the exit code."""
    if options.control is not None:
        return _ask(options, say)
    if options.write_examples is not None:
        return _write_examples(options.write_examples, say)
    if options.state_dir is None:
        say("--state-dir is missing: the folder to keep everything in")
        return 2
    asyncio.run(_serve(options, say))
    return 0


def _ask(options: argparse.Namespace, say: Say) -> int:
    request: dict[str, Any] = {"verb": options.verb}
    if options.verb == "fault":
        if options.kind is None:
            say(f"which fault? One of: {', '.join(Kind)}")
            return 2
        words = ("kind", "command", "name", "times", "seconds", "text", "after")
        request |= {word: getattr(options, word) for word in words}
    try:
        answer = ask(options.control, request)
    except OSError as error:
        say(f"no simulated instance runs in {options.control}: {error}")
        return 1
    say(json.dumps(answer, indent=2))
    return 1 if "error" in answer else 0


def _write_examples(folder: Path, say: Say) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for example in examples().values():
        path = folder / f"{example.name}.hvt"
        path.write_bytes(example.image)
        say(f"{path}: {example.description}")
    return 0


def _host(options: argparse.Namespace) -> Host:
    bridges = tuple(filter(None, options.bridges.split(",")))
    if not options.tender:
        return Host(options.cpus, options.memory, options.disk, bridges)
    tenders = {name: int(version) for name, _, version in (one.partition("=") for one in options.tender)}
    return Host(options.cpus, options.memory, options.disk, bridges, MappingProxyType(tenders))


async def _serve(options: argparse.Namespace, say: Say) -> None:
    folder: Path = options.state_dir
    first = not (folder / "state.json").exists()
    chosen = Options(
        options.port or _last_port(folder),
        options.network,
        _host(options),
        options.stats_interval,
        options.kill_delay,
    )
    instance = Instance(folder, chosen, Faults(), Journal())
    control = Control(instance)
    ended = _on_signal()
    await instance.start()
    try:
        if first and options.seed_demo:
            await seed(instance.backends.daemon, chosen.host, chosen.network)
        await control.open(folder)
        (folder / ADDRESS).write_text(instance.address + "\n")
        say(f"Albatross (simulated) on {instance.address}. To add it, paste {folder}/ca.pem and ca-key.pem.")
        await ended.wait()
    finally:
        control.close()
        await instance.stop()


def _last_port(folder: Path) -> int:
    address = folder / ADDRESS
    return int(address.read_text().rpartition(":")[2]) if address.exists() else 0


def _on_signal() -> asyncio.Event:
    """Set by SIGTERM and SIGINT; all state is on disk, so what takes too long to end is left behind."""
    ended = asyncio.Event()

    def end() -> None:
        ended.set()
        patience = threading.Timer(STOP_TIME * 0.8, os._exit, [0])
        patience.daemon = True
        patience.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    return ended


def main() -> int:
    """``python -m albatross.simulator``."""
    parser = argparse.ArgumentParser(prog="python -m albatross.simulator", description=DESCRIPTION)
    add_arguments(parser)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    return run(parser.parse_args(), lambda text: print(text, flush=True))
