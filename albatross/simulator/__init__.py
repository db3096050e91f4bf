"""A simulated Albatross instance: a real TLS server over the same wire, with a host that is not there.

Everything about deploying unikernels can be tried against it, and made to fail on demand. What it
does is what the original was seen to do; what it shares with our client is only names, messages,
wire and framing (and the making of a CA).

::

    endpoint      listens with TLS 1.3, reads the chain (``chain``) and starts a ``conversation``
    conversation  one command: takes the image, sets policies, runs it, answers or streams
    daemon        what runs: create, force_create, restart, destroy, get, info (``state``: the checks)
    blocks, console, stats    block devices, rings of lines, samples
    guest         a simulated unikernel, which does what its image says (``behaviour``, ``servers``)
    store         everything on disk
    faults        what goes wrong on demand; ``control`` for people, ``journal`` for tests

What is known to differ from the original:

- OpenSSL tells a client about a bad certificate with other alerts (``unknown_ca`` and so on, where
  the original only says ``bad_certificate``); of a leaf that is not valid *yet* it says
  ``bad_certificate``, the original ``certificate_expired``. What OpenSSL accepts and the original
  does not (``chain``) ends in silence. An intermediate must be good for clients.
- A client's certificates may have 100 KB together: images have to come as a stream, of at most 1 GiB.
- Commands that end the original's daemon are answered as if it had ended, but it goes on.
- A client that closes its connection is noticed at once, not only when something is sent to it.
- Connections have 10 s for the handshake, and 2000 may be open.
- BHyve machines are listed and do nothing.
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
