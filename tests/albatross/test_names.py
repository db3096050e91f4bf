"""Labels, paths and names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albatross.errors import NameInvalid
from albatross.names import ROOT, Name, parse_label
from tests.albatross import strategies

LABELS = ["a", "0", ".", "..", "hello", "my.app", "a-", "a.-", "x" * 63, "-a-"[1:]]
NO_LABELS = [
    "",
    "-",
    "-a",
    "a_b",
    "a b",
    "a/b",
    "a:b",
    "caf\xe9",
    "a\n",
    "\na",
    "a\0",
    "x" * 64,
    "\u212a",
    "\u0660",
]


@pytest.mark.parametrize("text", LABELS)
def test_labels(text: str) -> None:
    assert parse_label(text) == text


@pytest.mark.parametrize("text", NO_LABELS)
def test_what_is_no_label(text: str) -> None:
    with pytest.raises(NameInvalid, match="invalid label"):
        parse_label(text)


def test_case_is_folded() -> None:
    assert parse_label("Hello.World-X") == "hello.world-x"
    assert Name.parse("Foo:BAR") == Name.parse("foo:bar") == Name.of("FOO", label="Bar")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (":", ROOT),
        ("hello", Name((), "hello")),
        (":hello", Name((), "hello")),
        ("foo:", Name(("foo",))),
        (":foo:", Name(("foo",))),
        ("foo:hello", Name(("foo",), "hello")),
        (":foo:hello", Name(("foo",), "hello")),
        ("foo:bar:", Name(("foo", "bar"))),
        (":foo:bar:", Name(("foo", "bar"))),
        ("foo:bar:hello", Name(("foo", "bar"), "hello")),
        ("foo.bar:my.app", Name(("foo.bar",), "my.app")),
    ],
)
def test_names_are_parsed(text: str, name: Name) -> None:
    assert Name.parse(text) == name


@pytest.mark.parametrize(
    "text", ["", "::", ":::", "a::b", "a::", "::a", "a:-b", "a_:b", "a:b_", "a: ", "x" * 64 + ":"]
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(NameInvalid):
        Name.parse(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (ROOT, ":"),
        (Name((), "hello"), ":hello"),
        (Name(("foo",)), "foo:"),
        (Name(("foo",), "hello"), "foo:hello"),
        (Name(("foo", "bar"), "hello"), "foo:bar:hello"),
    ],
)
def test_names_are_printed(name: Name, text: str) -> None:
    assert str(name) == text


@given(strategies.names)
def test_what_is_printed_is_parsed_the_same(name: Name) -> None:
    assert Name.parse(str(name)) == name
    assert Name.of(*name.path, label=name.label) == name


@given(st.text(max_size=20) | st.text(":aB.-", max_size=12))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        name = Name.parse(text)
    except NameInvalid:
        return
    assert Name.parse(str(name)) == name
    assert str(name) == str(name).lower()


@pytest.mark.parametrize("path", [("",), ("a", ""), ("a:b",), ("-",)])
def test_names_are_not_made_of_what_is_no_label(path: tuple[str, ...]) -> None:
    with pytest.raises(NameInvalid):
        Name.of(*path)
    with pytest.raises(NameInvalid):
        Name.of(label=path[-1])


def test_labels_are_what_things_are_looked_up_by() -> None:
    assert Name.parse("foo:bar:").labels == Name.parse("foo:bar").labels == ("foo", "bar")
    assert ROOT.labels == ()


def test_the_domain_is_the_first_label_of_the_path() -> None:
    assert Name.parse("foo:bar:hello").domain == "foo"
    assert Name.parse("foo:").domain == "foo"
    assert Name.parse(":hello").domain is None
    assert ROOT.domain is None


def test_names_of_list_replies_are_relative_to_the_path_asked_for() -> None:
    full = Name.parse("foo:bar:hello")
    assert full.relative_to(()) == full
    assert full.relative_to(("foo",)) == Name.parse("bar:hello")
    assert full.relative_to(("foo", "bar")) == Name.parse(":hello")
    for path in (("bar",), ("fo",), ("foo", "bar", "hello")):
        with pytest.raises(NameInvalid, match="is not below"):
            full.relative_to(path)


@given(strategies.names, strategies.paths)
def test_a_relative_name_is_made_absolute_again(name: Name, path: tuple[str, ...]) -> None:
    assert name.below(path).relative_to(path) == name
