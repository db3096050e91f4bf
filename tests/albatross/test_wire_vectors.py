"""The codec agrees with the original implementation, on every vector made by it."""

from typing import Any

import pytest

from albatross.errors import DecodeError, UnknownAlternative
from albatross.wire import decode
from tests.albatross.vectors import ENCODE, INVALID, RENDER, VALID, der, read, rewritten


def by_id(vector: dict[str, Any]) -> str:
    return str(vector["id"])


REWRITTEN = [vector for vector in VALID if rewritten(vector) is not None]
ACCEPTED = [vector for vector in INVALID if vector["verdict"] == "accepted"]
REFUSED = [vector for vector in INVALID if vector["verdict"] in {"rejected", "exception"}]


def test_the_vectors_are_all_there() -> None:
    assert (len(VALID), len(REWRITTEN)) == (252, 249)
    assert (len(ACCEPTED), len(REFUSED)) == (1, len(INVALID) - 1)


@pytest.mark.parametrize("vector", VALID + ACCEPTED, ids=by_id)
def test_a_vector_is_read_as_the_original_reads_it(vector: dict[str, Any]) -> None:
    expected = vector.get("fields_decoded", vector["fields"])
    assert RENDER[vector["kind"]](read(vector)) == expected


@pytest.mark.parametrize("vector", REWRITTEN, ids=by_id)
def test_what_was_read_is_written_byte_for_byte(vector: dict[str, Any]) -> None:
    assert ENCODE[vector["kind"]](read(vector)) == rewritten(vector)


@pytest.mark.parametrize("vector", REFUSED, ids=by_id)
def test_what_the_original_refuses_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        read(vector)


UNKNOWN = [vector for vector in REFUSED if "-tag-" in vector["id"]]


@pytest.mark.parametrize("vector", UNKNOWN, ids=by_id)
def test_an_alternative_that_the_grammar_does_not_know_is_told_apart(vector: dict[str, Any]) -> None:
    with pytest.raises(UnknownAlternative):
        read(vector)


@pytest.mark.parametrize(
    "vector",
    [vector for vector in REFUSED if "version-" in vector["id"] and "0x" in vector["error"]],
    ids=by_id,
)
def test_another_version_is_named_as_the_original_names_it(vector: dict[str, Any]) -> None:
    with pytest.raises(DecodeError) as refusal:
        read(vector)
    assert str(refusal.value) == vector["error"]


# From the tests of the original and from its documentation, computed by hand.
UPSTREAM = {
    "30203013020105040800000000000000000c043a666f6fa009a007a205a103020114": "wire",
    "3017020105a412a110300e3003020100020101020202003000": "cert_extension",
    "300c020105a007a205a103020114": "cert_extension",
    "301f020105a31aae18a3163014a00205000101ff3103020100020120a303020101": "cert_extension",
    "304d020105a348b4463044a002050001010004000101ffa10231003103020100020120a10d310b30090c0773657276696365"
    "a21630140c122d2d697076343d31302e302e302e322f3234a303020101": "cert_extension",
    "30303018020105040800000000000000000c09666f6f3a68656c6c6fa2140c1264657374726f793a206e6f7420666f756e64": "wire",
    "30303013020105040800000000000000000c04666f6f3aa119a217301530130c013a300e3003020100020101020202003000": "wire",
    "302a3013020105040800000000000000000c04666f6f3aa113a411300f300d0c053a646174610201100101ff": "wire",
    "303c3018020105040800000000000000000c09666f6f3a68656c6c6fa320a31e301c18133230323630313032303330343035"
    "2e3637385a0c0568656c6c6f": "wire",
}


@pytest.mark.parametrize(("der_hex", "kind"), UPSTREAM.items())
def test_documented_messages_go_both_ways(der_hex: str, kind: str) -> None:
    vector = {"kind": kind, "der_hex": der_hex}
    assert ENCODE[kind](read(vector)).hex() == der_hex


def test_every_truncation_of_every_vector_is_refused() -> None:
    for vector in VALID:
        data = der(vector)
        for size in range(min(len(data), 64)):
            with pytest.raises(DecodeError):
                read({"kind": vector["kind"], "der_hex": data[:size].hex()})


def test_a_name_keeps_what_a_failure_says() -> None:
    with pytest.raises(DecodeError, match="invalid label"):
        decode(bytes.fromhex("301a3013020105040800000000000000000c043a615f62a2030c0178"))
