"""What could not be used of a catalogue or CODEOWNERS file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFault:
    """One entry that was left out; the others stand.

    Attributes:
        file: the file as the configuration names it.
        line: line in it, from 1; 0 if it belongs to no line.
        message: what is wrong, one sentence.
    """

    file: str
    line: int
    message: str

    @property
    def place(self) -> str:
        """Give file and line as editors jump to them; the file alone where it belongs to no line."""
        return f"{self.file}:{self.line}" if self.line else self.file
