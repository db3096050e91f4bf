"""Is what an instance reports what was asked for? Both sides are brought to one form first (pure)."""

from __future__ import annotations

import hashlib
from dataclasses import fields

from albatross.messages import Info
from albatross.names import Name
from unikernels.configuration import Configuration, from_info

_MAC_PREFIX = bytes.fromhex("008041")
_DEFAULT_SECTOR = 512

# Not reported by the instance, so they cannot be compared.
_UNREPORTED = {"add_name", "may_exit"}


def default_mac(device: str, name: Name) -> bytes:
    """The address that Albatross gives a network device without one (albatross-protocol 4.2)."""
    return _MAC_PREFIX + hashlib.md5(f"{device}{name}".encode(), usedforsecurity=False).digest()[:3]


def _normal(configuration: Configuration, name: Name) -> dict[str, object]:
    form = {
        f.name: getattr(configuration, f.name) for f in fields(configuration) if f.name not in _UNREPORTED
    }
    form["networks"] = frozenset(
        (net.name, net.bridge or net.name, net.mac or default_mac(net.name, name))
        for net in configuration.networks
    )
    form["blocks"] = frozenset(
        (block.name, block.host_device or block.name, block.sector_size or _DEFAULT_SECTOR)
        for block in configuration.blocks
    )
    return form


def differences(configuration: Configuration, digest: str, info: Info, name: Name) -> list[str]:
    """The fields in which *info* differs from a version (*digest* in hex); empty: it is the version.

    Argument values never stand in the answer, only that they differ.
    """
    wanted, reported = _normal(configuration, name), _normal(from_info(info), name)
    found = [field for field in wanted if wanted[field] != reported[field]]
    return (["digest"] if digest != info.digest.hex() else []) + found
