"""A check on the command line: options that make its kind and settings."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from mollymawk.errors import Invalid

_KINDS = ("http", "dns", "tcp")
_OF_HTTP = ("connect", "status", "text", "verify")
_OF_DNS = ("server", "type", "answer")


def _status(text: str) -> list[int]:
    low, dash, high = text.partition("-")
    try:
        return [int(low), int(high if dash else low)]
    except ValueError:
        raise ArgumentTypeError(f"{text!r}: write 200 or 200-399") from None


def add_check(parser: ArgumentParser) -> None:
    """The options that say what a check asks, and what is good."""
    group = parser.add_argument_group("what is asked")
    kind = group.add_mutually_exclusive_group()
    kind.add_argument("--http", metavar="URL")
    kind.add_argument("--dns", metavar="NAME", help="a name of the DNS, asked of --server")
    kind.add_argument("--tcp", metavar="HOST:PORT")
    group.add_argument("--connect", metavar="ADDRESS", help="http: IP address to connect to instead")
    group.add_argument("--status", type=_status, metavar="LOW-HIGH", help="http: good ones (200-399)")
    group.add_argument("--text", help="http: a part of the body")
    group.add_argument(
        "--no-verify", dest="verify", action="store_false", default=None, help="http: take any certificate"
    )
    group.add_argument("--server", metavar="HOST:PORT", help="dns: whom to ask")
    group.add_argument("--type", help="dns: A, AAAA, TXT, … (A)")
    group.add_argument("--answer", help="dns: the record that has to be among the answers")


def check_is_given(options: dict[str, Any]) -> bool:
    """Whether the options say what to ask."""
    return any(options[name] is not None for name in (*_KINDS, *_OF_HTTP, *_OF_DNS))


def given_check(options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Kind and settings that the options describe. Raises ``Invalid`` for options that do not fit together."""
    if options["http"]:
        return "http", {"url": options["http"]} | _only(options, _OF_HTTP, "http")
    if options["dns"]:
        return "dns", {"name": options["dns"]} | _only(options, _OF_DNS, "dns")
    if options["tcp"]:
        return "tcp", {"address": options["tcp"]} | _only(options, (), "tcp")
    raise Invalid("Say what to ask: --http, --dns or --tcp.")


def _only(options: dict[str, Any], names: tuple[str, ...], kind: str) -> dict[str, Any]:
    given = {name: options[name] for name in (*_OF_HTTP, *_OF_DNS) if options[name] is not None}
    if others := sorted(given.keys() - set(names)):
        raise Invalid(f"A check by {kind} takes no {', '.join(f'--{name}' for name in others)}.")
    return given
