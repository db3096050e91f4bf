"""What the grammar is put together with: SEQUENCE, SEQUENCE OF, SET OF, CHOICE, tags.

Every item is declared once and works in both directions. Nothing here recurses deeper than the
grammar nests (which is finite), whatever the data is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final, NoReturn, TypeVar

from albatross.errors import DecodeError, EncodeError, UnknownAlternative
from albatross.wire.der import NULL, Codec, tlv

T = TypeVar("T")
U = TypeVar("U")

_SEQUENCE, _SET = 0x30, 0x31
_CONTEXT = 0xA0  # context-specific, constructed; the number is in the lower five bits
_CONTEXT_MASK = 0xE0

REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One component of a SEQUENCE.

    ``name`` is the argument of the constructor, ``attribute`` where a value keeps it (may be dotted).
    When it is absent it is read as ``absent``; ``omit`` says that this value is written by leaving it out.
    """

    name: str
    attribute: str
    codec: Codec[Any]
    absent: object = REQUIRED
    omit: bool = False

    def below(self, attribute: str) -> Field:
        """The same component, of a value that keeps it one level deeper, in *attribute*."""
        return replace(self, attribute=f"{attribute}.{self.attribute}")


def required(name: str, codec: Codec[Any]) -> Field:
    """A component that is always there."""
    return Field(name, name, codec)


def optional(name: str, codec: Codec[Any], absent: object = None) -> Field:
    """A component that is left out when its value is *absent*."""
    return Field(name, name, codec, absent, omit=True)


def defaulted(name: str, codec: Codec[Any], absent: object) -> Field:
    """A component that may be absent when read, but is always written."""
    return Field(name, name, codec, absent)


class Sequence(Codec[T]):
    """SEQUENCE of named components, as a value of *cls* made by *make* (*cls* itself by default)."""

    tags = frozenset({_SEQUENCE})

    def __init__(self, cls: type[T], *fields: Field, make: Callable[..., T] | None = None) -> None:
        self.types = (cls,)
        self._make = make or cls
        self._fields = fields
        self._values = attrgetter(*(field.attribute for field in fields))

    def __str__(self) -> str:
        return self.types[0].__name__

    def content(self, data: bytes, tag: int, start: int, stop: int) -> T:
        values = {}
        for field in self._fields:
            if field.absent is not REQUIRED and (start >= stop or data[start] not in field.codec.tags):
                values[field.name] = field.absent
            else:
                values[field.name], start = field.codec.read(data, start, stop)
        if start != stop:
            raise DecodeError(f"{self} has a surplus component at byte {start}")
        return self._make(**values)

    def write(self, value: Any) -> bytes:
        parts = [
            field.codec.write(component)
            for field, component in zip(self._fields, self._components(value), strict=True)
            if not (field.omit and component == field.absent)
        ]
        return tlv(_SEQUENCE, *parts)

    def _components(self, value: Any) -> Iterable[object]:
        if not isinstance(value, self.types):
            raise EncodeError(f"a {type(value).__name__} is no {self}")
        try:
            return self._values(value)
        except AttributeError as error:
            raise EncodeError(f"the {self} is incomplete") from error


class Pair(Codec[tuple[T, U]]):
    """SEQUENCE of two components, as a tuple."""

    tags = frozenset({_SEQUENCE})
    types = (tuple,)

    def __init__(self, first: Codec[T], second: Codec[U]) -> None:
        self._first = first
        self._second = second

    def __str__(self) -> str:
        return f"({self._first}, {self._second})"

    def content(self, data: bytes, tag: int, start: int, stop: int) -> tuple[T, U]:
        first, start = self._first.read(data, start, stop)
        return first, self._second.only(data, start, stop)

    def write(self, value: Any) -> bytes:
        if not isinstance(value, tuple) or len(value) != 2:
            raise EncodeError(f"a {type(value).__name__} is no {self}")
        return tlv(_SEQUENCE, self._first.write(value[0]), self._second.write(value[1]))


class Many(Codec[Any]):
    """SEQUENCE OF or SET OF, of at most *limit* elements, kept in a *container*.

    With an *order* (a function of a value and its element) elements are written sorted by it.
    """

    def __init__(
        self,
        item: Codec[Any],
        limit: int,
        *,
        tag: int,
        container: type[tuple[Any, ...] | frozenset[Any]],
        order: Callable[[Any, bytes], Any] | None = None,
    ) -> None:
        self.tags = frozenset({tag})
        self.types = (container,)
        self._item = item
        self._limit = limit
        self._tag = tag
        self._container = container
        self._order = order

    def __str__(self) -> str:
        return f"list of {self._item}"

    def content(self, data: bytes, tag: int, start: int, stop: int) -> Any:
        values = []
        while start < stop:
            value, start = self._item.read(data, start, stop)
            values.append(value)
            if len(values) > self._limit:
                raise DecodeError(f"{self} with more than {self._limit} elements")
        return self._container(values)

    def write(self, value: Any) -> bytes:
        if not isinstance(value, self._container):
            raise EncodeError(f"a {type(value).__name__} is no {self}")
        if len(value) > self._limit:
            raise EncodeError(f"{self} with more than {self._limit} elements")
        elements = [(item, self._item.write(item)) for item in value]
        if order := self._order:
            elements.sort(key=lambda pair: order(*pair))
        return tlv(self._tag, *(element for _, element in elements))


def sequence_of(item: Codec[Any], limit: int) -> Many:
    """SEQUENCE OF, as a tuple in its order."""
    return Many(item, limit, tag=_SEQUENCE, container=tuple)


