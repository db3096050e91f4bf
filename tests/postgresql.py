"""A PostgreSQL cluster for one test process: in a folder of its own, on a unix socket, for our eyes only.

It gives up durability for speed, and dies with the process that started it.
"""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql

from mollymawk.embedded.tether import die_with

OWNER = "tests"
START_TIME = 20.0  # seconds that the server may take to answer
_CARELESS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")

_server: subprocess.Popen[bytes] | None = None


def url(database: str) -> str:
    """The DATABASE_URL of *database* in this process's cluster."""
    return f"postgres://{OWNER}@{quote(str(_folder()), safe='')}/{database}"


def start() -> None:
    """Make the cluster and start it; harmless when it runs."""
    global _server  # noqa: PLW0603  # one per process, like the folder
    if _server is not None:
        return
    folder = _folder()
    data = str(folder / "data")
    trusting = ("-U", OWNER, "-A", "trust", "--no-sync", "--no-instructions")
    _run([_program("initdb"), "-D", data, *trusting, "--encoding", "UTF8", "--locale", "C"])
    options = [f"unix_socket_directories={folder}", "listen_addresses=", *_CARELESS]
    command = [_program("postgres"), "-D", data, *(word for option in options for word in ("-c", option))]
    with (folder / "log").open("wb") as log:
        _server = _owned(command, log)
    _wait(_server)


def stop() -> None:
    """Stop the cluster and remove it."""
    global _server  # noqa: PLW0603  # see start
    if _server is not None:
        _server.send_signal(signal.SIGINT)  # without waiting for sessions
        _server.wait(START_TIME)
        _server = None
        shutil.rmtree(_folder(), ignore_errors=True)


def end_sessions() -> None:
    """End every session of a test database but this one's."""
    if _server is not None:
        with psycopg.connect(
            host=str(_folder()), user=OWNER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'"
            )


def new_database(name: str) -> str:
    """The DATABASE_URL of a new, empty database."""
    with psycopg.connect(host=str(_folder()), user=OWNER, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return url(name)


@functools.cache
def _folder() -> Path:
    # A short path of its own: a socket's name has at most some 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="mm-postgresql-", dir="/tmp"))
    if os.getuid() == 0:
        os.chown(folder, _owner().pw_uid, _owner().pw_gid)
    return folder


def _owner() -> pwd.struct_passwd:
    """Who runs the server: us, but never root, which PostgreSQL refuses."""
    return pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())


def _owned(command: list[str], output: IO[bytes] | int) -> subprocess.Popen[bytes]:
    parent, owner, root = os.getpid(), _owner(), os.getuid() == 0
    return subprocess.Popen(
        command,
        cwd=_folder(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        user=owner.pw_uid if root else None,
        group=owner.pw_gid if root else None,
        extra_groups=[] if root else None,
        preexec_fn=lambda: die_with(parent),  # noqa: PLW1509  # no test has started a thread yet
    )


def _run(command: list[str]) -> None:
    process = _owned(command, subprocess.PIPE)
    output, _ = process.communicate(timeout=60)
    if process.returncode != 0:
        raise RuntimeError(output.decode(errors="replace"))


def _program(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = shutil.which(name) or (str(found[-1]) if found else None)
    if path is None:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return path


def _wait(server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_TIME
    while not _answers():
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"PostgreSQL did not start:\n{(_folder() / 'log').read_text()}")
        time.sleep(0.02)


def _answers() -> bool:
    try:
        psycopg.connect(host=str(_folder()), user=OWNER, dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True
