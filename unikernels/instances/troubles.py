"""What an error says about an instance: the kind of trouble, and a sentence for its owner (pure)."""

from __future__ import annotations

from albatross import errors
from albatross.models import Instance
from mollymawk.errors import ApplicationError

Trouble = Instance.Trouble

MAX_TEXT = 500  # characters of a sentence; failure texts of an instance have no limit of their own

# The endpoint answered for daemons behind it that it cannot reach: nothing is wrong with the protocol.
_DAEMON_DOWN = ("couldn't reach service", "error reading from fd", "exception while reading from fd")

# The first that fits. A close without an answer is what an endpoint does with commands, versions and
# certificates that it does not know (protocol-observed 10), and what a network does when it breaks.
_KINDS: tuple[tuple[type[Exception], Instance.Trouble], ...] = (
    (errors.ServerRefused, Trouble.CERTIFICATE),
    (errors.ClientRefused, Trouble.CREDENTIALS),
    (errors.CertificateInvalid, Trouble.CREDENTIALS),
    (errors.RequestRefused, Trouble.CREDENTIALS),
    (ApplicationError, Trouble.CREDENTIALS),  # a stored key that cannot be opened
    (errors.ProtocolError, Trouble.INCOMPATIBLE),
    (errors.ClosedWithoutAnswer, Trouble.INCOMPATIBLE),
    (errors.DecodeError, Trouble.INCOMPATIBLE),
    (errors.FrameError, Trouble.INCOMPATIBLE),
    (errors.AddressInvalid, Trouble.NETWORK),
    (errors.Unreachable, Trouble.NETWORK),
    (errors.TimedOut, Trouble.NETWORK),
)


def trouble_of(error: Exception) -> Instance.Trouble:
    """The kind of trouble that *error*, raised by a command at the root, points to."""
    if isinstance(error, errors.Failure):
        return Trouble.NETWORK if str(error) in _DAEMON_DOWN else Trouble.INCOMPATIBLE
    return next((trouble for kind, trouble in _KINDS if isinstance(error, kind)), Trouble.INCOMPATIBLE)


def sentence(error: Exception) -> str:
    """*error* in one or two sentences, with what to do about it where that is known."""
    said = f"The instance says: {error}" if isinstance(error, errors.Failure) else str(error)
    text = said[:1].upper() + said[1:].rstrip(".") + "."
    hint = error.hint if isinstance(error, errors.CommandError) else ""
    visible = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in f"{text} {hint}".strip())
    return visible[:MAX_TEXT]
