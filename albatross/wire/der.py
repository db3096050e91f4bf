"""DER, as far as the protocol needs it: lengths, and the primitive types in both directions.

A type of the grammar is a ``Codec``: it reads values out of a ``bytes`` by offsets (nothing but the
leaves is copied) and writes them back. Strict DER, except where Albatross itself writes or reads
something else (asn1-combinators 0.3.2, as observed):

- BOOLEAN: any octet but zero is true; written as ``ff``.
- INTEGER: OCaml's int, 63 bits. 64-bit integers travel as OCTET STRING, of which the first eight
  octets count.
- UTF8String is not checked: any bytes pass, as ``str`` with surrogateescape.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, NoReturn, TypeVar

from albatross.errors import DecodeError, EncodeError
from albatross.messages import MAX_INT, MIN_INT

T = TypeVar("T")

MAX_LENGTH_OCTETS = 4  # a frame has at most 2^31-1 octets, so longer lengths lie

_BOOLEAN, _INTEGER, _OCTETS, _NULL, _UTF8 = 0x01, 0x02, 0x04, 0x05, 0x0C


def span(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """Where the content begins and ends whose length octets start at *pos*; within *end*."""
    if pos >= end:
        raise DecodeError(f"no length at byte {pos}")
    length = data[pos]
    start = pos + 1
    if length >= 0x80:
        count = length - 0x80
        start += count
        length = _long_length(data[pos + 1 : min(start, end)], count, pos)
    stop = start + length
    if stop > end:
        raise DecodeError(f"{length} bytes announced at byte {pos}, only {max(end - start, 0)} left")
    return start, stop


def _long_length(octets: bytes, count: int, pos: int) -> int:
    if not 1 <= count <= MAX_LENGTH_OCTETS:
        raise DecodeError(f"indefinite or oversized length at byte {pos}")
    if len(octets) < count:
        raise DecodeError(f"length cut off at byte {pos}")
    length = int.from_bytes(octets, "big")
    if octets[0] == 0 or length < 0x80:
        raise DecodeError(f"length not in its shortest form at byte {pos}")
    return length


def tlv(tag: int, *content: bytes) -> bytes:
    """One element: identifier octet, shortest length, content."""
    length = sum(map(len, content))
    if length < 0x80:
        return b"".join((bytes((tag, length)), *content))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    if len(octets) > MAX_LENGTH_OCTETS:
        raise EncodeError(f"{length} bytes are too many for one element")
    return b"".join((bytes((tag, 0x80 | len(octets))), octets, *content))


class Codec(ABC, Generic[T]):
    """One ASN.1 type in both directions.

    ``tags`` are the identifier octets that it can start with, ``types`` the Python types of its
    values (a CHOICE picks its alternative by them). ``write`` takes anything, and checks.
    """

    tags: frozenset[int]
    types: tuple[type, ...]

    @abstractmethod
    def content(self, data: bytes, tag: int, start: int, stop: int) -> T:
        """The value whose content octets are *data[start:stop]*."""

    @abstractmethod
    def write(self, value: Any) -> bytes:
        """The whole element; ``EncodeError`` when *value* is none of this type."""

    def read(self, data: bytes, pos: int, end: int) -> tuple[T, int]:
        """The value of the element at *pos*, and where that element ends."""
        if pos >= end:
            raise DecodeError(f"{self} missing at byte {pos}")
        tag = data[pos]
        if tag not in self.tags:
            self.refuse(tag, pos)
        start = pos + 2
        # Nearly every length is one octet: what ``span`` does with it, without the call.
        if start > end or (stop := start + data[pos + 1]) > end or stop - start >= 0x80:
            start, stop = span(data, pos + 1, end)
        return self.content(data, tag, start, stop), stop

    def only(self, data: bytes, pos: int, end: int) -> T:
        """The value of the element that fills *data[pos:end]*."""
        value, stop = self.read(data, pos, end)
        if stop != end:
            raise DecodeError(f"trailing bytes after {self} at byte {stop}")
        return value

    def refuse(self, tag: int, pos: int) -> NoReturn:
        """Say that an element does not start as it must."""
        raise DecodeError(f"{self} expected at byte {pos}, found tag 0x{tag:02x}")


class Leaf(Codec[T]):
    """A primitive type with one tag."""

    name: ClassVar[str]
    tag: ClassVar[int]

    def __init_subclass__(cls) -> None:
        cls.tags = frozenset({cls.tag})

    def __str__(self) -> str:
        return self.name

    def expect(self, value: object) -> None:
        """Refuse to write *value* when its type is not ours (so a bool is no integer)."""
        if type(value) not in self.types:
            raise EncodeError(f"a {type(value).__name__} is no {self}")


class Boolean(Leaf[bool]):
    """BOOLEAN."""

    name, tag, types = "BOOLEAN", _BOOLEAN, (bool,)

    def content(self, data: bytes, tag: int, start: int, stop: int) -> bool:
        if stop - start != 1:
            raise DecodeError(f"BOOLEAN of {stop - start} bytes at byte {start}")
        return data[start] != 0

    def write(self, value: Any) -> bytes:
        self.expect(value)
        return b"\x01\x01\xff" if value else b"\x01\x01\x00"


class Integer(Leaf[int]):
    """INTEGER in the range of OCaml's int."""

    name, tag, types = "INTEGER", _INTEGER, (int,)

    def content(self, data: bytes, tag: int, start: int, stop: int) -> int:
        size = stop - start
        if size == 1 and data[start] < 0x80:
            return data[start]
        if not 1 <= size <= 8:
            raise DecodeError(f"INTEGER of {size} bytes at byte {start}")
        value = int.from_bytes(data[start:stop], "big", signed=True)
        if size != _octets_of(value):
            raise DecodeError(f"INTEGER not in its shortest form at byte {start}")
        if not MIN_INT <= value <= MAX_INT:
            raise DecodeError(f"INTEGER out of the range of 63 bits at byte {start}")
        return value

    def write(self, value: Any) -> bytes:
        self.expect(value)
        if not MIN_INT <= value <= MAX_INT:
            raise EncodeError(f"integer {value:#x} is out of the range of 63 bits")
        return tlv(_INTEGER, value.to_bytes(_octets_of(value), "big", signed=True))


