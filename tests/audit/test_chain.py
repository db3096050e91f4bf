"""The bytes that stand for an event, and the hashes over them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from accounts.audit.chain import FACTS, GENESIS, canonical, digest, link_hash, pack, unpack

AT = datetime(2026, 11, 30, 8, 0, 0, 250, UTC)
EVENT: dict[str, Any] = dict.fromkeys(FACTS, "") | {
    "id": 7,
    "at": AT,
    "address": "2001:db8::1",
    "operation": None,
    "data": {"b": 1, "a": [1, {"c": None}]},
}


def test_an_event_has_the_same_bytes_for_ever() -> None:
    assert canonical(EVENT) == (
        b'{"address":"2001:db8::1","at":"2026-11-30T08:00:00.000250+00:00","credential":"",'
        b'"data":{"a":[1,{"c":null}],"b":1},"id":7,"kind":"","now":"","operation":null,"parties":"",'
        b'"reason":"","subject":"","team_name":"","was":"","who":""}'
    )


@pytest.mark.parametrize(
    "other",
    [
        {"at": AT.astimezone(timezone(timedelta(hours=5)))},
        {"address": "2001:0db8:0:0:0:0:0:1"},
        {"data": {"a": [1.0, {"c": None}], "b": 1e0}},
    ],
)
def test_what_databases_tell_otherwise_is_the_same(other: dict[str, Any]) -> None:
    assert digest(EVENT | other) == digest(EVENT)


@pytest.mark.parametrize("name", FACTS)
def test_each_fact_counts(name: str) -> None:
    other = {"id": 8, "at": AT + timedelta(microseconds=1), "address": None, "operation": 0, "data": {}}
    assert digest(EVENT | {name: other.get(name, "x")}) != digest(EVENT)


def test_leaves_are_read_as_they_were_packed() -> None:
    leaves = [(1, b"a" * 32), (2**40, b"b" * 32)]
    assert unpack(pack(leaves)) == dict(leaves)
    with pytest.raises(ValueError, match="no leaves"):
        unpack(pack(leaves)[1:])


def test_a_link_names_everything_in_it() -> None:
    link: dict[str, Any] = {
        "previous": GENESIS,
        "number": 1,
        "last": 7,
        "newest_at": AT,
        "leaves": pack([(7, digest(EVENT))]),
    }
    head = f"{GENESIS} 1 7 2026-11-30T08:00:00.000250+00:00 1\n".encode()
    assert link_hash(**link) == hashlib.sha256(head + link["leaves"]).hexdigest()
    others: dict[str, Any] = {
        "previous": "1" * 64,
        "number": 2,
        "last": 8,
        "newest_at": AT + timedelta(1),
        "leaves": b"",
    }
    hashes = {link_hash(**link | {name: value}) for name, value in others.items()}
    assert len(hashes | {link_hash(**link)}) == 6
