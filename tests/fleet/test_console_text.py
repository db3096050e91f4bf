import pytest
from hypothesis import given
from hypothesis import strategies as st

from unikernels.consoles.seam import REMEMBERED, Seam
from unikernels.consoles.text import MAX_CHARACTERS, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hello", "hello"),
        ("größe 水 😀", "größe 水 😀"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("\x1b[2J\x1b]0;title\x07", "␛[2J␛]0;title␇"),
        ("a\tb", "a       b"),
        ("one\r\ntwo\x00", "one␍␊two␀"),
        ("\x7f", "␡"),
        ("\x9b31m", "\\u009b31m"),
        ("\udcff\udc80", "\\xff\\x80"),
        ("\ud800", "\\ud800"),
        ("exe.\u202etxt", "exe.\\u202etxt"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\u2028", "\\u2028"),
        ("\xa0", "\\u00a0"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_could_command_or_hide_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_an_endless_line_is_cut() -> None:
    assert visible("x" * 5000) == "x" * MAX_CHARACTERS + " […]"


@given(st.binary(max_size=600))
def test_any_bytes_become_one_printable_line(data: bytes) -> None:
    shown = visible(data.decode("utf-8", "surrogateescape"))
    assert shown.isprintable()


# --- the seam ----------------------------------------------------------------------------------------


def test_at_first_everything_is_fresh() -> None:
    seam = Seam()
    assert seam.begin() is None
    assert [seam.fresh(entry) for entry in ((1, "a"), (1, "a"), (2, "b"))] == [True, True, True]


def test_after_a_break_what_was_written_is_recognised() -> None:
    seam = Seam([(1, "a"), (2, "b"), (2, "c")])
    assert seam.begin() == 2
    assert [seam.fresh(entry) for entry in ((2, "b"), (2, "c"), (2, "d"), (3, "b"))] == [
        False,
        False,
        True,
        True,
    ]


def test_equal_lines_of_one_moment_are_counted() -> None:
    seam = Seam([(2, "tick"), (2, "tick")])
    seam.begin()
    assert [seam.fresh((2, "tick")) for _ in range(3)] == [False, False, True]


def test_a_second_break_is_like_the_first() -> None:
    seam = Seam([(1, "a")])
    for _ in range(3):
        assert seam.begin() == 1
        assert not seam.fresh((1, "a"))


def test_after_a_clock_was_set_back_nothing_is_lost_or_doubled() -> None:
    seam = Seam([(10, "before"), (5, "after")])
    assert seam.begin() == 5
    assert [seam.fresh(entry) for entry in ((10, "before"), (5, "after"), (6, "new"))] == [False, False, True]


entries = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab")), max_size=30)


@given(printed=entries, breaks=st.lists(st.integers(0, 30), max_size=4))
def test_however_often_it_breaks_every_line_is_written_once(
    printed: list[tuple[int, str]], breaks: list[int]
) -> None:
    """An instance with a ring that never is full, and connections that end after some lines each."""
    printed = sorted(printed, key=lambda entry: entry[0])
    written: list[tuple[int, str]] = []
    seam = Seam()
    for length in [*breaks, len(printed) + 1]:
        since = seam.begin()
        told = [entry for entry in printed if since is None or entry[0] >= since]
        written += [entry for entry in told[:length] if seam.fresh(entry)]
    assert sorted(written) == sorted(printed)


def test_it_remembers_as_much_as_an_instance_can_tell_again() -> None:
    seam = Seam((0, str(number)) for number in range(2 * REMEMBERED))
    seam.begin()
    assert not seam.fresh((0, str(REMEMBERED)))
    assert seam.fresh((0, str(REMEMBERED - 1)))
