"""A few unikernels to begin with, for people who try things out."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

from albatross.messages import RESTART_ANY, Arguments, Config, NetDevice, Policy, PolicyAdd, UnikernelCreate
from albatross.names import Name
from albatross.simulator.daemon import Daemon
from albatross.simulator.host import Host
from albatross.simulator.images import examples

DOMAIN = "demo"
FOREIGN_DOMAIN = "legacy"  # somebody else's: it belongs to no team

UNIKERNELS = (  # name, example image, number of its address in the network of the instance
    (Name((DOMAIN,), "hello"), "hello", None),
    (Name((DOMAIN,), "web"), "web", 10),
    (Name((DOMAIN,), "dns"), "dns", 11),
    (Name((FOREIGN_DOMAIN,), "wiki"), "web", 12),
    (Name((DOMAIN,), "resolver"), "resolver", 13),
)


async def seed(daemon: Daemon, host: Host, network: IPv4Network) -> None:
    """Set up the domains and start their unikernels. Raises ``Refused`` when the host is too small."""
    everything = Policy(
        unikernels=16,
        cpuids=frozenset(range(host.cpus)),
        memory=1024,
        block=1024,
        bridges=frozenset(host.bridges),
    )
    await daemon.run(Name((DOMAIN,)), PolicyAdd(everything))
    await daemon.run(Name((FOREIGN_DOMAIN,)), PolicyAdd(replace(everything, unikernels=2, memory=128)))
    images = examples()
    for name, example, number in UNIKERNELS:
        address = () if number is None else (f"--ipv4={network[number]}/{network.prefixlen}",)
        bridges = tuple(NetDevice(device) for device, _ in images[example].devices)
        arguments = Arguments(fail_behaviour=RESTART_ANY, memory=32, bridges=bridges, arguments=address)
        await daemon.run(name, UnikernelCreate(Config(arguments, image=images[example].image)))
