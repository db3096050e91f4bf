"""The golden vectors: messages as the original implementation wrote and read them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from albatross import wire
from tests.albatross import rendering

DATA = Path(__file__).parent.parent / "data"
VALID: list[dict[str, Any]] = json.loads((DATA / "albatross-valid.json").read_text())
INVALID: list[dict[str, Any]] = json.loads((DATA / "albatross-invalid.json").read_text())

DECODE: dict[str, Callable[[bytes], Any]] = {"wire": wire.decode, "cert_extension": wire.decode_extension}
ENCODE: dict[str, Callable[[Any], bytes]] = {"wire": wire.encode, "cert_extension": wire.encode_extension}
RENDER: dict[str, Callable[[Any], Any]] = {"wire": rendering.message, "cert_extension": rendering.extension}


def der(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["der_hex"])


def read(vector: dict[str, Any]) -> Any:
    """The value of a vector, decoded by the function for its kind."""
    return DECODE[vector["kind"]](der(vector))


def rewritten(vector: dict[str, Any]) -> bytes | None:
    """What the original writes for what it read; None when nobody asked it."""
    if vector.get("decode_only") and "reencoded_hex" not in vector:
        return None
    return bytes.fromhex(vector.get("reencoded_hex", vector["der_hex"]))
