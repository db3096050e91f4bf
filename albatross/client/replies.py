"""What the frames of an answer mean. Source: ``albatross-protocol`` 2.4, 4; ``protocol-observed`` 4, 19, 21."""

from __future__ import annotations

from typing import TypeVar

from albatross import messages as m
from albatross.errors import DecodeError, Failure, UnknownAlternative, UnknownReply
from albatross.transport import Connection
from albatross.wire import decode

Kind = TypeVar("Kind")

# Texts of the endpoint that only tell that a connection inside the instance broke: what the daemon
# did or goes on doing, nobody said.
_BROKEN = frozenset(
    {
        "error reading from fd",
        "exception while reading from fd",
        "exception",
        "couldn't write unikernel to VMMD",
        "writing block data",
        "reading tls chunk",
    }
)
_LOOK = "What happened is not known: look at the instance."


def read_message(
    connection: Connection, *, limit: int | None = None, patience: float | None = None
) -> m.Message:
    """The next message, which is no failure: that raises ``Failure``. See ``Connection.read_frame``."""
    body = (
        connection.read_frame(limit) if patience is None else connection.read_frame(limit, patience=patience)
    )
    try:
        message = decode(body)
    except UnknownAlternative as error:
        words = f"an answer that this version does not know: {error}"
        raise UnknownReply(words, outcome_known=connection.outcome_known) from error
    except DecodeError as error:
        raise connection.wrong(f"not an answer of Albatross: {error}") from error
    if isinstance(message.payload, m.FailureText):
        raise failure(message.payload.text, outcome_known=connection.outcome_known)
    return message


def read_reply(connection: Connection, kind: type[Kind]) -> Kind:
    """The one answer to a command, which has to be of this *kind*."""
    return expect(connection, read_message(connection), kind)


def expect(connection: Connection, message: m.Message, kind: type[Kind]) -> Kind:
    """The payload of *message*, which has to be of this *kind*."""
    if not isinstance(message.payload, kind):
        raise connection.wrong(f"the answer is {type(message.payload).__name__}, not {kind.__name__}")
    return message.payload


def failure(text: str, *, outcome_known: bool) -> Failure:
    """The error for a failure text; *outcome_known* as if nothing had been said."""
    if text in _BROKEN and not outcome_known:
        return Failure(text, outcome_known=False, hint=_LOOK)
    return Failure(text)
