"""The text format: what Prometheus reads is what was meant, whatever stands in a name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.reading import read
from unikernels.metrics.text import Family, Page, labels, more

UP = Family("up", "Whether it runs.", ("name",))
DOWN = Family("down", "The other way round.")


def test_a_page_is_what_the_format_wants() -> None:
    page = Page()
    page.add(UP, True, labels(name="a"))
    page.add(DOWN, 0.5)
    page.add(UP, False, more(labels(name="b"), state="new"))

    assert page.text() == (
        "# HELP mollymawk_up Whether it runs.\n"
        "# TYPE mollymawk_up gauge\n"
        'mollymawk_up{name="a"} 1\n'
        'mollymawk_up{name="b",state="new"} 0\n'
        "# HELP mollymawk_down The other way round.\n"
        "# TYPE mollymawk_down gauge\n"
        "mollymawk_down 0.5\n"
    )


def test_a_help_text_stays_on_its_line() -> None:
    page = Page()
    page.add(Family("odd", "one\ntwo \\ three"), 1)
    assert page.text().startswith("# HELP mollymawk_odd one\\ntwo \\\\ three\n# TYPE")


@given(st.text(), st.text())
def test_any_name_comes_through_and_breaks_nothing(one: str, other: str) -> None:
    page = Page()
    page.add(UP, 7, labels(name=one, other=other))
    assert read(page.text()) == {("mollymawk_up", frozenset({("name", one), ("other", other)})): 7}


@given(st.integers(0, 2**62) | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_through(value: float) -> None:
    page = Page()
    page.add(DOWN, value)
    assert read(page.text()).one("mollymawk_down") == float(value)
