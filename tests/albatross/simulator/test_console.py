"""Console lines, rings and who may listen."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albatross.messages import ConsoleLine, Timestamp
from albatross.names import Name
from albatross.simulator.console import MAX_SUBSCRIBERS, RING_LINES, Consoles, Splitter
from albatross.simulator.state import Refused
from albatross.simulator.subscriptions import MAX_WAITING, Subscription

WEB = Name.parse("alice:web")
CUT = "x" * 512 + " [truncated]"


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"one", b" line\nnext"], ["one line"]),
        ([b"\n\n\na\n\n"], ["a"]),
        ([b"a\r\nb\n"], ["a\r", "b"]),
        ([b"\xff\xfe\n"], ["\udcff\udcfe"]),
        ([b"x" * 511 + b"\n"], ["x" * 511]),
        ([b"x" * 512 + b"\nnext\n"], [CUT, "next"]),
        ([b"x" * 2000 + b"\nnext\n"], [CUT, "next"]),
        ([b"x" * 300, b"x" * 300, b"xx", b"\nnext\n"], [CUT, "next"]),
        ([b"x" * 300, b"x" * 213 + b"\n"], ["x" * 513]),  # one that got through, as seen
        ([b"x" * 600, b"y\n\nlast\n"], [CUT, "last"]),
    ],
)
def test_output_becomes_lines(written, lines):
    splitter = Splitter()
    assert [line for data in written for line in splitter.feed(data)] == lines


@given(st.lists(st.text("ab ", max_size=500)), st.lists(st.integers(1, 700)))
def test_how_output_is_cut_into_writes_does_not_matter_to_short_lines(lines, sizes):
    output = "".join(f"{line}\n" for line in lines).encode()
    splitter, told = Splitter(), []
    for size in [*sizes, len(output) or 1]:
        told += splitter.feed(output[:size])
        output = output[size:]
    assert told == [line for line in lines if line]


class Clock:
    now = 1000

    def __call__(self):
        return Timestamp(self.now)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def consoles(clock):
    return Consoles(clock)


async def drain(subscription):
    subscription.end()
    return [line.text for _, line in await subscription.take()]


def follow(consoles, name=WEB, **since):
    subscription = Subscription()
    told = consoles.subscribe(name, subscription, **({"count": 0, "since": None} | since))
    return told, subscription


def heard(subscription):
    return asyncio.run(drain(subscription))


def test_a_ring_keeps_the_last_lines(consoles):
    consoles.start(WEB, 4)
    consoles.write(WEB, b"".join(b"line %d\n" % number for number in range(RING_LINES + 5)))
    texts = [line.text for line in consoles.lines(WEB)]
    assert (len(texts), texts[0], texts[-1]) == (RING_LINES, "line 5", f"line {RING_LINES + 4}")


@pytest.mark.parametrize(
    ("count", "texts"),
    [(0, []), (2, ["b", "c"]), (3, ["a", "b", "c"]), (5, ["a", "b", "c"]), (-1, ["a", "b", "c"])],
)
def test_the_last_lines_come_first(consoles, count, texts):
    consoles.start(WEB, 4)
    consoles.write(WEB, b"a\nb\nc\n")
    told, subscription = follow(consoles, count=count)
    assert (told, heard(subscription)) == ("subscribed", texts)


def test_lines_since_a_moment_include_those_of_that_moment(consoles, clock):
    consoles.start(WEB, 4)
    for moment in (1000, 2000, 3000):
        clock.now = moment
        consoles.write(WEB, b"%d\n" % moment)
    _, subscription = follow(consoles, count=None, since=Timestamp(2000))
    assert heard(subscription) == ["2000", "3000"]


def test_history_comes_before_what_is_written_later_with_full_names(consoles):
    consoles.start(WEB, 4)
    consoles.write(WEB, b"old\n")
    _, subscription = follow(consoles, count=10)
    consoles.write(WEB, b"new\n")
    messages = asyncio.run(subscription.take())
    assert messages == [(WEB, ConsoleLine(Timestamp(1000), text)) for text in ("old", "new")]


def test_who_follows_something_unknown_waits_for_it(consoles):
    told, subscription = follow(consoles)
    assert told == "waiting for VM"
    consoles.start(WEB, 4)
    consoles.write(WEB, b"hello\n")
    assert heard(subscription) == ["hello"]


def test_a_ring_outlives_its_unikernel_and_goes_on_with_the_next(consoles):
    consoles.start(WEB, 4)
    consoles.write(WEB, b"first\nunfinished")
    consoles.stop(WEB)
    told, subscription = follow(consoles, count=9)
    consoles.start(WEB, 4)
    consoles.write(WEB, b"second\n")
    assert (told, heard(subscription)) == ("subscribed", ["first", "second"])


def test_one_subscriber_too_many_ends_the_oldest(consoles):
    consoles.start(WEB, 4)
    subscribers = [follow(consoles)[1] for _ in range(MAX_SUBSCRIBERS + 1)]
    consoles.write(WEB, b"hello\n")
    assert [heard(one) for one in subscribers] == [[], *[["hello"]] * MAX_SUBSCRIBERS]


def test_a_subscriber_that_reads_nothing_is_dropped(consoles):
    consoles.start(WEB, 4)
    _, subscription = follow(consoles)
    for _ in range(MAX_WAITING // 1000 + 1):
        consoles.write(WEB, b"line\n" * 1000)
    assert len(heard(subscription)) == MAX_WAITING


def test_waiting_for_too_many_names_drops_an_entry_that_runs_nothing(consoles):
    consoles.start(Name.parse("alice:zero"), 1)
    told, subscription = follow(consoles)
    assert (told, heard(subscription)) == (None, [])
    consoles.stop(Name.parse("alice:zero"))
    told, _ = follow(consoles, Name.parse("alice:zz"))
    assert (told, consoles.lines(Name.parse("alice:zero"))) == ("waiting for VM", [])


def test_the_root_takes_any_number(consoles):
    assert {follow(consoles, Name((), f"n{number}"))[0] for number in range(50)} == {"waiting for VM"}


def test_consoles_without_a_running_unikernel_are_listed_by_relative_name(consoles):
    for label in ("a", "b", "c"):
        consoles.start(Name(("alice",), label), 9)
    consoles.start(Name((), "top"), 9)
    for name in ("alice:a", "alice:c", ":top"):
        consoles.stop(Name.parse(name))
    follow(consoles, Name.parse("alice:waited"))
    assert [str(n) for n in consoles.list_inactive(Name(("alice",)))] == [":c", ":a"]
    assert [str(n) for n in consoles.list_inactive(Name())] == [":top", "alice:c", "alice:a"]


def test_a_path_has_no_console_and_a_name_no_list(consoles):
    with pytest.raises(Refused, match=r"^path used instead of name$"):
        follow(consoles, Name(("alice",)))
    with pytest.raises(Refused, match=r"^name used$"):
        consoles.list_inactive(WEB)
