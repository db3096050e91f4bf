"""Console text made harmless (pure): what could command a terminal or hide in a page is shown instead."""

from __future__ import annotations

import unicodedata

MAX_CHARACTERS = 1024  # Albatross cuts lines at 512 bytes; whatever more comes is not a line of its

_NAMES = {0x7F: "\N{SYMBOL FOR DELETE}"} | {code: chr(0x2400 + code) for code in range(0x20)}

# Control, format (text that turns its direction, joins or hides), line and paragraph separators,
# surrogates, private and unassigned characters. An ordinary joiner is lost with them, which is no harm.
_HIDDEN = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"}


def visible(text: str) -> str:
    r"""*text* of a console line, with every control character as a symbol (ESC is ``␛``).

    Tabs become spaces. Bytes that are no UTF-8 (as ``surrogateescape`` leaves them) become ``\xff``,
    characters that do not show themselves ``\u202e``. The result is one line of printable characters.
    """
    shown = "".join(map(_shown, text[:MAX_CHARACTERS].expandtabs()))
    return shown if len(text) <= MAX_CHARACTERS else shown + " […]"


def _shown(character: str) -> str:
    code = ord(character)
    if code in _NAMES:
        return _NAMES[code]
    if unicodedata.category(character) not in _HIDDEN:
        return character
    if 0xDC80 <= code <= 0xDCFF:  # a byte of surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
