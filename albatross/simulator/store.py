"""What a simulated instance keeps on disk, so that it goes on where it was.

::

    state.json     policies, unikernels (as the commands that made them), sizes of block devices
    images/        the images of unikernels, as they were sent
    blocks/        the content of block devices (sparse files)
    control.sock   where ``manage.py simulate_albatross --control`` asks; while it runs
    lock           held by the process that runs the instance
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from albatross.messages import Config, Policy, PolicyAdd, UnikernelCreate
from albatross.names import Name
from albatross.simulator.state import Labels, Running, State
from albatross.wire import decode_extension, encode_extension

MAX_TOLD = 10_000  # unikernels whose form on disk is remembered; under 1 KB each


@dataclass(frozen=True, slots=True)
class Kept:
    """A unikernel that is to run: its configuration (without image) and the file of its image."""

    name: Name
    config: Config
    stored: str


class Store:
    """The folder of one instance. Raises ``OSError``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._images = directory / "images"
        self._blocks = directory / "blocks"
        self._file = directory / "state.json"
        self._held: Counter[str] = Counter()
        self._lock: int | None = None
        for folder in (directory, self._images, self._blocks):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def lock(self) -> None:
        """Make sure that nobody else runs this instance. Raises ``BlockingIOError``."""
        self._lock = os.open(self.directory / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.unlock()
            raise
        for spool in self._images.glob("spool-*"):  # left by a process that was killed
            spool.unlink()

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # --- state ---------------------------------------------------------------------------------

    def load(self, state: State) -> list[Kept]:
        """Fill *state* with policies and block devices; the unikernels to start."""
        if not self._file.exists():
            return []
        told = json.loads(self._file.read_text())
        state.policies.update(_policies(told["policies"]))
        for block in told["blocks"]:
            name = Name.parse(block["name"])
            state.blocks[name.labels] = (name, block["size"])
        return [_kept(one) for one in told["unikernels"]]

    def save(self, state: State) -> None:
        """Write *state*, and forget images that nobody uses any more."""
        policies = [
            {"path": list(path), "policy": encode_extension(PolicyAdd(policy)).hex()}
            for path, policy in state.policies.items()
        ]
        unikernels = [_told(one) for one in state.running.values()]
        blocks = [{"name": str(name), "size": size} for name, size in state.blocks.values()]
        told = {"policies": policies, "unikernels": unikernels, "blocks": blocks}
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(told))
        new.replace(self._file)
        self._forget_images({one.stored for one in state.running.values()})

    # --- images --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def spool(self) -> Iterator[Path]:
        """A new empty file for an image that comes; removed in the end unless it was kept."""
        handle, path = tempfile.mkstemp(prefix="spool-", dir=self._images)
        os.close(handle)
        try:
            yield Path(path)
        finally:
            Path(path).unlink(missing_ok=True)

    def keep(self, path: Path, digest: bytes, *, compressed: bool) -> str:
        """Take over the file at *path* as the image with *digest*; how it is called from now on."""
        stored = digest.hex() + (".z" if compressed else "")
        if not (self._images / stored).exists():  # replacing a file is slow, and it is the same one
            path.rename(self._images / stored)
        return stored

    def image(self, stored: str) -> Path:
        return self._images / stored

    @contextlib.contextmanager
    def held(self, stored: str) -> Iterator[None]:
        """Don't forget an image although nothing that runs uses it."""
        self._held[stored] += 1
        try:
            yield
        finally:
            self._held[stored] -= 1

    def _forget_images(self, used: set[str]) -> None:
        used |= {stored for stored, count in self._held.items() if count > 0}
        for path in self._images.iterdir():
            if path.name not in used and not path.name.startswith("spool-"):
                path.unlink(missing_ok=True)

    # --- block devices -------------------------------------------------------------------------

    def block(self, name: Name) -> Path:
        """The file of a block device (labels are lower case and hold neither slash nor colon)."""
        return self._blocks / (":" + ":".join(name.labels))


def _policies(told: Iterable[dict[str, Any]]) -> Iterator[tuple[Labels, Policy]]:
    for one in told:
        command = decode_extension(bytes.fromhex(one["policy"]))
        assert isinstance(command, PolicyAdd)
        yield tuple(one["path"]), command.policy


@functools.lru_cache(MAX_TOLD)
def _told(one: Running) -> dict[str, str]:
    """What is written of *one*; kept, because it is written again with every change of another one."""
    config = encode_extension(UnikernelCreate(replace(one.config, image=b"")))
    return {"name": str(one.name), "config": config.hex(), "image": one.stored}


def _kept(told: dict[str, Any]) -> Kept:
    command = decode_extension(bytes.fromhex(told["config"]))
    assert isinstance(command, UnikernelCreate)
    return Kept(Name.parse(told["name"]), command.config, told["image"])
