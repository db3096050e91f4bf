"""Console text made harmless (pure): what could command a terminal or hide in a page is shown instead."""

from __future__ import annotations

MAX_CHARACTERS = 1024  # Albatross cuts lines at 512 bytes; whatever more comes is not a line of its

_NAMES = {0x7F: "\N{SYMBOL FOR DELETE}"} | {code: chr(0x2400 + code) for code in range(0x20)}


def visible(text: str) -> str:
    r"""*text* of a console line, with every control character as a symbol (ESC is ``␛``).

    Tabs become spaces. Bytes that are no UTF-8 (as ``surrogateescape`` leaves them) become ``\xff``,
    characters that do not show themselves or turn the text around ``\u202e``. The result is one line
    of printable characters.
    """
    shown = text[:MAX_CHARACTERS]
    if not shown.isprintable():  # few lines are not
        shown = "".join(map(_shown, shown.expandtabs()))
    return shown if len(text) <= MAX_CHARACTERS else shown + " […]"


def _shown(character: str) -> str:
    code = ord(character)
    if character.isprintable():
        return character
    if code in _NAMES:
        return _NAMES[code]
    if 0xDC80 <= code <= 0xDCFF:  # a byte of surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
