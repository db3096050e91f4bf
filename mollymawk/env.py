"""Typed reading of the environment. A wrong value stops the start with a sentence, never a guess.

Any value may be given as a file: ``NAME_FILE=/run/secrets/name`` is read when ``NAME`` is unset.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def env_str(name: str, default: str | None = None) -> str:
    """The value of *name*, or what stands in the file ``NAME_FILE``, or *default*.

    Raises ``ImproperlyConfigured`` when none of the three is there or the file cannot be read.
    """
    if name in os.environ:
        return os.environ[name]
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {error.strerror}") from error
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set (nor {name}_FILE).")
    return default


def env_bool(name: str, *, default: bool) -> bool:
    """*name* as yes or no: 1/true/yes/on, 0/false/no/off."""
    value = env_str(name, str(default)).strip().lower()
    if value not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}; write true or false.")
    return value in _TRUE


def env_int(name: str, default: int, *, low: int, high: int) -> int:
    """*name* as a whole number between *low* and *high*."""
    value = env_str(name, str(default)).strip()
    try:
        number = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is {value!r}; write a whole number.") from error
    if not low <= number <= high:
        raise ImproperlyConfigured(f"{name} is {number}; it must lie between {low} and {high}.")
    return number


def env_list(name: str, default: str = "") -> list[str]:
    """*name* as a list, separated by commas."""
    return [item.strip() for item in env_str(name, default).split(",") if item.strip()]


def env_choice(name: str, default: str, choices: Sequence[str]) -> str:
    """*name*, one of *choices*."""
    value = env_str(name, default).strip().lower()
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; write one of: {', '.join(choices)}.")
    return value


def env_networks(name: str) -> list[Network]:
    """*name* as networks, separated by commas: ``10.0.0.0/8,::1``."""
    try:
        return [ipaddress.ip_network(item) for item in env_list(name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}; write networks such as 10.0.0.0/8.") from error


def database(url: str) -> dict[str, object]:
    """Django's settings for ``sqlite:///path`` or ``postgres://user:password@host:port/name``.

    A PostgreSQL socket folder goes into the host, percent-encoded (``%2Frun%2Fpostgresql``).
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(parts.path[1:] if parts.path.startswith("//") else parts.path.removeprefix("/"))
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.removeprefix("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    raise ImproperlyConfigured(f"DATABASE_URL: {parts.scheme!r} is not supported; use sqlite or postgres.")


def _sqlite(path: str) -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": 60,  # opening one costs as much as three queries
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",  # a reader that turns writer would fail at once otherwise
            # FULL: what an operation is about to do must survive a power loss.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
