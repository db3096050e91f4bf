"""No column that holds sealed text is forgotten when keys are rotated."""

from __future__ import annotations

import re

from django.apps import apps
from django.contrib.sessions.models import Session

from tests.security.planted import Planted
from unikernels.management.commands.rotate_keys import SEALED_COLUMNS

SEALED = re.compile(r"gAAAAA[\w-]{60,}")  # how a Fernet token of our time begins


def test_whatever_holds_sealed_text_is_rotated(planted: Planted) -> None:
    """Looked for in all columns of all tables of a house that has something of everything."""
    known = {(model._meta.db_table, column) for model, column in SEALED_COLUMNS}
    known.add((Session._meta.db_table, "session_data"))
    found = set()
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            values = model._base_manager.values_list(field.name, flat=True)[:50]
            if any(SEALED.search(str(value)) for value in values):
                found.add((model._meta.db_table, field.column))
    assert len(found) >= 4
    assert found <= known
