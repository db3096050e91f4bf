"""The client of one instance: every command as a method."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from datetime import datetime
from typing import BinaryIO, Self, TypeVar

from albatross import messages as m
from albatross.address import Address
from albatross.certificates import Credentials, utc_now
from albatross.client.calls import Caller, PolicyGiven
from albatross.client.replies import expect
from albatross.client.streams import Stream
from albatross.client.transfer import (
    Fetched,
    Progress,
    download_block,
    download_image,
    inflated_size,
    rewind,
    upload,
)
from albatross.errors import Failure, ProtocolError, RequestRefused
from albatross.names import Name
from albatross.transport import MIB, Connection, Effect, Guard, Limits

Item = TypeVar("Item")
Path = tuple[str, ...]

RING = 1024  # lines that Albatross keeps of a console
QUIET = 0.3  # seconds without a line after which the history of a console is complete
HISTORY_TIME = 5.0  # seconds for a history of a console that never is quiet


class Client:
    """Talks to one instance; safe to use from several threads. Nothing stays open between commands.

    Every method raises ``RequestRefused``, ``NameInvalid``, ``EncodeError`` or ``CertificateInvalid``
    before anything is sent, and ``CommandError`` (see ``errors``) afterwards.

    *policy* is the policy last observed for the domain, which the command sets anew: needed as soon
    as the path is deeper than that of the credentials, ignored otherwise. For a deeper path it is a
    tuple with one policy for each label. *guard* is asked before a connection is made, before
    every piece of a stream, and right before the end of an upload; it returns how many seconds the
    connection may still take, and is asked again when they are over. What it raises resets the
    connection and goes through: an upload whose end was not sent yet has then changed nothing.
    """

    def __init__(
        self,
        address: Address | str,
        credentials: Credentials,
        *,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        address = Address.parse(address) if isinstance(address, str) else address
        self.limits = limits or Limits()
        self._caller = Caller(address, credentials, self.limits, clock)

    def guarded(self, guard: Guard) -> Self:
        """The same client, for which *guard* is asked with every command, and not only with the long ones."""
        found = copy.copy(self)
        found._caller = self._caller.guarded(guard)  # noqa: SLF001 - a copy of this very object
        return found

    # --- policies ---

    def policies(self, path: Path = (), *, policy: PolicyGiven = None) -> list[tuple[Name, m.Policy]]:
        """The policies at and below *path*, by absolute path."""
        at = Name.of(*path)
        found = self._caller.ask(m.PolicyInfo(), at, policy, m.Policies)
        return [(name.below(at.path), carried) for name, carried in found.policies]

    # --- unikernels ---

    def unikernels(self, path: Path = (), *, policy: PolicyGiven = None) -> list[tuple[Name, m.Info]]:
        """What runs at and below *path*, by absolute name. Block sizes below a path are told as 0."""
        at = Name.of(*path)
        found = self._caller.ask(m.UnikernelInfo(), at, policy, m.UnikernelInfos)
        return [(name.below(at.path), info) for name, info in found.unikernels]

    def unikernel(self, name: Name, *, policy: PolicyGiven = None) -> m.Info | None:
        """What runs by that *name*, or None."""
        found = self._caller.ask(m.UnikernelInfo(), _single(name), policy, m.UnikernelInfos)
        return _about(name, dict(found.unikernels))

    def get_image(
        self,
        name: Name,
        destination: BinaryIO,
        *,
        max_size: int,
        policy: PolicyGiven = None,
        guard: Guard | None = None,
    ) -> Fetched:
        """Write the plain image of a running unikernel to *destination*, in constant memory.

        ``ImageRefused`` when it has more than *max_size* bytes. It costs the instance several times
        the size of the image in memory: ask once for each digest.
        """
        command = m.UnikernelGet(level=0)  # levels above cost the daemon many seconds
        with self._caller.open(
            command, _single(name), policy, effect=Effect.NOTHING, streams=max_size, guard=guard
        ) as connection:
            return download_image(connection, destination, max_size)

    def create(
        self,
        name: Name,
        arguments: m.Arguments,
        image: BinaryIO,
        *,
        size: int,
        compressed: bool = False,
        force: bool = False,
        policy: PolicyGiven = None,
        guard: Guard | None = None,
        on_progress: Progress | None = None,
    ) -> str:
        """Start a unikernel with the *size* bytes of *image*, read from its beginning.

        *compressed*: they are a zlib stream. *force*: one of that name that runs is killed first.
        The commit point is the end of the stream: an error before it (``outcome_known``) has
        changed nothing. The text "created unikernel" means only that a process was started.
        """
        if size <= 0:
            raise RequestRefused("an image has at least one byte")
        config = m.Config(arguments, compressed=compressed)
        command = m.UnikernelForceCreate(config) if force else m.UnikernelCreate(config)
        rewind(image, size)
        with self._caller.open(
            command, _single(name), policy, effect=Effect.AT_END, streams=size, guard=guard
        ) as connection:
            return upload(connection, image, size, on_progress)

    def restart(self, name: Name, *, policy: PolicyGiven = None, guard: Guard | None = None) -> str:
        """End a running unikernel and start it again as it is.

        ``Failure`` when nothing runs by that name, also where Albatross calls it a success
        ("destroyed: removed from restarting") though nothing was started.
        """
        text = self._change(m.UnikernelRestart(), name, policy, guard)
        if text.startswith("destroyed"):
            raise Failure(text, hint="It was not running, and nothing was started.")
        return text

    def destroy(self, name: Name, *, policy: PolicyGiven = None, guard: Guard | None = None) -> str:
        """End a unikernel; the answer comes when its process has ended. Nothing there: ``Failure``."""
        return self._change(m.UnikernelDestroy(), name, policy, guard)

    # --- block devices ---

    def blocks(self, path: Path = (), *, policy: PolicyGiven = None) -> list[m.BlockState]:
        """The block devices at and below *path*, with absolute names."""
        at = Name.of(*path)
        found = self._caller.ask(m.BlockInfo(), at, policy, m.BlockDevices)
        return [m.BlockState(block.name.below(at.path), block.size, block.active) for block in found.blocks]

    def block(self, name: Name, *, policy: PolicyGiven = None) -> m.BlockState | None:
        """The block device of that *name*, or None."""
        found = self._caller.ask(m.BlockInfo(), _single(name), policy, m.BlockDevices)
        return _about(name, {block.name: block for block in found.blocks})

    def block_add(self, name: Name, megabytes: int, *, policy: PolicyGiven = None) -> str:
        """Make a block device of that many MB, filled with zeros."""
        return self._change(m.BlockAdd(megabytes), name, policy)

    def block_remove(self, name: Name, *, policy: PolicyGiven = None) -> str:
        """Remove a block device that no unikernel uses, and its content."""
        return self._change(m.BlockRemove(), name, policy)

    def block_set(
        self,
        name: Name,
        data: BinaryIO,
        *,
        size: int,
        compressed: bool = False,
        policy: PolicyGiven = None,
        guard: Guard | None = None,
        on_progress: Progress | None = None,
    ) -> str:
        """Replace the content of a block device by the *size* bytes of *data*, the rest by zeros.

        The old content is lost as soon as the command is there, so from then on every error (also one
        of *data* or *guard*) has an unknown outcome. ``RequestRefused`` for what makes the instance hang: a device that is not
        there or in use, too much data (*compressed*: once unpacked), no whole zlib stream.
        """
        rewind(data, size)
        room = self._free_block(name, policy).size * MIB
        needed = inflated_size(data, size, room) if compressed else size
        if needed > room:
            raise RequestRefused(f"{needed} bytes do not fit into the {room} bytes of {name}")
        rewind(data, size)
        command = m.BlockSet(compressed)
        with self._caller.open(
            command, name, policy, effect=Effect.AT_ONCE, streams=size, guard=guard
        ) as connection:
            return upload(connection, data, size, on_progress)

    def block_dump(
        self,
        name: Name,
        destination: BinaryIO,
        *,
        level: int = 0,
        policy: PolicyGiven = None,
        guard: Guard | None = None,
    ) -> Fetched:
        """Write the whole content of a block device to *destination*, always plain.

        *level* (0-9) is zlib's for the way here. The size is compared with that of the device.
        """
        size = self._free_block(name, policy).size * MIB
        with self._caller.open(
            m.BlockDump(level), name, policy, effect=Effect.NOTHING, streams=size, guard=guard
        ) as connection:
            return download_block(connection, destination, size)

    def _free_block(self, name: Name, policy: PolicyGiven) -> m.BlockState:
        block = self.block(name, policy=policy)
        if block is None:
            raise RequestRefused(f"there is no block device {name}")
        if block.active:
            raise RequestRefused(f"the block device {name} is in use")
        return block

    # --- subscriptions ---

    def console(
        self,
        name: Name,
        *,
        count: int | None = None,
        since: m.Timestamp | None = None,
        policy: PolicyGiven = None,
    ) -> Stream[m.ConsoleLine]:
        """Follow a console: first the last *count* lines or those since (and at) a time; else all.

        It outlives the unikernel. Something unknown can be subscribed to (``Stream.waiting``).
        """
        if count is None and since is None:
            count = RING
        command = m.ConsoleSubscribe(count, since)
        return self._subscribe(command, _single(name), policy, _console_line)

    def console_history(
        self, name: Name, count: int = RING, *, policy: PolicyGiven = None
    ) -> list[m.ConsoleLine]:
        """The last *count* lines of a console, oldest first."""
        lines: list[m.ConsoleLine] = []
        end = time.monotonic() + HISTORY_TIME
        with self.console(name, count=count, policy=policy) as stream:
            while not stream.waiting and len(lines) < count and time.monotonic() < end:
                line = stream.read(QUIET)
                if line is None:
                    break
                lines.append(line)
        return lines

    def inactive_consoles(self, path: Path = (), *, policy: PolicyGiven = None) -> list[Name]:
        """The consoles at and below *path* whose unikernel does not run, by absolute name."""
        at = Name.of(*path)
        found = self._caller.ask(m.ConsoleListInactive(), at, policy, m.Consoles)
        return [name.below(at.path) for name in found.names]

    def statistics(self, name: Name, *, policy: PolicyGiven = None) -> Stream[tuple[Name, m.Statistics]]:
        """Follow the statistics of a unikernel, or of all below a path: absolute name and sample.

        Albatross has one reader for each name and path: a new one ends the one before.
        """

        def sample(connection: Connection, message: m.Message) -> tuple[Name, m.Statistics]:
            return message.header.name.below(name.path), expect(connection, message, m.Statistics)

        return self._subscribe(m.StatsSubscribe(), name, policy, sample)

    # --- how ---

    def _change(self, command: m.Command, name: Name, policy: PolicyGiven, guard: Guard | None = None) -> str:
        return self._caller.ask(
            command, _single(name), policy, m.Text, effect=Effect.AT_ONCE, guard=guard
        ).text

    def _subscribe(
        self,
        command: m.Command,
        name: Name,
        policy: PolicyGiven,
        read: Callable[[Connection, m.Message], Item],
    ) -> Stream[Item]:
        connection = self._caller.open(command, name, policy, effect=Effect.NOTHING)
        try:
            return Stream(connection, read, self.limits.chunk)
        except BaseException:
            connection.abort()
            raise


def _single(name: Name) -> Name:
    if name.label is None:
        raise RequestRefused(f"{name} is a path, not the name of a single thing")
    return name


def _about(name: Name, found: dict[Name, Item]) -> Item | None:
    """What was found of *name*; an answer about something else isn't taken as "nothing there"."""
    if found.keys() - {name}:
        raise ProtocolError(f"asked for {name}, the instance answered about {', '.join(map(str, found))}")
    return found.get(name)


def _console_line(connection: Connection, message: m.Message) -> m.ConsoleLine:
    return expect(connection, message, m.ConsoleLine)
