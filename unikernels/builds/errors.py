"""Everything that can go wrong between us and a builder-web server.

::

    BuilderError
      RequestRefused       not sent: no address of a server, no job name, no uuid, no SHA-256
      Unreachable      *   no connection (refused, no route, name not found, TLS not trusted)
      TimedOut         *   a time limit of ours ran out, also while waiting for our turn
      CutOff           *   the answer ended before its end, or never began
      ServerFailed     *   the server says that it failed (5xx) or is too busy (429)
      NotThere             the server has nothing like it (404)
        UnknownBinary        no build has this main binary: never built here, or vacuumed away
        NoSuccessfulBuild    the job has no build with a main binary (on this platform)
        NotComparable        a build is unknown or lacks the files that are compared
        NoBinary             the build has no main binary
      BadAnswer            not an answer of builder-web: wrong type or shape
        RedirectedElsewhere  it sent us to another server, to another build, or in circles
        TooLarge             more bytes than we take
      HashMismatch         the bytes are not those that the server stated
      Unverifiable         the server states no SHA-256, so the bytes cannot be checked

``*``: ``retryable``, the same request may succeed later without anybody doing something about it.
"""

from __future__ import annotations


class BuilderError(Exception):
    """Base of all; ``str(error)`` is a sentence for people, without anything secret."""

    retryable = False


class RequestRefused(BuilderError, ValueError):
    """Refused by us, before anything was sent."""


class Unreachable(BuilderError):
    """No connection could be made."""

    retryable = True


class TimedOut(BuilderError):
    """A time limit of ours ran out."""

    retryable = True


class CutOff(BuilderError):
    """The answer ended before its end, or never began."""

    retryable = True


class ServerFailed(BuilderError):
    """The server says that it failed, or that it is too busy."""

    retryable = True


class NotThere(BuilderError):
    """The server has nothing like it."""


class UnknownBinary(NotThere):
    """No build of this server has such a main binary."""


class NoSuccessfulBuild(NotThere):
    """The job has no build with a main binary."""


class NotComparable(NotThere):
    """The server cannot compare these builds."""


class NoBinary(NotThere):
    """The build has no main binary."""


class BadAnswer(BuilderError):
    """The answer is not one that builder-web gives."""


class RedirectedElsewhere(BadAnswer):
    """The server sent us to where we do not go."""


class TooLarge(BadAnswer):
    """More bytes than we take."""


class HashMismatch(BuilderError):
    """The bytes are not those that the server stated."""


class Unverifiable(BuilderError):
    """The server states no SHA-256."""
