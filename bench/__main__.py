"""``make bench``: every measurement, one after the other, each in a process of its own.

``python -m bench web deploy`` runs only these. Ratios are measured in one run on one machine; nothing
here is a test, and the exit code tells only whether every measurement could be made.
"""

from __future__ import annotations

import subprocess
import sys

ALL = (
    "codec",
    "client",
    "deploy",
    "web",
    "tokens",
    "audit",
    "many",
    "upgrades",
    "polling",
    "metrics",
    "statistics",
    "consoles",
    "fleet",
    "console_page",
    "rotation",
)


def main() -> int:
    """Run the measurements named on the command line, or all; 1 when one of them broke."""
    names = sys.argv[1:] or ALL
    if unknown := [name for name in names if name not in ALL]:
        print(f"There is no {unknown[0]}; there are: {', '.join(ALL)}", file=sys.stderr)
        return 2
    broken = []
    for name in names:
        print(f"--- {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode:
            broken.append(name)
    if broken:
        print(f"broken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
