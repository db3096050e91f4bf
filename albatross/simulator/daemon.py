"""The daemon of a simulated instance: what ``albatrossd`` does with a command.

Failure texts come out as ``Refused``. Two commands never get an answer from the original; here they
raise ``NoAnswer`` (``protocol-observed`` 29). Everything runs on one event loop. As in the original
one lock serialises what changes something, and is free while a killed unikernel takes its time to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from albatross import messages as m
from albatross.names import Name
from albatross.simulator import restarts
from albatross.simulator.blocks import ZLIB_LEVELS, Blocks
from albatross.simulator.console import Consoles
from albatross.simulator.faults import Faults, Kind, kind_of
from albatross.simulator.guest import Guest, Machine
from albatross.simulator.journal import Journal
from albatross.simulator.preparation import Prepared, check_devices, plain_image, prepare
from albatross.simulator.state import Labels, Refused, Running, State
from albatross.simulator.store import Kept, Store

log = logging.getLogger(__name__)

DEFAULT_STARTUP = 50  # of unikernels that say none, in the order of a boot
BY_ITSELF = "automatic_restart"  # what starts a unikernel again whose process ended
AT_BOOT = "boot"
_DAEMON_GONE = "error reading from fd"  # what a client hears when a command ends the daemon


class NoAnswer(Exception):
    """The original never answers here."""


class Daemon:
    """State, guests and the verbs that change them."""

    def __init__(
        self,
        *,
        machine: Machine,
        store: Store,
        consoles: Consoles,
        journal: Journal,
        faults: Faults,
        now: Callable[[], m.Timestamp],
    ) -> None:
        self.state = State(machine.host)
        self.guests: dict[Labels, Guest] = {}
        self.blocks = Blocks(self.state, store, journal)
        self._machine, self._store, self._consoles = machine, store, consoles
        self._journal, self._faults, self._now = journal, faults, now
        self._lock = asyncio.Lock()
        self._waiters: dict[Labels, asyncio.Future[None]] = {}
        self._restarting: set[Labels] = set()  # names whose next destroy succeeds without effect
        self._former: dict[Labels, Running] = {}  # what ran before, for a fault that tells of it
        self._last_start = 0
        self._booted = False

    async def boot(self) -> None:
        """Start what ran when the instance was stopped, the smallest ``startup`` first."""
        kept = sorted(self._store.load(self.state), key=_startup)
        with contextlib.ExitStack() as held:
            for one in kept:
                held.enter_context(self._store.held(one.stored))
            for one in kept:
                await self._start_kept(one)
        self._booted = True
        self._save()

    async def _start_kept(self, kept: Kept) -> None:
        try:
            async with self._lock:
                await self._start(kept.name, kept.config, self._store.image(kept.stored), AT_BOOT)
        except (Refused, OSError) as error:
            log.warning("%s is not started again: %s", kept.name, error)

    def _save(self) -> None:
        """Write the state, but not while a boot has started only a part of what it has to."""
        if self._booted:
            self._store.save(self.state)

    def close(self) -> None:
        """Stop without a trace: what runs now will run again after ``boot``."""
        for guest in self.guests.values():
            guest.discard()
        self.guests.clear()

    # --- policies ------------------------------------------------------------------------------

    def apply_policies(self, policies: Iterable[tuple[Labels, m.Policy]]) -> None:
        """Set the policies of a chain (from the top downwards), the deepest first. ``Refused``."""
        for path, policy in reversed(list(policies)):
            try:
                self._set_policy(path, policy)
            except Refused as refused:
                host = f"host [unikernel: {':'.join(path)}:]"
                raise Refused(
                    f"expected success when adding policy, got: {host}: command failed {refused}"
                ) from refused

    def _set_policy(self, path: Labels, policy: m.Policy) -> m.Text:
        known = self.state.policies.get(path)
        text = self.state.set_policy(path, policy)
        if known != policy:
            self._save()
            self._journal.add("policy", Name(path))
        return m.Text(text)

    def _remove_policy(self, path: Labels) -> m.Text:
        if self.state.policies.pop(path, None) is None:
            raise Refused("remove policy: not found")
        self._save()
        return m.Text("removed policy")

    # --- commands ------------------------------------------------------------------------------

    async def run(self, name: Name, command: m.Command, image: Path | None = None) -> m.Success:
        """The answer to one command. *image*: a file to take over, for a create whose image came apart."""
        kind = kind_of(command)
        match command:
            case m.UnikernelCreate(config):
                return await self._create(name, config, image, kind)
            case m.UnikernelForceCreate(config):
                return await self._force_create(name, config, image, kind)
            case m.UnikernelRestart(arguments):
                return await self._restart(name, arguments, kind)
            case m.UnikernelDestroy():
                return await self._destroy(name, kind)
            case m.UnikernelGet(level):
                return await self._get(name, level)
            case _:
                async with self._lock:
                    return self._run_at_once(name, command)

    def _run_at_once(self, name: Name, command: m.Command) -> m.Success:
        answer: m.Success
        match command:
            case m.UnikernelInfo():
                answer = m.UnikernelInfos(tuple(self._info(name, kind_of(command))))
            case m.UnikernelInfoOld4():
                answer = m.UnikernelInfosOld4(self._old_info(name, kind_of(command)))
            case m.UnikernelInfoOld5():
                answer = m.UnikernelInfosOld5(self._old_info(name, kind_of(command)))
            case m.PolicyInfo():
                answer = m.Policies(tuple(self.state.list_policies(name)))
            case m.PolicyAdd(policy):
                answer = self._set_policy(name.labels, policy)
            case m.PolicyRemove():
                answer = self._remove_policy(name.labels)
            case m.ConsoleListInactive():
                answer = m.Consoles(tuple(self._consoles.list_inactive(name)))
            case _:
                answer = self._run_block(name, command)
        return answer

    def _run_block(self, name: Name, command: m.Command) -> m.Success:
        answer: m.Success = m.Text("set block device")
        match command:
            case m.BlockInfo():
                answer = m.BlockDevices(tuple(self.state.list_blocks(name)))
            case m.BlockAdd(size):
                self.blocks.add(name, size)
                answer = m.Text("added block device")
            case m.BlockRemove():
                self.blocks.remove(name)
                answer = m.Text("removed block")
            case m.BlockAddOld(size, compressed, data):
                self.blocks.add(name, size)
                if data is not None:
                    self._write_old(name, data, compressed=compressed)
                answer = m.Text("added block device")
            case m.BlockSetOld(compressed, data):
                self._write_old(name, data, compressed=compressed)
            case m.BlockDumpOld(level):
                content = b"".join(self.blocks.dump(name, _zlib_level(level)))
                answer = m.OldBlockImage(level != 0, content)
            case _:
                raise Refused(f"{kind_of(command)} is not a command for the daemon")
        return answer

    def _write_old(self, name: Name, data: bytes, *, compressed: bool) -> None:
        if not data:
            raise Refused("writing block data")  # the endpoint expects a stream and the daemon does not
        self.blocks.write(name, data, compressed=compressed)

    # --- what runs -----------------------------------------------------------------------------

    def _info(self, name: Name, kind: str) -> list[tuple[Name, m.Info]]:
        listed = dict(self.state.list_unikernels(name))
        if self._faults.take(Kind.LINGERS, kind, str(name)):
            for one in self._former.values():
                listed |= _told_by(State(self._machine.host, running={one.name.labels: one}), name)
        if self._faults.take(Kind.STARTED_CHANGES, kind, str(name)):
            moved = self._unique_time()
            listed = {key: replace(info, started=moved) for key, info in listed.items()}
        if self._faults.take(Kind.WRONG_DIGEST, kind, str(name)):
            listed = {key: replace(info, digest=info.digest[::-1]) for key, info in listed.items()}
        return list(listed.items())

    def _old_info(self, name: Name, kind: str) -> tuple[tuple[Name, m.Info], ...]:
        listed = self._info(name, kind)
        if any(len(info.cpuids) != 1 for _, info in listed):
            raise Refused(_DAEMON_GONE)
        return tuple(listed)

    async def _get(self, name: Name, level: int) -> m.UnikernelImage:
        async with self._lock:
            running = self.state.running.get(name.labels)
            if running is None:
                raise Refused("get: no unikernel found")
            path, compressed = self._store.image(running.stored), running.config.compressed
            return await asyncio.to_thread(_read_image, path, compressed=compressed, level=level)

    # --- changes -------------------------------------------------------------------------------

    async def _create(self, name: Name, config: m.Config, image: Path | None, kind: str) -> m.Text:
        with self._store.spool() as spool:
            source = await _source(spool, image, config)
            async with self._lock:
                return await self._start(name, config, source, kind)

    async def _force_create(self, name: Name, config: m.Config, image: Path | None, kind: str) -> m.Text:
        with self._store.spool() as spool:
            source = await _source(spool, image, config)
            async with self._lock:
                self.state.check_resources(name, config.arguments, without=name.labels)
                if name.labels not in self.state.running:
                    return await self._start(name, config, source, kind)
                exited = self._kill(name, kind)
            await exited
            async with self._lock:
                return await self._start(name, config, source, kind)

    async def _restart(self, name: Name, arguments: m.Arguments | None, kind: str) -> m.Text:
        async with self._lock:
            running = self.state.running.get(name.labels)
            if running is None:
                return self._nothing_to_destroy(name)
            self.state.check_resources(running.name, running.arguments, without=name.labels)
            config = running.config if arguments is None else replace(running.config, arguments=arguments)
            path = self._store.image(running.stored)
            await self._check_devices(path, config)
            exited = self._kill(name, kind)
        with self._store.held(running.stored):
            await exited
            async with self._lock:
                return await self._start(running.name, config, path, kind)

    async def _destroy(self, name: Name, kind: str) -> m.Text:
        async with self._lock:
            if name.labels not in self.state.running:
                return self._nothing_to_destroy(name)
            exited = self._kill(name, kind)
        await exited
        self._save()
        return m.Text("destroyed unikernel")

    def _nothing_to_destroy(self, name: Name) -> m.Text:
        if name.labels not in self._restarting:
            raise Refused("destroy: not found")
        self._restarting.discard(name.labels)
        return m.Text("destroyed: removed from restarting")

    # --- processes -----------------------------------------------------------------------------

    async def _check_devices(self, path: Path, config: m.Config) -> None:
        if config.typ is m.Typ.BHYVE:
            raise Refused("error during ELF parsing")
        await asyncio.to_thread(check_devices, path, compressed=config.compressed, arguments=config.arguments)

    async def _start(self, name: Name, config: m.Config, image: Path, kind: str) -> m.Text:
        """All checks of a create, then the start. The caller holds the lock."""
        arguments = config.arguments
        self.state.check_name_free(name)
        self.state.check_resources(name, arguments)
        prepared = await self._prepare(image, config)
        self.state.check_bridges_exist(arguments)
        if name.label is None or any("\0" in argument for argument in arguments.arguments or ()):
            raise Refused("could not create unikernel: console failed")
        if fault := self._faults.take(Kind.CREATE_FAILS, kind, str(name)):
            raise Refused(fault.text)
        stored = self._store.keep(image, prepared.digest, compressed=config.compressed)
        config = replace(config, image=b"")
        running = Running(name, config, stored, prepared.digest, self._unique_time())
        self.state.running[name.labels] = running
        policy = self.state.policy_at(name.path)
        self._consoles.start(name, policy.unikernels if policy else 0)
        guest = Guest(name, arguments, prepared.target, prepared.story, self._machine, self._ended)
        self.guests[name.labels] = guest
        guest.start()
        self._save()
        self._journal.add("started", name, command=kind, detail=prepared.digest.hex())
        return m.Text("created unikernel")

    async def _prepare(self, image: Path, config: m.Config) -> Prepared:
        if config.typ is m.Typ.BHYVE:  # its digest is the name of a virtual machine; its image is not read
            return Prepared(f"alba-{len(self.state.running)}".encode(), "bhyve", None)
        return await asyncio.to_thread(
            prepare,
            image,
            compressed=config.compressed,
            host=self._machine.host,
            arguments=config.arguments,
        )

    def _kill(self, name: Name, kind: str) -> asyncio.Future[None]:
        """SIGTERM; done when the process has ended. Who waited before never hears of it."""
        labels = name.labels
        if (before := self._waiters.get(labels)) and not before.done():
            before.set_exception(NoAnswer())
        exited = self._waiters[labels] = asyncio.get_running_loop().create_future()
        fault = self._faults.take(Kind.SLOW_EXIT, kind, str(name))
        self._journal.add("killed", name, command=kind)
        self.guests[labels].terminate(fault.seconds if fault else 0)
        return exited

    def _ended(self, guest: Guest, ending: restarts.Ending) -> None:
        labels = guest.name.labels
        running = self._former[labels] = self.state.running.pop(labels)
        del self.guests[labels]
        self._consoles.stop(guest.name)
        self._journal.add("exited", guest.name, detail=_told_ending(ending))
        waiter = self._waiters.pop(labels, None)
        if waiter is not None:
            self._restarting.add(labels)
            if not waiter.done():
                waiter.set_result(None)
            return
        self._restarting.discard(labels)
        again = restarts.after(running.arguments, ending)
        if again is None:
            self._save()
        else:
            self._machine.spawn(self._start_again(running, again))

    async def _start_again(self, running: Running, arguments: m.Arguments) -> None:
        """A restart that fails its checks is dropped without a word, as in the original."""
        with self._store.held(running.stored):
            config = replace(running.config, arguments=arguments)
            try:
                async with self._lock:
                    await self._start(running.name, config, self._store.image(running.stored), BY_ITSELF)
            except Refused as refused:
                log.info("%s is not started again: %s", running.name, refused)
                self._save()

    def _unique_time(self) -> m.Timestamp:
        """Now, but later than any time given before: two starts never have the same."""
        self._last_start = max(self._last_start + 1, self._now().milliseconds)
        return m.Timestamp(self._last_start)


def _startup(kept: Kept) -> int:
    startup = kept.config.arguments.startup
    return DEFAULT_STARTUP if startup is None else startup


def _told_by(state: State, name: Name) -> dict[Name, m.Info]:
    return dict(state.list_unikernels(name))


def _told_ending(ending: restarts.Ending) -> str:
    if isinstance(ending, restarts.Exited):
        return f"exit {ending.code}"
    return f"signal {ending.signal}"


async def _source(spool: Path, image: Path | None, config: m.Config) -> Path:
    """The file that holds the image: the one that came apart, or *spool* with that of the command."""
    if image is None:
        await asyncio.to_thread(spool.write_bytes, config.image)
        return spool
    return image


def _zlib_level(level: int) -> int:
    if level not in ZLIB_LEVELS:
        raise Refused(_DAEMON_GONE)
    return level


def _read_image(path: Path, *, compressed: bool, level: int) -> m.UnikernelImage:
    """What ``get`` answers (``albatross-protocol`` 4.6)."""
    if compressed and level > 0:
        return m.UnikernelImage(compressed=True, image=path.read_bytes())
    if compressed:
        with plain_image(path, compressed=True) as file:
            file.seek(0)
            return m.UnikernelImage(compressed=False, image=file.read())
    data = path.read_bytes()
    if _zlib_level(level) == 0:
        return m.UnikernelImage(compressed=False, image=data)
    return m.UnikernelImage(compressed=True, image=zlib.compress(data, level))
