"""A file that cannot be read to its end is refused as a whole; this says why."""

from __future__ import annotations

from domain.errors import SourceError


class DamagedError(SourceError):
    """A file is cut off, garbled or no such file; none of its rows may be used.

    The message says what is wrong with it and does not repeat its name.
    """

    code = "file_damaged"
