"""Hostile text made safe to show: bills, file names and tags may hold anything."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1: terminal escapes live here
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks reorder what a reader sees
    "\u2028\u2029\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # line separators, invisible marks and tags
    "\ud800-\udfff]"  # halves of surrogate pairs, which no stream can encode
)
_LAYOUT = str.maketrans({"\t": "\\t", "\n": "\\n"})


def printable(text: str) -> str:
    """Give the text with every control and direction character written as an escape, in one line."""
    return _UNSAFE.sub(_escape, text).translate(_LAYOUT)


def printable_lines(text: str) -> str:
    """Give the text as `printable` does, but keep its line breaks."""
    return "\n".join(printable(line) for line in text.split("\n"))


def shortened(text: str, limit: int) -> str:
    """Give the printable text, cut to at most `limit` characters with an ellipsis."""
    shown = printable(text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _escape(match: re.Match[str]) -> str:
    point = ord(match[0])
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"