def _octets_of(value: int) -> int:
    """How many octets the shortest two's complement of *value* has."""
    return (value if value >= 0 else ~value).bit_length() // 8 + 1


class Int32(Leaf[int]):
    """INTEGER that is taken modulo 2^32 into a signed 32-bit value."""

    name, tag, types = "Int32", _INTEGER, (int,)

    def content(self, data: bytes, tag: int, start: int, stop: int) -> int:
        value = INTEGER.content(data, tag, start, stop)
        return (value + 2**31) % 2**32 - 2**31

    def write(self, value: Any) -> bytes:
        self.expect(value)
        if not -(2**31) <= value < 2**31:
            raise EncodeError(f"integer {value:#x} is out of the range of 32 bits")
        return INTEGER.write(value)


class Int64(Leaf[int]):
    """Signed 64-bit integer: OCTET STRING of 8 octets, big endian; octets after these are ignored."""

    name, tag, types = "Int64", _OCTETS, (int,)

    def content(self, data: bytes, tag: int, start: int, stop: int) -> int:
        if stop - start < 8:
            raise DecodeError(f"Int64 of {stop - start} bytes at byte {start}")
        return int.from_bytes(data[start : start + 8], "big", signed=True)

    def write(self, value: Any) -> bytes:
        self.expect(value)
        if not -(2**63) <= value < 2**63:
            raise EncodeError(f"integer {value:#x} is out of the range of 64 bits")
        return tlv(_OCTETS, value.to_bytes(8, "big", signed=True))


class Octets(Leaf[bytes]):
    """OCTET STRING, of a fixed size if one is given."""

    name, tag, types = "OCTET STRING", _OCTETS, (bytes,)

    def __init__(self, size: int | None = None) -> None:
        self._size = size

    def content(self, data: bytes, tag: int, start: int, stop: int) -> bytes:
        if self._size is not None and stop - start != self._size:
            raise DecodeError(f"{stop - start} bytes instead of {self._size} at byte {start}")
        return data[start:stop]

    def write(self, value: Any) -> bytes:
        self.expect(value)
        if self._size is not None and len(value) != self._size:
            raise EncodeError(f"{len(value)} bytes instead of {self._size}")
        return tlv(_OCTETS, value)


class Text(Leaf[str]):
    """UTF8String, unchecked: bytes that are no UTF-8 become lone surrogates and back."""

    name, tag, types = "UTF8String", _UTF8, (str,)

    def content(self, data: bytes, tag: int, start: int, stop: int) -> str:
        return data[start:stop].decode("utf-8", "surrogateescape")

    def write(self, value: Any) -> bytes:
        self.expect(value)
        return tlv(_UTF8, utf8(value))


def utf8(value: str) -> bytes:
    """The bytes of a text that may hold escaped ones; ``EncodeError`` for other lone surrogates."""
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise EncodeError("text holds a lone surrogate") from error


class Null(Leaf[None]):
    """NULL."""

    name, tag, types = "NULL", _NULL, (type(None),)

    def content(self, data: bytes, tag: int, start: int, stop: int) -> None:
        if start != stop:
            raise DecodeError(f"NULL with content at byte {start}")

    def write(self, value: Any) -> bytes:
        self.expect(value)
        return b"\x05\x00"


BOOLEAN = Boolean()
INTEGER = Integer()
INT32 = Int32()
INT64 = Int64()
OCTETS = Octets()
MAC = Octets(6)
TEXT = Text()
NULL = Null()
