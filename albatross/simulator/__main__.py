"""``python -m albatross.simulator --state-dir DIR``."""

from __future__ import annotations

import sys

from albatross.simulator.cli import main

sys.exit(main())
