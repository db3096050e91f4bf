"""A builder-web without sockets: the answers and faults of the simulator, in virtual time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import IncompleteRead

from tests.chaos.clock import Clock, unbound
from unikernels.builds import edge
from unikernels.builds.errors import TimedOut
from unikernels.builds.simulator import replies
from unikernels.builds.simulator.catalogue import Catalogue
from unikernels.builds.simulator.faults import Faults, Kind
from unikernels.builds.simulator.server import Request, answer
from unikernels.builds.web import Answer, Web

URL = "http://builder.test"
_FILES = "*/f/bin/*"


class _Body:
    """What urllib3 gives to read, cut where a fault cuts it."""

    def __init__(self, body: bytes, stated: int | None, *, cut: bool) -> None:
        self._file = io.BytesIO(body)
        self._missing = cut or (stated is not None and stated > len(body))

    def read1(self, size: int, **_: Any) -> bytes:
        data = self._file.read(size)
        if not data and self._missing:
            raise IncompleteRead(0, 1)
        return data


class _Patience:
    over = False


class Builder:
    """The server of a process of the harness."""

    def __init__(self, clock: Clock, catalogue: Catalogue) -> None:
        self._clock, self.catalogue = clock, catalogue
        self.faults = Faults()

    def reset(self) -> None:
        """All is well, and nobody remembers what was asked."""
        self.faults.clear()
        edge._client.cache_clear()

    def fault(self, kind: str, *, times: int | None, **words: Any) -> None:
        """Let something be wrong with the next binary."""
        self.faults.add(kind, _FILES, times=times, **words)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """In this block all clients of builders ask this one."""
        with mock.patch.object(Web, "step", unbound(self._step)):
            yield

    @contextmanager
    def _step(
        self, web: Web, path: str, *, as_json: bool = False, seconds: float | None = None
    ) -> Iterator[Answer]:
        del seconds
        request = Request(path, {"Accept": "application/json" if as_json else "*/*"})
        faults = self.faults.strike(path)
        _, patience = web.timeouts()
        if slow := faults.get(Kind.SLOW):
            self._clock.sleep(min(slow.seconds, patience))
            if slow.seconds >= patience:
                raise TimedOut("The builder took too long.")
        reply = replies.spoiled(answer(self.catalogue, request), faults, path)
        headers = CaseInsensitiveDict(dict(reply.headers))
        cut = Kind.CUT in faults
        body = reply.body[: len(reply.body) // 2] if cut else reply.body
        stated = int(headers["content-length"]) if "content-length" in headers else None
        raw = _Body(body, stated, cut=cut)
        yield Answer(path, reply.status, headers, raw, _Patience())  # type: ignore[arg-type]  # as a deadline that never comes
