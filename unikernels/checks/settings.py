"""What a check asks, and what it takes for an answer (pure).

====  =====================================================================================================
http  ``{"url", "connect": address or null, "status": [low, high], "text": part of the body, "verify": bool}``
dns   ``{"server": "host:port", "name", "type": "A", "answer": text or empty}``
tcp   ``{"address": "host:port"}``
====  =====================================================================================================
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from albatross.address import Address
from albatross.errors import AddressInvalid
from mollymawk.errors import Invalid

MAX_URL = 2000  # characters; longer ones are refused by servers, too
MAX_TEXT = 200  # characters of a text to be found in a body
MAX_ANSWER = 500  # characters; a DKIM key in a TXT record has 400
DNS_PORT = 53
TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TLSA", "TXT")
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Http:
    """GET *url*, from the IP address *connect* if there is one, else from where its name leads.

    Good is a status from ``status[0]`` to ``status[1]`` and *text* somewhere in the first part of the body.
    """

    url: str
    connect: str | None = None
    status: tuple[int, int] = (200, 399)
    text: str = ""
    verify: bool = True

    @property
    def parts(self) -> SplitResult:
        return urlsplit(self.url)

    @property
    def place(self) -> tuple[str, int]:
        """Host (name or IP address) and port that are connected to."""
        parts = self.parts
        return self.connect or parts.hostname or "", parts.port or PORTS[parts.scheme]

    def to_json(self) -> dict[str, Any]:
        """The form in which it is stored; ``parse`` reads it."""
        return dataclasses.asdict(self) | {"status": list(self.status)}


@dataclass(frozen=True, slots=True)
class Dns:
    """Ask *server* for the records *type* of *name*. Good is at least one, and *answer* among them."""

    server: str
    name: str
    type: str = "A"
    answer: str = ""

    def __post_init__(self) -> None:
        if self.answer:
            _record_text(self.type, self.answer)

    @property
    def place(self) -> tuple[str, int]:
        """Host (name or IP address) and port that are asked."""
        return _place_of(self.server)

    @property
    def wanted(self) -> str:
        """The answer in the form of ``text_of``; empty: any."""
        return _record_text(self.type, self.answer) if self.answer else ""

    def to_json(self) -> dict[str, Any]:
        """The form in which it is stored; ``parse`` reads it."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Tcp:
    """Open a connection to *address*. Good is that it is taken."""

    address: str

    @property
    def place(self) -> tuple[str, int]:
        """Host (name or IP address) and port that are connected to."""
        return _place_of(self.address)

    def to_json(self) -> dict[str, Any]:
        """The form in which it is stored; ``parse`` reads it."""
        return dataclasses.asdict(self)


Settings = Http | Dns | Tcp


def parse(kind: str, data: object) -> Settings:
    """The settings *data* of a check of *kind* (``http``, ``dns``, ``tcp``).

    Raises ``Invalid`` with every wrong field.
    """
    if kind not in _KINDS:
        raise Invalid("There is no such kind of check.", fields={"kind": [f"Known: {', '.join(_KINDS)}."]})
    if not isinstance(data, Mapping):
        raise Invalid("The check is not described rightly.", fields={"settings": ["Write an object."]})
    made, readers = _KINDS[kind]
    values, wrong = _read(made, readers, data)
    if not wrong:
        try:
            return made(**values)
        except ValueError as error:  # the fields are right one by one, and do not fit together
            wrong["answer"] = [str(error)]
    raise Invalid("The check is not described rightly.", fields=wrong)


def told(settings: Settings) -> str:
    """What is asked and what for, in one line for people."""
    match settings:
        case Http(url=url, connect=connect, status=(low, high), text=text):
            place = f" at {connect}" if connect else ""
            status = f"{low}" if low == high else f"{low} to {high}"
            return f"{url}{place} answers {status}" + (f" with “{text}”" if text else "")
        case Dns(server=server, name=name, type=kind, answer=answer):
            return f"{server} knows {name} {kind}" + (f" {answer}" if answer else "")
        case Tcp(address=address):
            return f"{address} takes connections"


def text_of(record: dns.rdata.Rdata) -> str:
    """A DNS record in the one form in which answers are compared."""
    if isinstance(record, TXT):
        return b"".join(record.strings).decode(errors="backslashreplace")
    return record.to_text().lower()


# --- reading -----------------------------------------------------------------------------------------


