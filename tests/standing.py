"""Rows that stand for a whole module; each of its tests begins with them, and what it does is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import transaction
from django.test import override_settings


@contextmanager
def standing(folder: Path, unblocked: Any, **settings: Any) -> Iterator[None]:
    """What is made in the block stays until its end. Files go below *folder*; *unblocked* lets at the database."""
    stores = override_settings(
        IMAGE_DIR=folder / "images", FILE_UPLOAD_TEMP_DIR=str(folder), EXAMPLE_IMAGES=True, **settings
    )
    with stores, unblocked, transaction.atomic():
        yield
        transaction.set_rollback(True)
