"""The commands of an Albatross instance as Python methods.

>>> client = Client("192.0.2.1:1025", Credentials.load(server_ca=..., certificate=..., key=...))
>>> client.unikernels()
[(Name(path=('alice',), label='hello'), Info(...))]
"""

from __future__ import annotations

from albatross.client.api import Client
from albatross.client.calls import PolicyGiven
from albatross.client.streams import Stream
from albatross.client.transfer import Fetched

__all__ = ["Client", "Fetched", "PolicyGiven", "Stream"]
