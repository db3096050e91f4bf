"""Answers with the server's manners, and their faults.

Every answer is followed by a close, which only HTML and files announce. JSON has a length, HTML has chunks,
files have both. HEAD is answered with a body.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from unikernels.builds.simulator.catalogue import Artifact
from unikernels.builds.simulator.faults import Fault, Kind

CHUNK = 8188  # bytes, as the server has it
NOT_ELF = b"#!/bin/sh\necho this is no unikernel\n"
_ELSEWHERE = "http://127.0.0.2:9/job/elsewhere"


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, headers in order, and a body; ``chunked``: sent in chunks."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunked: bool = False

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def with_header(self, name: str, value: str | None) -> Reply:
        """The same with another value; None: without it."""
        others = tuple((key, old) for key, old in self.headers if key.lower() != name)
        return replace(self, headers=others if value is None else (*others, (name, value)))


def as_json(value: object) -> Reply:
    """JSON on one line."""
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return Reply(200, (("content-length", str(len(body))), ("content-type", "application/json")), body)


def page(title: str, status: int = 200) -> Reply:
    """HTML; nobody reads these pages."""
    html = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    headers = (
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("content-type", "text/html; charset=utf-8"),
    )
    return Reply(status, headers, html.encode() + b" " * 16_000 * (status == 404), chunked=True)


def not_found() -> Reply:
    """Whatever is not there, also for those who asked for JSON."""
    return page("Page not found", 404)


def redirect(location: str, status: int = 302) -> Reply:
    """To a path of this server, which is never written with scheme and host."""
    return Reply(status, (("location", location), ("content-length", "0")))


def text(told: str, status: int) -> Reply:
    """A line of plain text."""
    body = f"{told}\n".encode()
    return Reply(status, (("content-type", "text/plain"), ("content-length", str(len(body)))), body)


def file(artifact: Artifact, if_none_match: str | None) -> Reply:
    """A file of a build: chunks and a length, and the base64 of its SHA-256 as ETag."""
    if if_none_match == artifact.etag:
        return Reply(304, (("content-length", "0"),))
    headers = (
        ("transfer-encoding", "chunked"),
        ("etag", artifact.etag),
        ("content-length", str(len(artifact.data))),
        ("content-type", "application/octet-stream"),
        ("connection", "close"),
    )
    return Reply(200, headers, artifact.data, chunked=True)


def spoiled(reply: Reply, faults: Mapping[Kind, Fault], path: str) -> Reply:
    """*reply* after the faults that change what it says; the others are in how it is sent."""
    for kind, fault in faults.items():
        reply = _spoil(reply, kind, fault, path)
    return reply


def _spoil(reply: Reply, kind: Kind, fault: Fault, path: str) -> Reply:
    whole: dict[Kind, Any] = {
        Kind.NOT_FOUND: not_found,
        Kind.ERROR: lambda: text("Internal server error", 500),
        Kind.EXCEPTION: lambda: page("500 Internal server error", 500),
        Kind.ELSEWHERE: lambda: redirect(fault.text or _ELSEWHERE),
        Kind.LOOP: lambda: redirect(path),
        Kind.HTML: lambda: page("Reproducible OPAM builds"),
        Kind.GARBAGE: lambda: _said_to_be_json(fault.text or '{"jobs":[{'),
    }
    if kind in whole:
        spoilt: Reply = whole[kind]()
        return spoilt
    return _spoil_file(reply, kind) if reply.header("etag") else reply


def _spoil_file(reply: Reply, kind: Kind) -> Reply:
    length = len(reply.body)
    headers: dict[Kind, tuple[str, str | None]] = {
        Kind.WRONG_HASH: ("etag", _etag(reply.body + b"other")),
        Kind.NO_ETAG: ("etag", None),
        Kind.QUOTED_ETAG: ("etag", f'W/"{reply.header("etag")}"'),
        Kind.WRONG_LENGTH: ("content-length", str(length + 7)),
        Kind.SHORT_LENGTH: ("content-length", str(length - 7)),
    }
    if kind in headers:
        return reply.with_header(*headers[kind])
    if kind is Kind.CORRUPT:
        return replace(reply, body=_flipped(reply.body, length // 2))
    if kind is Kind.LENGTH_ONLY:
        return replace(reply.with_header("transfer-encoding", None), chunked=False)
    if kind is Kind.NOT_ELF:
        other = replace(reply, body=NOT_ELF).with_header("etag", _etag(NOT_ELF))
        return other.with_header("content-length", str(len(NOT_ELF)))
    return reply


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _said_to_be_json(told: str) -> Reply:
    body = told.encode()
    return Reply(200, (("content-length", str(len(body))), ("content-type", "application/json")), body)


def _etag(data: bytes) -> str:
    return b64encode(hashlib.sha256(data).digest()).decode()


def pieces(reply: Reply, limit: int | None, size: int = CHUNK) -> Iterator[bytes]:
    """The first *limit* bytes of the body as they go over the wire, without the end of chunks."""
    body = reply.body[:limit]
    for start in range(0, len(body), size):
        data = body[start : start + size]
        yield b"%x\r\n%b\r\n" % (len(data), data) if reply.chunked else data