def _read(
    made: type[Settings], readers: Mapping[str, Callable[[Any], Any]], data: Mapping[Any, Any]
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The values of the known fields, and what is wrong, field by field."""
    values: dict[str, Any] = {}
    wrong = {str(name): ["There is no such setting."] for name in data if name not in readers}
    for field in dataclasses.fields(made):
        if field.name in data:
            try:
                values[field.name] = readers[field.name](data[field.name])
            except ValueError as error:
                wrong[field.name] = [str(error)]
        elif field.default is dataclasses.MISSING:
            wrong[field.name] = ["This is needed."]
    return values, wrong


def _text(value: object, most: int) -> str:
    if not isinstance(value, str):
        raise ValueError("Write a text.")  # noqa: TRY004 - one kind of error for all fields
    text = value.strip()
    if len(text) > most:
        raise ValueError(f"At most {most} characters.")
    if not text.isprintable():
        raise ValueError("Control characters do not belong here.")
    return text


def url_of(value: object) -> str:
    """*value* as a URL of HTTP(S) without a fragment. Raises ``ValueError`` with a sentence."""
    text = _text(value, MAX_URL)
    if not text.isascii() or " " in text:
        raise ValueError("Write other characters and spaces percent-encoded, and names in their xn-- form.")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        Address.parse(f"[{host}]" if ":" in host else host)
    except (ValueError, AddressInvalid) as error:
        raise ValueError("A URL looks like https://www.example.org:8443/status.") from error
    if parts.scheme not in PORTS or port == 0:
        raise ValueError("A URL begins with http:// or https://.")
    if "%" in host:
        raise ValueError("Addresses of one link (%) cannot be reached.")
    if "@" in parts.netloc:
        raise ValueError("Names and passwords do not belong into the URL.")
    return parts._replace(fragment="").geturl()


def _connect(value: object) -> str | None:
    if value is None or value == "":
        return None
    try:
        address = ipaddress.ip_address(_text(value, 45).removeprefix("[").removesuffix("]"))
    except ValueError as error:
        raise ValueError("Write an IP address: 10.0.0.2 or fd00::2.") from error
    if "%" in str(address):
        raise ValueError("Addresses of one link (%) cannot be reached.")
    return str(address)


def _status(value: object) -> tuple[int, int]:
    sentence = "Write the lowest and the highest good status: [200, 399]."
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(sentence)
    low, high = value
    if type(low) is not int or type(high) is not int or not 100 <= low <= high <= 599:
        raise ValueError(sentence)
    return low, high


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Write true or false.")  # noqa: TRY004 - one kind of error for all fields
    return value


def _place_of(text: str) -> tuple[str, int]:
    found = Address.parse(text)
    return found.host, found.port


def _server(value: object) -> str:
    return str(_address(value, DNS_PORT))


def _place(value: object) -> str:
    return str(_address(value, None))


def _address(value: object, default: int | None) -> Address:
    """``host:port``; without a port *default*, or an error when there is none."""
    text = _text(value, MAX_URL)
    try:
        found = Address.parse(text)
    except AddressInvalid as error:
        raise ValueError(f"{str(error)[0].upper()}{str(error)[1:]}.") from error
    if "%" in found.host:
        raise ValueError("Addresses of one link (%) cannot be reached.")
    if text.rpartition(":")[2].isdigit():
        return found
    if default is None:
        raise ValueError("The port is missing: write host:port.")
    return Address(found.host, default)


def _name(value: object) -> str:
    try:
        return dns.name.from_text(_text(value, 1000)).to_text(omit_final_dot=True).lower()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError("This is not a name of the DNS.") from error


def _type(value: object) -> str:
    text = _text(value, 10).upper()
    if text not in TYPES:
        raise ValueError(f"Known: {', '.join(TYPES)}.")
    return text


def _record_text(kind: str, answer: str) -> str:
    """*answer* as a record of *kind*, in the form of ``text_of``. Raises ``ValueError``."""
    if kind == "TXT":
        return answer.removeprefix('"').removesuffix('"')
    try:
        found = dns.rdatatype.from_text(kind)
        record = dns.rdata.from_text("IN", found, answer, origin=dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"This is not the content of a record {kind}.") from error
    return text_of(record)


_KINDS: dict[str, tuple[type[Settings], dict[str, Callable[[Any], Any]]]] = {
    "http": (
        Http,
        {
            "url": url_of,
            "connect": _connect,
            "status": _status,
            "text": lambda value: _text(value, MAX_TEXT),
            "verify": _flag,
        },
    ),
    "dns": (
        Dns,
        {
            "server": _server,
            "name": _name,
            "type": _type,
            "answer": lambda value: _text(value, MAX_ANSWER),
        },
    ),
    "tcp": (Tcp, {"address": _place}),
}
