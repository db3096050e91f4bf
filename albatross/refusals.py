"""Commands that we never send, because they hang, harm or end the daemons of an instance.

Each refusal has its cause in Albatross; see the protocol reference, sections 4.6, 4.7, 4.10, 6.4.
"""

from __future__ import annotations

from albatross import messages as m
from albatross.errors import RequestRefused

# Only with a label: without one, create breaks the daemon's console connection, block add makes a
# device without a name, and the others reach whatever has the same labels as the path.
_OBJECT_COMMANDS = (
    m.UnikernelCreate,
    m.UnikernelForceCreate,
    m.UnikernelDestroy,
    m.UnikernelGet,
    m.UnikernelRestart,
    m.BlockAdd,
    m.BlockRemove,
    m.BlockSet,
    m.BlockDump,
    m.ConsoleSubscribe,
)
_ALLOWED = (
    *_OBJECT_COMMANDS,
    m.UnikernelInfo,
    m.PolicyInfo,
    m.BlockInfo,
    m.ConsoleListInactive,
    m.StatsSubscribe,
)
MAX_LEVEL = 9  # zlib's; another one ends the daemon


def refuse_harmful(command: m.Command, label: str | None) -> None:
    """Raise ``RequestRefused`` when *command* for *label* must not be sent to an instance."""
    if not isinstance(command, _ALLOWED):
        raise RequestRefused(f"{type(command).__name__} is not a command for a remote instance")
    if label is None and isinstance(command, _OBJECT_COMMANDS):
        raise RequestRefused(f"{type(command).__name__} needs the name of a single thing")
    match command:
        case m.UnikernelGet(level) | m.BlockDump(level) if not 0 <= level <= MAX_LEVEL:
            raise RequestRefused(f"compression level {level} is not in 0-{MAX_LEVEL}")
        case m.BlockAdd(size) if not 0 < size <= m.MAX_INT:
            raise RequestRefused(f"a block device of {size} MB cannot be made")
        case m.ConsoleSubscribe(count, since):
            _refuse_subscription(count, since)
        case m.UnikernelCreate(config) | m.UnikernelForceCreate(config):
            _refuse_arguments(config.arguments)
        case m.UnikernelRestart(arguments) if arguments is not None:
            _refuse_arguments(arguments)
        case _:
            pass


def _refuse_subscription(count: int | None, since: m.Timestamp | None) -> None:
    if (count is None) == (since is None):
        raise RequestRefused("say either how many lines or since when")
    if count is not None and not 0 <= count <= m.MAX_INT:
        raise RequestRefused(f"{count} is not a number of lines")


def _refuse_arguments(arguments: m.Arguments) -> None:
    numbers = [arguments.memory, arguments.numcpus, arguments.startup or 0]
    numbers += [*arguments.cpuids, *arguments.fail_behaviour.exit_codes]
    numbers += [block.sector_size or 0 for block in arguments.blocks]
    if any(not m.MIN_INT <= number <= m.MAX_INT for number in numbers):
        raise RequestRefused("a number in the configuration does not fit into Albatross's integers")
    if any("\0" in argument for argument in arguments.arguments or ()):
        raise RequestRefused("an argument holds a NUL character, with which nothing can be started")
