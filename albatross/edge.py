"""From an instance in the database to a client that talks to it: the one place that opens its key."""

from __future__ import annotations

from functools import lru_cache

from albatross.certificates import Credentials
from albatross.client import Client
from albatross.errors import CertificateInvalid
from albatross.models import Instance
from mollymawk.keyring import unseal

MAX_CLIENTS = 256  # kept at once, a few KB each; an instance that was changed gets a new one


def client_for(instance: Instance) -> Client:
    """The client for *instance* (saved or not), the same as long as address and credentials are.

    Raises ``AddressInvalid``, ``CertificateInvalid`` and ``SealBroken``, each with a sentence.
    """
    return _client(instance.address, instance.server_ca, instance.certificate, instance.sealed_key)


@lru_cache(MAX_CLIENTS)
def _client(address: str, server_ca: str, certificate: str, sealed_key: str) -> Client:
    credentials = Credentials.load(
        server_ca=server_ca.encode(), certificate=certificate.encode(), key=unseal(sealed_key).encode()
    )
    if credentials.path:
        raise CertificateInvalid(
            f"This certificate is delegated for {':'.join(credentials.path)}: only."
            " Give the root CA that the instance trusts, with its key."
        )
    return Client(address, credentials)
