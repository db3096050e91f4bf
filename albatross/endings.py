"""What the endings of a connection mean, as errors of the tree in ``errors``.

In TLS 1.3 the client has finished its handshake before the server looked at the client's certificate:
a refused certificate shows as an alert when the client first reads.
Source: ``protocol-observed`` 9, 10; RFC 8446 section 6.
"""

from __future__ import annotations

import re

from OpenSSL import SSL

from albatross.errors import (
    ClientRefused,
    ClosedWithoutAnswer,
    CommandError,
    ProtocolError,
    ServerRefused,
    TimedOut,
    Unreachable,
)

# Alerts with which a server tells that it does not like the certificate we made.
_CERTIFICATE_ALERTS = frozenset(
    {
        "bad certificate",
        "unsupported certificate",
        "certificate revoked",
        "certificate expired",
        "certificate unknown",
        "certificate required",
        "unknown ca",
        "access denied",
        "decrypt error",
    }
)
CLOCKS = "Compare the clocks of this machine and of the instance: they differ by minutes."
_CREDENTIALS = (
    "Check that the certificate given for this instance is, or was issued by, the CA that the instance trusts,"
    " and that the clocks of both machines agree."
)
_SERVER_CA = "Check that the server CA given for this instance is the one that signed its certificate."
_NO_TLS = "Check the address and port: an Albatross TLS endpoint (TLS 1.3) has to answer there."

# Codes of OpenSSL's verification that say more than "not signed by the CA we pinned".
_VERIFICATION = {9: "it is not valid yet", 10: "it has expired", 26: "it is not one for servers"}


def refused_server(code: int) -> ServerRefused:
    """We do not trust the server's certificate; *code* is OpenSSL's reason."""
    reason = _VERIFICATION.get(code, "it is not signed by the CA given for this instance")
    hint = CLOCKS if code in (9, 10) else _SERVER_CA
    return ServerRefused(
        f"the server's certificate is refused: {reason} (verification error {code})", hint=hint
    )


def broken_handshake(error: SSL.Error) -> ServerRefused:
    """The handshake ended in *error*, before the server could see our certificate."""
    return ServerRefused(f"no TLS 1.3 connection could be made ({_reason(error)})", hint=_NO_TLS)


def broken(error: SSL.Error, *, outcome_known: bool) -> CommandError:
    """TLS ended in *error* after the handshake: mostly the server's refusal of our certificate."""
    match = re.search(r"\balert (.*)", _reason(error))
    alert = match[1] if match else ""
    if alert in _CERTIFICATE_ALERTS:
        hint = CLOCKS if alert == "certificate expired" else _CREDENTIALS
        return ClientRefused(f"the instance refused our certificate ({alert})", hint=hint)
    return ProtocolError(f"the TLS connection broke ({_reason(error)})", outcome_known=outcome_known)


def closed(
    error: OSError | None, *, established: bool, mid_frame: bool, outcome_known: bool
) -> Unreachable | ClosedWithoutAnswer:
    """The other side closed the connection, or it broke with *error*."""
    cause = f" ({error.strerror.lower()})" if error is not None and error.strerror else ""
    if not established:
        return Unreachable(f"the connection ended during the TLS handshake{cause}", hint=_NO_TLS)
    where = "in the middle of an answer" if mid_frame else "without an answer"
    hint = "" if mid_frame else "The log of albatross-tls-endpoint has the reason."
    words = f"the instance closed the connection {where}{cause}"
    return ClosedWithoutAnswer(words, outcome_known=outcome_known, hint=hint)


def out_of_time(*, established: bool, outcome_known: bool) -> TimedOut:
    """One of our limits passed."""
    if not established:
        words = "the instance did not complete the TLS handshake in time"
        return TimedOut(words, outcome_known=outcome_known, hint=_NO_TLS)
    hint = "" if outcome_known else "It may have been done all the same: look at the instance."
    return TimedOut("the instance did not answer in time", outcome_known=outcome_known, hint=hint)


def _reason(error: SSL.Error) -> str:
    """The last reason in OpenSSL's error queue, of entries (library, function, reason)."""
    queue = error.args[0] if error.args else ()
    return str(queue[-1][-1]) if isinstance(queue, list) and queue else "unexpected end"
