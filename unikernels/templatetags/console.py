"""What the console page writes: a text with the words that were looked for marked."""

from __future__ import annotations

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def marked(text: str, words: str) -> str | SafeString:
    """*text*, escaped, with each place where *words* stand (in capitals or not) marked."""
    small, wanted = text.lower(), words.lower()
    if not wanted or len(small) != len(text):  # a few capitals become two letters: then nothing is marked
        return text
    parts, at = [], 0
    while (found := small.find(wanted, at)) >= 0:
        end = found + len(wanted)
        parts.append((text[at:found], text[found:end]))
        at = end
    return format_html("{}{}", format_html_join("", "{}<mark>{}</mark>", parts), text[at:])
