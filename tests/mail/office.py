"""A post office: a real SMTP server on loopback that keeps what it gets, and can be told to misbehave."""

from __future__ import annotations

import email
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@dataclass
class Handler:
    """What the server does at each command; see aiosmtpd."""

    letters: list[tuple[str, EmailMessage]] = field(default_factory=list)
    greeted: int = 0  # connections
    encrypted: list[bool] = field(default_factory=list)  # whether each letter came over TLS
    refused: dict[str, str] = field(default_factory=dict)  # recipient: answer
    sender_answer: str = "250 fine"
    data_answers: list[str] = field(default_factory=list)  # to the next letters; then it takes them
    hang_up: set[str] = field(default_factory=set)  # recipients in the middle of whose letter it hangs up
    on_data: Callable[[], None] = lambda: None

    async def handle_EHLO(  # noqa: N802  # the library's word
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.greeted += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802  # the library's word
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.sender_answer

    async def handle_RCPT(  # noqa: N802  # the library's word
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(  # noqa: N802  # the library's word
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        to = envelope.rcpt_tos[0]
        if to in self.hang_up:
            assert server.transport is not None
            server.transport.close()
            return "421 bye"
        if self.data_answers:
            return self.data_answers.pop(0)
        assert isinstance(envelope.content, bytes)
        assert server.transport is not None
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        self.letters.append((to, email.message_from_bytes(envelope.content, policy=policy.default)))
        self.on_data()
        return "250 taken"


class PostOffice(Controller):
    """The server: ``start`` it and ``stop`` it."""

    handler: Handler

    def __init__(self, **options: Any) -> None:
        self.handler = Handler()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        super().__init__(self.handler, hostname="127.0.0.1", port=port, **options)

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._socket, ssl=self.ssl_context)

    @property
    def told(self) -> list[str]:
        """Who got letters, in order."""
        return [to for to, _ in self.handler.letters]

    @property
    def last(self) -> EmailMessage:
        """The newest letter."""
        return self.handler.letters[-1][1]


def every_password_is_right(*_: object) -> AuthResult:
    """An authenticator that lets everybody in."""
    return AuthResult(success=True)


def no_password_is_right(*_: object) -> AuthResult:
    """An authenticator that lets nobody in."""
    return AuthResult(success=False, handled=False, message="535 5.7.8 wrong password")


def text_of(message: EmailMessage) -> str:
    """The text of a letter as people read it."""
    content: str = message.get_content()
    return content.replace("\r\n", "\n")
