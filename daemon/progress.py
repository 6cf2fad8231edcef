"""Shows how far long work has come: a bar on a terminal, plain lines in a log, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from domain.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from domain.ports import Progress

_LINES_PER_TASK = 4


class Silent:
    """Progress that nobody watches."""

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Begin a task; nothing is shown."""

    def advance(self, amount: int) -> None:
        """Count units done; nothing is shown."""

    def finish(self) -> None:
        """End the task; nothing is shown."""


class Bar:
    """Progress as one line that redraws itself on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bars: Bars | None = None
        self._task: TaskID | None = None

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Begin a task of `total` units; the task before it ends."""
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.finish()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            console=Console(file=self._stream),
            transient=True,
        )
        self._bars.start()
        self._task = self._bars.add_task(escape(printable(task)), total=total, unit=escape(printable(unit)))

    def advance(self, amount: int) -> None:
        """Count units done since the last call."""
        if self._bars is not None and self._task is not None:
            self._bars.advance(self._task, amount)

    def finish(self) -> None:
        """Take the line away."""
        if self._bars is not None:
            self._bars.stop()
        self._bars = self._task = None


class Lines:
    """Progress as a few plain lines, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._task = self._unit = ""
        self._total: int | None = None
        self._done = self._told = 0

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Begin a task of `total` units; the task before it ends."""
        self.finish()
        self._task, self._total, self._unit = printable(task), total, printable(unit)
        self._done = self._told = 0
        self._say(f"{self._task}: started" + (f", {total:,} {self._unit}" if total else ""))

    def advance(self, amount: int) -> None:
        """Count units done; at most a few lines per task are written."""
        self._done += amount
        if self._total and self._done < self._total:
            quarter = self._done * _LINES_PER_TASK // self._total
            if quarter > self._told:
                self._told = quarter
                self._say(f"{self._task}: {self._done:,} of {self._total:,} {self._unit}")

    def finish(self) -> None:
        """Say how much was done."""
        if self._task:
            self._say(f"{self._task}: done, {self._done:,} {self._unit}")
        self._task = ""

    def _say(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def progress_on(stream: TextIO, environ: Mapping[str, str]) -> Progress:
    """Give a bar where a person looks at the stream, plain lines elsewhere."""
    if stream.isatty() and environ.get("TERM") != "dumb":
        return Bar(stream)
    return Lines(stream)
