"""A simulated Albatross instance: a real TLS server over the same wire, with a host that is not there.

Everything about deploying unikernels can be tried against it, and made to fail on demand. What it
does is what the original was seen to do; what it shares with our client is only names, messages,
wire and framing.
"""

from __future__ import annotations

from albatross.simulator.faults import Fault, Kind
from albatross.simulator.host import Host
from albatross.simulator.images import build_image, examples
from albatross.simulator.instance import Instance, Options, SimulatedInstance
from albatross.simulator.journal import Journal, Record
from albatross.simulator.restarts import Exited, Signalled
from albatross.simulator.state import Refused

__all__ = [
    "Exited",
    "Fault",
    "Host",
    "Instance",
    "Journal",
    "Kind",
    "Options",
    "Record",
    "Refused",
    "Signalled",
    "SimulatedInstance",
    "build_image",
    "examples",
]
