"""What the documents say of flapping unikernels is what the judging functions do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import flapping

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def test_the_table_in_the_document_is_what_the_program_prints() -> None:
    assert "\n".join(flapping.table()) in DOCUMENT.read_text()


@pytest.mark.parametrize(("share", "end"), [(100, "kept"), (0, "rolled back")])
def test_who_always_answers_is_kept_and_who_never_does_is_not(share: int, end: str) -> None:
    assert flapping.rates(share, upgrades=20)[end] == 100


def test_half_an_answer_is_never_kept() -> None:
    assert flapping.rates(50, upgrades=300)["kept"] == 0
