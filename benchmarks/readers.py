"""Many readers of pages at once: HTTP/1.1 on a connection each, with as little work as it takes."""

from __future__ import annotations

import asyncio
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

_SPARE_FILES = 256
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How one request was answered.

    Attributes:
        path: what was asked for.
        status: of HTTP; 0 where the connection failed.
        seconds: from sending it to the last byte.
        retry_after: the answer says when to come back.
    """

    path: str
    status: int
    seconds: float
    retry_after: bool = False


def percentile(answers: Sequence[Answered], percent: int) -> float:
    """Give the milliseconds within which so many percent of the requests were answered."""
    taken = [one.seconds for one in answers]
    if len(taken) < 2:
        return taken[0] * 1000 if taken else 0.0
    return statistics.quantiles(taken, n=100, method="inclusive")[percent - 1] * 1000


def crowd(url: str, paths: Sequence[str], *, readers: int, enough: Callable[[], bool]) -> list[Answered]:
    """Let readers ask for one page after the other, all at the same time, until it is enough.

    All are connected before the first one asks; each asks at least once.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < readers + _SPARE_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(readers + _SPARE_FILES, hard), hard))
    return asyncio.run(_crowd(url, paths, readers, enough))


async def _crowd(url: str, paths: Sequence[str], readers: int, enough: Callable[[], bool]) -> list[Answered]:
    place = urlsplit(url)
    host, port = place.hostname or "", place.port or 80
    answers: list[Answered] = []
    open_ones = [await asyncio.open_connection(host, port) for _ in range(readers)]
    turns = count()

    async def read_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            path = paths[next(turns) % len(paths)]
            try:
                answers.append(await asyncio.wait_for(_ask(reader, writer, host, path), _PATIENCE))
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                answers.append(Answered(path=path, status=0, seconds=_PATIENCE))
                return
            if enough():
                return

    try:
        await asyncio.gather(*(read_on(*one) for one in open_ones))
    finally:
        for _, writer in open_ones:
            writer.close()
    return answers


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str) -> Answered:
    began = time.perf_counter()
    writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: text/html\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    await reader.readexactly(int(lines.get("content-length", "0")))
    return Answered(
        path=path,
        status=int(head.split(" ", 2)[1]),
        seconds=time.perf_counter() - began,
        retry_after="retry-after" in lines,
    )
