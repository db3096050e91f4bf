"""Answers that are not known yet: the request waits for one, and no thread does."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from django.http import HttpResponse, HttpResponseBase, JsonResponse

LOOK_EVERY = 0.5  # seconds; what is waited for here takes seconds at least

Look = Callable[[], HttpResponseBase | None]


class Later(JsonResponse):
    """Stands for the answer that *look* gives at some time, or *otherwise* after *seconds*.

    ``mollymawk.handler`` asks *look* now and then, in a thread, until it gives an answer. Whoever
    does not know of this sees a 202.
    """

    def __init__(self, look: Look, otherwise: Callable[[], HttpResponseBase], *, seconds: float) -> None:
        super().__init__({"status": 202}, status=202)
        self._look, self._otherwise = look, otherwise
        self._end = monotonic() + seconds

    def answer(self) -> HttpResponseBase | None:
        """The answer, with the headers that middleware gave to this one; None when it is not known yet."""
        found = self._look() or (self._otherwise() if monotonic() >= self._end else None)
        if found is None:
            return None
        for name, value in self.items():
            if name not in {"Content-Type", "Content-Length"}:
                found.headers.setdefault(name, value)
        if isinstance(found, HttpResponse):
            found.headers.setdefault("Content-Length", str(len(found.content)))
        found.cookies.update(self.cookies)
        # What the request opened is closed with the answer that is sent. Django has no public way for it.
        found._resource_closers.extend(self._resource_closers)  # type: ignore[attr-defined]  # noqa: SLF001
        return found
