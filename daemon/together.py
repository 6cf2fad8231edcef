"""Shows how far several sources have come at the same time, while a daemon starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TextIO

from daemon.progress import Lines, Silent
from domain.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from domain.ports import Progress


class Together(Protocol):
    """A place where several progresses are shown at once."""

    def one(self) -> Progress:
        """Give a progress of its own to something that begins."""
        ...

    def close(self) -> None:
        """Show nothing any more."""
        ...


class Nowhere:
    """Shows nothing."""

    def one(self) -> Progress:
        """Give a progress that nobody watches."""
        return Silent()

    def close(self) -> None:
        """Do nothing: there is nothing to take away."""


class LinesTogether:
    """A few plain lines per source, for logs and pipes; each names what it is about."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._closed = False

    def one(self) -> Progress:
        """Give a progress that writes lines of its own."""
        return Silent() if self._closed else Lines(self._stream)

    def close(self) -> None:
        """Give only silent ones from now on."""
        self._closed = True


class BarsTogether:
    """A line per source that redraws itself, on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            console=Console(file=stream),
            transient=True,
        )
        self._bars.start()
        self._closed = False

    def one(self) -> Progress:
        """Give a progress with a line of its own."""
        return Silent() if self._closed else _Row(self._bars)

    def close(self) -> None:
        """Take all lines away."""
        self._closed = True
        self._bars.stop()


class _Row:
    """One of several lines."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def start(self, task: str, total: int | None, unit: str) -> None:
        from rich.markup import escape

        self.finish()
        self._task = self._bars.add_task(escape(printable(task)), total=total, unit=escape(printable(unit)))

    def advance(self, amount: int) -> None:
        if self._task is not None:
            self._bars.advance(self._task, amount)

    def finish(self) -> None:
        if self._task is not None:
            self._bars.update(self._task, visible=False)
        self._task = None


def together_on(stream: TextIO, environ: Mapping[str, str], *, lines: bool) -> Together:
    """Give lines that redraw themselves where a person looks, else plain ones or, without `lines`, none."""
    if stream.isatty() and environ.get("TERM") != "dumb":
        return BarsTogether(stream)
    return LinesTogether(stream) if lines else Nowhere()
