#!/usr/bin/env python
"""The operator's command line: ``./manage.py help`` lists what there is."""

import os
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from mollymawk.embedded.environment import embedded, prepare

KEYLESS = ["generate_key"]  # what makes the first key cannot need one


def main() -> None:
    """Run a command; where nothing is configured, on what ``manage.py up`` has made in DATA_DIR."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mollymawk.settings")
    try:
        _configure(sys.argv[1:2])
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}\n(`manage.py up` configures itself; for the rest see docs/deployment.md)")


def _configure(command: list[str]) -> None:
    if embedded(os.environ):
        data_dir = Path(os.environ.get("DATA_DIR") or Path(__file__).resolve().parent / "var")
        prepare(os.environ, data_dir, make=command == ["up"])
    if command == KEYLESS:
        os.environ.setdefault("SECRET_KEY", "unused")
        os.environ.setdefault("ENCRYPTION_KEYS", "unused")


if __name__ == "__main__":
    main()
