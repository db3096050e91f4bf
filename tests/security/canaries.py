"""Texts that must never come out, and looking for them in everything that is left behind."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import logging
import zlib
from collections.abc import Iterator
from typing import Any

import redis
from django.db import connection

_numbers = itertools.count(1)


class Canaries:
    """Secrets that were planted, by what they are."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def plant(self, what: str, text: str = "") -> str:
        """A secret: *text*, or one made up. Base64 of it would be looked for, too."""
        secret = text or f"canary{next(_numbers):04}Zq7Xw"
        self.planted[secret] = what
        return secret

    def found_in(self, place: str, data: str | bytes) -> list[str]:
        """What of it stands in *data*, plain or in base64."""
        raw = data.encode(errors="replace") if isinstance(data, str) else data
        return [
            f"{what} in {place}"
            for secret, what in self.planted.items()
            if any(form in raw for form in _forms(secret))
        ]


def _forms(secret: str) -> Iterator[bytes]:
    """*secret* as it may stand somewhere: plain, in base64 at any of three places, in hexadecimal."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 :].rstrip(b"=")[:-2]


def database() -> Iterator[tuple[str, str]]:
    """Every row of every table, as text; what is packed is unpacked."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                yield table, json.dumps(dict(zip(names, map(_text, row), strict=True)))


def _text(value: Any) -> str:
    if isinstance(value, memoryview | bytes):
        raw = bytes(value)
        with contextlib.suppress(zlib.error):
            raw = zlib.decompress(raw)
        return raw.decode("latin-1")
    return str(value)


def broker(url: str) -> Iterator[tuple[str, str]]:
    """Everything that Redis holds."""
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter("*"):
            kind = client.type(key)
            readers = {b"string": client.get, b"stream": client.xrange, b"hash": client.hgetall}
            reader = readers.get(kind) or (lambda k: client.lrange(k, 0, -1) if client else None)
            yield f"Redis {key!r}", repr(reader(key))


class Log(logging.Handler):
    """Everything that anybody logs, down to DEBUG, with its tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)r"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
