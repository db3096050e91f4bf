"""The project as an app: its folders are there before anything else starts, and its checks are known."""

from __future__ import annotations

import contextlib
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings

FOLDERS = ("DATA_DIR", "IMAGE_DIR", "FILE_UPLOAD_TEMP_DIR")


class MollymawkConfig(AppConfig):
    """Makes the folders that the settings name, and registers the checks."""

    name = "mollymawk"

    def ready(self) -> None:
        from mollymawk import checks  # noqa: F401, PLC0415  # they register themselves

        for name in FOLDERS:
            with contextlib.suppress(OSError):  # a check tells it in words
                Path(getattr(settings, name)).mkdir(parents=True, exist_ok=True)
