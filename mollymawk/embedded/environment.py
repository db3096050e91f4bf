"""The environment of the embedded form: made on the first start, found again by every later command.

``manage.py`` calls ``prepare`` before the settings are read, so that ``manage.py unikernels`` works
beside a running ``manage.py up`` without further ado. In production SECRET_KEY is set and none of
this happens.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

FILE_NAME = "embedded.env"
SOCKET_NAME = "broker.sock"

# A socket's path must fit into sockaddr_un.sun_path: 108 bytes on Linux, the last one zero.
MAX_SOCKET_PATH = 107


def embedded(environ: MutableMapping[str, str]) -> bool:
    """Whether nobody has configured anything: then the secrets are ours to make."""
    return "SECRET_KEY" not in environ and "SECRET_KEY_FILE" not in environ


def prepare(environ: MutableMapping[str, str], data_dir: Path, *, make: bool) -> None:
    """Put what is needed into *environ*; what stands there already stays.

    With *make* the folder and its file are made when they are not there (the first start). Raises
    ``ImproperlyConfigured`` when the folder or the file cannot be trusted or written.
    """
    file = data_dir / FILE_NAME
    if make and not file.exists():
        try:
            _write_new(file)
        except OSError as error:
            raise ImproperlyConfigured(f"Cannot write {file}: {error.strerror}.") from error
    if file.exists():
        for name, value in _read(file).items():
            environ.setdefault(name, value)
        environ.setdefault("REDIS_URL", f"unix://{socket_path(data_dir)}")


def _write_new(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = [
        "# Made by `manage.py up`. Whoever has these keys can read every stored secret: keep this file.",
        f"SECRET_KEY={secrets.token_urlsafe(48)}",
        f"ENCRYPTION_KEYS={Fernet.generate_key().decode()}",
        "EXAMPLE_IMAGES=true",
        "CHECK_SIMULATED_NETWORK=true",
        "DEFAULT_BUILDER=",
    ]
    # Written aside and moved: a crash in between leaves no half file, and no reader sees one.
    aside = file.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    aside.replace(file)


def _read(file: Path) -> dict[str, str]:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise ImproperlyConfigured(f"{file} holds secrets and others may read it: chmod 600 {file}")
    lines = file.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def socket_path(data_dir: Path) -> Path:
    """Where the broker's socket is: in *data_dir*, or in a folder of its own when that path is too long."""
    path = data_dir.absolute() / SOCKET_NAME
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(data_dir.absolute())).hexdigest()[:12]
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    return folder / f"mollymawk-{os.getuid()}-{name}" / SOCKET_NAME


def make_private(folder: Path) -> None:
    """Make *folder* for us alone. Raises ``ImproperlyConfigured`` when somebody else made it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise ImproperlyConfigured(f"{folder} belongs to somebody else; set DATA_DIR to another folder.")
