"""Filters of the house: ages, sizes, digests. Each writes one small thing the same way everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

SHORT = 8  # digits of a digest that people compare

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def span(seconds: float) -> str:
    """A length of time in its largest unit: ``14 s``, ``3 min``, ``5 h``, ``12 d``."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(int(seconds), 0)} s"


@register.filter
def age(moment: datetime | None) -> str | SafeString:
    """``3 min ago``, the exact moment on hover."""
    return _timed(moment, " ago")


@register.filter
def since(moment: datetime | None) -> str | SafeString:
    """``3 min``, the exact moment on hover."""
    return _timed(moment, "")


def _timed(moment: datetime | None, tail: str) -> str | SafeString:
    if moment is None:
        return "never"
    text = span((timezone.now() - moment).total_seconds())
    exact = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html('<time datetime="{}" title="{}">{}{}</time>', moment.isoformat(), exact, text, tail)


@register.filter
def clock(moment: datetime) -> str:
    """``14:03:21``."""
    return moment.strftime("%H:%M:%S")


@register.filter
def lasted(duration: timedelta | None) -> str:
    """``00:14`` or ``1:02:03``."""
    seconds = int(duration.total_seconds()) if duration else 0
    minutes, rest = divmod(max(seconds, 0), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes:02}:{rest:02}"


@register.filter
def limit(number: int) -> str:
    """``1,024``, or ``no limit``: an instance that has none says OCaml's largest number."""
    return "no limit" if number == 2**62 - 1 else f"{number:,}"


@register.filter
def milliseconds(seconds: float) -> str:
    """``12 ms``, ``3.2 s``."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


@register.filter
def short(digest: str) -> SafeString:
    """The first eight digits of a digest, all of them on hover."""
    return format_html('<code title="{}">{}</code>', digest, digest[:SHORT])


@register.filter
def coded(text: str) -> SafeString:
    """*text*, in which what stands between backticks is code."""
    pieces = enumerate(text.split("`"))
    shown = ((format_html("<code>{}</code>", piece) if at % 2 else piece,) for at, piece in pieces)
    found: SafeString = format_html_join("", "{}", shown)
    return found


@register.filter
def latency(seconds: float) -> str:
    """``0.8 ms``, ``12 ms``, ``1,204 ms``."""
    thousandths = seconds * 1000
    return f"{thousandths:.1f} ms" if thousandths < 10 else f"{thousandths:,.0f} ms"


@register.filter
def percent(share: float) -> str:
    """A share of a CPU: ``0.3 %``, ``12 %``."""
    hundredths = share * 100
    return f"{hundredths:.1f} %" if hundredths < 10 else f"{hundredths:,.0f} %"


@register.filter
def per_second(size: float) -> str:
    """Bytes a second: ``0 B/s``, ``812 B/s``, ``12 kB/s``."""
    return f"{size:.0f} B/s" if size < 1000 else f"{filesize(round(size))}/s"


@register.filter
def mebibytes(size: float) -> str:
    """Bytes as the MB that memory is given out in: ``12.3 MB``, ``1,204 MB``; few of them as kB."""
    if 0 < size < 2**20 / 10:
        return f"{size / 2**10:.1f} kB"
    size /= 2**20
    return f"{size:.1f} MB" if size < 99.95 else f"{size:,.0f} MB"


@register.filter
def megabytes(size: int | None) -> str:
    """A number of MB, with thin groups: ``1,024 MB``."""
    return "none" if size is None else f"{size:,} MB"


@register.filter
def filesize(size: int) -> str:
    """A number of bytes for people: ``812 kB``, ``5.3 MB``."""
    if size < 1_000_000:
        return f"{max(size / 1000, 0.1):.1f} kB" if size < 10_000 else f"{size // 1000} kB"
    return f"{size / 1_000_000:,.1f} MB"


@register.filter
def listed(values: object) -> str:
    """``0, 1, 2``, or ``none``."""
    return ", ".join(map(str, values)) if values else "none"  # type: ignore[call-overload]  # any collection


@register.filter
def sorted_list(values: Iterable[str]) -> str:
    """``inner, service``, or ``none``."""
    return listed(sorted(values))


@register.filter
def ranges(numbers: Iterable[int]) -> str:
    """CPU ids as people write them: ``0-3, 8``."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts) or "none"


@register.filter
def words(name: str) -> str:
    """A name of programs as people write it: ``block upload``."""
    return name.replace("_", " ")
