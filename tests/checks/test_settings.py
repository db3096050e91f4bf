"""What a check asks: read from what people and programs send, and told in one line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mollymawk.errors import Invalid
from unikernels.checks.settings import Dns, Http, Tcp, parse, told

URL = "http://10.0.0.2:8080/"
QUESTION = {"server": "10.0.0.2:53", "name": "example.org"}


@pytest.mark.parametrize(
    ("kind", "data", "read"),
    [
        ("http", {"url": URL}, Http(URL)),
        ("http", {"url": f" {URL}a?b=c#d "}, Http(f"{URL}a?b=c")),
        ("http", {"url": "https://[fd00::2]/"}, Http("https://[fd00::2]/")),
        ("http", {"url": URL, "connect": None}, Http(URL)),
        ("http", {"url": URL, "connect": ""}, Http(URL)),
        ("http", {"url": URL, "connect": "[FD00::2]"}, Http(URL, "fd00::2")),
        ("http", {"url": URL, "status": [200, 204]}, Http(URL, status=(200, 204))),
        (
            "http",
            {"url": URL, "text": " grüß dich ", "verify": False},
            Http(URL, text="grüß dich", verify=False),
        ),
        ("dns", QUESTION, Dns("10.0.0.2:53", "example.org")),
        ("dns", QUESTION | {"server": "fd00::2"}, None),
        ("dns", QUESTION | {"server": "[fd00::2]"}, Dns("[fd00::2]:53", "example.org")),
        ("dns", QUESTION | {"server": "Ns.Example.Org"}, Dns("ns.example.org:53", "example.org")),
        (
            "dns",
            QUESTION | {"name": "Example.ORG.", "type": "aaaa"},
            Dns("10.0.0.2:53", "example.org", "AAAA"),
        ),
        ("dns", QUESTION | {"answer": "192.0.2.1"}, Dns("10.0.0.2:53", "example.org", "A", "192.0.2.1")),
        ("tcp", {"address": "10.0.0.2:22"}, Tcp("10.0.0.2:22")),
        ("tcp", {"address": "[FD00:0::2]:22"}, Tcp("[fd00::2]:22")),
    ],
)
def test_what_is_right_is_read_and_reads_the_same_when_stored(
    kind: str, data: dict[str, Any], read: Http | Dns | Tcp | None
) -> None:
    if read is None:
        with pytest.raises(Invalid):
            parse(kind, data)
    else:
        assert parse(kind, data) == read
        assert parse(kind, read.to_json()) == read


@pytest.mark.parametrize(
    ("kind", "data", "fields"),
    [
        ("icmp", {}, ["kind"]),
        ("http", [], ["settings"]),
        ("http", None, ["settings"]),
        ("http", {}, ["url"]),
        ("http", {"url": 5}, ["url"]),
        ("http", {"url": "10.0.0.2"}, ["url"]),
        ("http", {"url": "ftp://10.0.0.2/"}, ["url"]),
        ("http", {"url": "file:///etc/passwd"}, ["url"]),
        ("http", {"url": "http:///path"}, ["url"]),
        ("http", {"url": "http://a b/"}, ["url"]),
        ("http", {"url": "http://a/ä"}, ["url"]),
        ("http", {"url": "http://a/\r\nX-Evil: 1"}, ["url"]),
        ("http", {"url": "http://a:0/"}, ["url"]),
        ("http", {"url": "http://a:65536/"}, ["url"]),
        ("http", {"url": "http://name:word@a/"}, ["url"]),
        ("http", {"url": "http://[fe80::1%25eth0]/"}, ["url"]),
        ("http", {"url": "http://a/" + "x" * 2000}, ["url"]),
        ("http", {"url": URL, "connect": "ns.example.org"}, ["connect"]),
        ("http", {"url": URL, "connect": "10.0.0.2:80"}, ["connect"]),
        ("http", {"url": URL, "connect": "fe80::1%eth0"}, ["connect"]),
        ("http", {"url": URL, "connect": 167772162}, ["connect"]),
        ("http", {"url": URL, "status": 200}, ["status"]),
        ("http", {"url": URL, "status": [399, 200]}, ["status"]),
        ("http", {"url": URL, "status": [True, 200]}, ["status"]),
        ("http", {"url": URL, "status": [99, 200]}, ["status"]),
        ("http", {"url": URL, "status": [200, 600]}, ["status"]),
        ("http", {"url": URL, "text": "a\x00b"}, ["text"]),
        ("http", {"url": URL, "text": "x" * 201}, ["text"]),
        ("http", {"url": URL, "verify": "no"}, ["verify"]),
        ("http", {"url": URL, "method": "POST", "body": "x"}, ["body", "method"]),
        ("http", {"url": "", "text": 1, "status": 1}, ["status", "text", "url"]),
        ("dns", {}, ["name", "server"]),
        ("dns", QUESTION | {"server": "10.0.0.2:x"}, ["server"]),
        ("dns", QUESTION | {"server": "[fe80::1%eth0]:53"}, ["server"]),
        ("dns", QUESTION | {"name": "a..b"}, ["name"]),
        ("dns", QUESTION | {"name": "x" * 64}, ["name"]),
        ("dns", QUESTION | {"type": "ANY"}, ["type"]),
        ("dns", QUESTION | {"type": "AXFR"}, ["type"]),
        ("dns", QUESTION | {"answer": "not an address"}, ["answer"]),
        ("dns", QUESTION | {"type": "MX", "answer": "mail.example.org"}, ["answer"]),
        ("tcp", {"address": "10.0.0.2"}, ["address"]),
        ("tcp", {"address": "[fd00::2]"}, ["address"]),
        ("tcp", {"address": "10.0.0.2:0"}, ["address"]),
        ("tcp", {"address": ["10.0.0.2", 22]}, ["address"]),
    ],
)
def test_what_is_wrong_is_told_field_by_field(kind: str, data: object, fields: list[str]) -> None:
    with pytest.raises(Invalid) as invalid:
        parse(kind, data)
    assert sorted(invalid.value.fields) == fields
    assert all(sentence for sentences in invalid.value.fields.values() for sentence in sentences)


@given(
    st.sampled_from(["http", "dns", "tcp"]),
    st.dictionaries(
        st.sampled_from(["url", "connect", "status", "server", "name", "type", "answer", "address"]),
        st.none() | st.text() | st.integers() | st.lists(st.integers()) | st.floats(),
    ),
)
def test_whatever_comes_is_read_or_refused(kind: str, data: dict[str, Any]) -> None:
    try:
        read = parse(kind, data)
    except Invalid:
        return
    assert parse(kind, read.to_json()) == read
    assert told(read).isprintable()


@pytest.mark.parametrize(
    ("kind", "answer", "wanted"),
    [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
        ("MX", "10 Mail.Example.Org", "10 mail.example.org."),
        ("CNAME", "WWW.example.org.", "www.example.org."),
        ("TXT", "v=spf1 -all", "v=spf1 -all"),
        ("TXT", '"v=spf1 -all"', "v=spf1 -all"),
        ("A", "", ""),
    ],
)
def test_an_answer_has_one_form_however_it_is_written(kind: str, answer: str, wanted: str) -> None:
    assert Dns("10.0.0.2:53", "example.org", kind, answer).wanted == wanted


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (Http(URL), "http://10.0.0.2:8080/ answers 200 to 399"),
        (
            Http("https://a.org/", "10.0.0.2", (200, 200), "hi"),
            "https://a.org/ at 10.0.0.2 answers 200 with “hi”",
        ),
        (Dns("10.0.0.2:53", "example.org"), "10.0.0.2:53 knows example.org A"),
        (Dns("10.0.0.2:53", "a.org", "MX", "1 b."), "10.0.0.2:53 knows a.org MX 1 b."),
        (Tcp("10.0.0.2:22"), "10.0.0.2:22 takes connections"),
    ],
)
def test_a_check_in_one_line(settings: Http | Dns | Tcp, line: str) -> None:
    assert told(settings) == line


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        (Http("http://a.org/"), ("a.org", 80)),
        (Http("https://a.org/"), ("a.org", 443)),
        (Http("https://a.org:8443/", "fd00::2"), ("fd00::2", 8443)),
        (Http("http://[fd00::3]:81/"), ("fd00::3", 81)),
        (Dns("10.0.0.2:5353", "a.org"), ("10.0.0.2", 5353)),
        (Tcp("[fd00::2]:22"), ("fd00::2", 22)),
    ],
)
def test_where_a_check_connects_to(settings: Http | Dns | Tcp, place: tuple[str, int]) -> None:
    assert settings.place == place
