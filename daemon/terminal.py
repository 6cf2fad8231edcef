"""What a stream can show: colour, width, and characters beyond ASCII."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

_ASCII = str.maketrans({"─": "-", "…": "~", "·": "-", "▲": "^", "▼": "v", "→": ">"})
_NARROWEST = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """A stream and what may be written to it.

    Attributes:
        stream: where text goes.
        interactive: a person looks at it, so footers and drawing characters are welcome.
        colour: emphasis by escape sequences is welcome.
        width: columns to fit into; None means as wide as the rows are.
    """

    stream: TextIO
    interactive: bool = False
    colour: bool = False
    width: int | None = None

    @classmethod
    def of(cls, stream: TextIO, environ: Mapping[str, str]) -> Terminal:
        """Look at a stream: `NO_COLOR`, `TERM=dumb` and pipes are respected."""
        interactive = stream.isatty()
        plain = not interactive or bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
        width = max(shutil.get_terminal_size().columns, _NARROWEST) if interactive else None
        return cls(stream=stream, interactive=interactive, colour=not plain, width=width)

    def write(self, line: str) -> None:
        """Write one line; a character the stream cannot encode is written as its escape."""
        encoding = self.stream.encoding or "utf-8"
        self.stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")

    def drawn(self, text: str) -> str:
        """Give our own drawing characters as ASCII where nobody draws: not for bills' text."""
        return text if self.interactive else text.translate(_ASCII)

    def strong(self, text: str) -> str:
        """Give emphasised text, where the stream takes emphasis."""
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text

    def faint(self, text: str) -> str:
        """Give text that stands back, where the stream takes emphasis."""
        return f"\x1b[2m{text}\x1b[0m" if self.colour else text


def standard_output(environ: Mapping[str, str]) -> Terminal:
    """Give the terminal behind standard output."""
    return Terminal.of(sys.stdout, environ)
