"""The digest as text: for `costd digest --preview`, and for messages that take no blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from alerts.digest import Block, Digest
from alerts.digest_words import (
    DEMO_MARK,
    basis,
    comparison,
    display_total,
    headline,
    left_out,
    reaches,
    restatements,
    sections,
    table,
)

LONGEST = 3_500
"""Characters that a digest may take; longer ones are no longer read."""

_WIDE = 100


def render(digest: Digest) -> str:
    """Give the digest as text of at most 3,500 characters.

    To fit, small teams are folded into one line, then currencies are left for the report;
    both are said.
    """
    most = max((len(block.lines) for block in digest.blocks), default=1)
    for kept in range(most, 0, -1):
        text = "\n".join(_lines(digest, kept))
        if len(text) <= LONGEST:
            return text
    fewer = replace(digest, blocks=digest.blocks[:-1], left_out=digest.left_out + 1)
    return render(fewer)


def _lines(digest: Digest, kept: int) -> Iterator[str]:
    if digest.demo:
        yield DEMO_MARK
    if not digest.blocks:
        yield headline(digest, None)
    for block in digest.blocks:
        yield headline(digest, block)
        yield from _packed(_context(digest, block))
        yield ""
        yield from table(digest, block, kept)
        yield ""
        yield from sections(block)
    yield from display_total(digest)
    yield from left_out(digest)
    yield from (f"{link.text}: {link.url}" for link in digest.links)
    yield basis(digest)


def _context(digest: Digest, block: Block) -> Iterator[str]:
    yield comparison(digest, block)
    yield from reaches(digest)
    yield from restatements(digest, block)


def _packed(pieces: Iterable[str]) -> Iterator[str]:
    """Join pieces with dots into lines that a narrow window still shows whole."""
    line = ""
    for piece in pieces:
        if line and len(line) + len(piece) > _WIDE:
            yield f"{line} ·"
            line = piece
        else:
            line = f"{line} · {piece}" if line else piece
    yield line
