"""Everything that can go wrong between us and an Albatross instance.

::

    AlbatrossError
      NameInvalid            a label, path or name that Albatross would not read
      AddressInvalid         not the host and port of an instance
      DecodeError            bytes that are not a message of the protocol
        UnknownAlternative     well formed, but a choice this version does not know
      EncodeError            a message that cannot be written (integer out of range, ...)
      FrameError             a frame that is too large, or a stream cut inside a frame
      ImageRefused           a file that is no Solo5 image, with the reason
      CertificateInvalid     the key pair of an instance cannot be used, with the reason
      RequestRefused         refused by us before anything was sent (would hang or harm the host)
      CommandError           a command that was started did not succeed; ``outcome_known`` says
        |                    whether we can tell what it did on the instance
        Unreachable            no connection (refused, no route, name not found, ended at once)
        ServerRefused          we do not trust the server's certificate, or TLS failed
        ClientRefused          the server refused our certificate (seen at the first read)
        ClosedWithoutAnswer    the connection ended before a reply
        TimedOut               our time limit ran out
        Failure                the instance answered with a failure text
        ProtocolError          the answer was not one that the command can have
          UnknownReply           an alternative that this version does not know

``outcome_known`` is True when nothing can have been changed, or when the instance itself
told what happened; False when a change may or may not have taken place.
"""

from __future__ import annotations


class AlbatrossError(Exception):
    """Base of all errors of this library."""


class NameInvalid(AlbatrossError, ValueError):
    """A label, path or name that Albatross would not read."""


class AddressInvalid(AlbatrossError, ValueError):
    """A text that is not the host and port of an instance."""


class DecodeError(AlbatrossError):
    """Bytes that are not a message of the protocol."""


class UnknownAlternative(DecodeError):
    """A CHOICE alternative that this version of the grammar does not know."""


class EncodeError(AlbatrossError):
    """A message that cannot be written."""


class FrameError(AlbatrossError):
    """A frame that is too large, or a stream that was cut inside a frame."""


class ImageRefused(AlbatrossError):
    """A file that is not a Solo5 image we can run."""


class CertificateInvalid(AlbatrossError):
    """The certificate or key given for an instance cannot be used."""


class RequestRefused(AlbatrossError):
    """Refused by us, before anything was sent."""


class CommandError(AlbatrossError):
    """A command did not succeed.

    ``outcome_known`` is False when the command may have taken effect.
    ``hint`` is one sentence for the person who has to do something about it, or empty.
    """

    outcome_known: bool = True

    def __init__(self, message: str, *, outcome_known: bool | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if outcome_known is not None:
            self.outcome_known = outcome_known


class Unreachable(CommandError):
    """No connection could be made; nothing was sent."""


class ServerRefused(CommandError):
    """We refused the server (wrong certificate authority, no TLS 1.3); nothing was sent."""


class ClientRefused(CommandError):
    """The server refused our certificate; the command was not run."""


class ClosedWithoutAnswer(CommandError):
    """The connection ended without a reply. For a change the outcome is unknown."""


class TimedOut(CommandError):
    """Our time limit ran out. After the commit point the outcome is unknown."""


class Failure(CommandError):
    """The instance answered with a failure text (``str(error)`` is that text, verbatim)."""


class ProtocolError(CommandError):
    """The instance answered something that the command cannot have as an answer."""


class UnknownReply(ProtocolError):
    """The instance answered with an alternative that this version does not know."""