def ascending(item: Codec[Any], limit: int, key: Callable[[Any], Any]) -> Many:
    """SEQUENCE OF for what is a set: a frozenset, written in ascending order of *key*."""
    return Many(item, limit, tag=_SEQUENCE, container=frozenset, order=lambda value, _: key(value))


def set_of(item: Codec[Any], limit: int) -> Many:
    """SET OF, as a frozenset; read in any order and with duplicates, written in DER order."""
    return Many(item, limit, tag=_SET, container=frozenset, order=lambda _, element: element)


def bag_of(item: Codec[Any], limit: int) -> Many:
    """SET OF, as a tuple that keeps duplicates and the order read; written in DER order."""
    return Many(item, limit, tag=_SET, container=tuple, order=lambda _, element: element)


class Explicit(Codec[T]):
    """``[number] EXPLICIT``."""

    def __init__(self, number: int, inner: Codec[T]) -> None:
        self._tag = _CONTEXT | number
        self._inner = inner
        self.tags = frozenset({self._tag})
        self.types = inner.types

    def __str__(self) -> str:
        return f"[{self._tag & ~_CONTEXT}] {self._inner}"

    def content(self, data: bytes, tag: int, start: int, stop: int) -> T:
        return self._inner.only(data, start, stop)

    def write(self, value: Any) -> bytes:
        return tlv(self._tag, self._inner.write(value))


class Implicit(Explicit[T]):
    """``[number] IMPLICIT`` of a constructed type: the tag replaces the inner one."""

    def content(self, data: bytes, tag: int, start: int, stop: int) -> T:
        return self._inner.content(data, tag, start, stop)

    def write(self, value: Any) -> bytes:
        return bytes((self._tag,)) + self._inner.write(value)[1:]


class Mapped(Codec[T]):
    """The type *inner*, whose values stand for values of *cls*: *load* them after reading, *dump* to write."""

    def __init__(
        self, cls: type[T], inner: Codec[Any], *, load: Callable[[Any], T], dump: Callable[[T], Any]
    ) -> None:
        self.tags = inner.tags
        self.types = (cls,)
        self._cls = cls
        self._inner = inner
        self._load = load
        self._dump = dump

    def __str__(self) -> str:
        return self.types[0].__name__

    def content(self, data: bytes, tag: int, start: int, stop: int) -> T:
        return self._load(self._inner.content(data, tag, start, stop))

    def write(self, value: Any) -> bytes:
        if not isinstance(value, self._cls):
            raise EncodeError(f"a {type(value).__name__} is no {self}")
        return self._inner.write(self._dump(value))

    def refuse(self, tag: int, pos: int) -> NoReturn:
        self._inner.refuse(tag, pos)


def wrapped(cls: type[T], attribute: str, inner: Codec[Any]) -> Mapped[T]:
    """A *cls* of one *attribute*, which travels bare."""
    return Mapped(cls, inner, load=cls, dump=attrgetter(attribute))


def constant(value: T) -> Mapped[T]:
    """NULL, that stands for *value* (the only one of its type)."""
    return Mapped(type(value), NULL, load=lambda _: value, dump=lambda _: None)


class Removed(Codec[NoReturn]):
    """What an alternative held that Albatross no longer supports; neither read nor written."""

    tags = NULL.tags
    types = ()

    def __init__(self, what: str) -> None:
        self._what = what

    def __str__(self) -> str:
        return self._what

    def content(self, data: bytes, tag: int, start: int, stop: int) -> NoReturn:
        raise DecodeError(f"support for {self} was dropped")

    def write(self, value: Any) -> NoReturn:
        raise EncodeError(f"support for {self} was dropped")


class Choice(Codec[Any]):
    """CHOICE of alternatives that each have an explicit tag.

    Reading goes by the tag; writing by the Python type of the value, among the alternatives that are
    not *old*. A context tag that is none of ours raises ``UnknownAlternative``.
    """

    def __init__(
        self, name: str, alternatives: dict[int, Codec[Any]], *, old: dict[int, Codec[Any]] | None = None
    ) -> None:
        self._name = name
        self._readers = {_CONTEXT | number: codec for number, codec in (alternatives | (old or {})).items()}
        self._writers = {
            cls: Explicit(number, codec) for number, codec in alternatives.items() for cls in codec.types
        }
        self.tags = frozenset(self._readers)
        self.types = tuple(self._writers)

    def __str__(self) -> str:
        return self._name

    def content(self, data: bytes, tag: int, start: int, stop: int) -> Any:
        return self._readers[tag].only(data, start, stop)

    def write(self, value: Any) -> bytes:
        writer = self._writers.get(type(value))
        if writer is None:
            raise EncodeError(f"a {type(value).__name__} is no {self}")
        return writer.write(value)

    def refuse(self, tag: int, pos: int) -> NoReturn:
        if tag & _CONTEXT_MASK == _CONTEXT:
            raise UnknownAlternative(f"{self}: unknown alternative 0x{tag:02x} at byte {pos}")
        super().refuse(tag, pos)


class Enumeration(Choice):
    """CHOICE of NULLs that each stand for one value."""

    def __init__(self, name: str, members: dict[int, Any]) -> None:
        super().__init__(name, {number: constant(member) for number, member in members.items()})
        self._elements = {
            member: tlv(_CONTEXT | number, NULL.write(None)) for number, member in members.items()
        }

    def write(self, value: Any) -> bytes:
        if not isinstance(value, self.types):
            raise EncodeError(f"a {type(value).__name__} is no {self}")
        return self._elements[value]
