#!/usr/bin/env python
"""The operator's command line: ``./manage.py help`` lists what there is."""

import os
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from mollymawk.embedded.environment import embedded, prepare


def main() -> None:
    """Run a command; where nothing is configured, on what ``manage.py up`` has made in DATA_DIR."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mollymawk.settings")
    if embedded(os.environ):
        data_dir = Path(os.environ.get("DATA_DIR") or Path(__file__).resolve().parent / "var")
        try:
            prepare(os.environ, data_dir, make=sys.argv[1:2] == ["up"])
        except ImproperlyConfigured as error:
            sys.exit(str(error))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
