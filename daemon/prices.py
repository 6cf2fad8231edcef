"""Fills the price book from everybody who publishes prices; one that fails stops no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.logs import get_logger
from daemon.price_feeds import build_price_feeds
from domain.errors import CostdError

if TYPE_CHECKING:
    from collectors.interface import PriceFeed
    from daemon.rooms import Rooms
    from domain.ports import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What one feed brought.

    Attributes:
        feed: its name.
        lists: lists that were read.
        added: prices that the book did not have.
        notes: things worth showing.
        error: why it ended early, or "".
        hint: what to do about that, or "".
    """

    feed: str
    lists: int = 0
    added: int = 0
    notes: tuple[str, ...] = ()
    error: str = ""
    hint: str = ""


def refresh_prices(rooms: Rooms, progress: Progress) -> list[Refreshed]:
    """Ask every configured feed for what is new, and write it to the book.

    Raises:
        ConfigError: the feeds cannot be built.
    """
    feeds = build_price_feeds(rooms.settings, clock=rooms.clock)
    return [_refreshed(rooms, feed, progress) for feed in feeds]


def _refreshed(rooms: Rooms, feed: PriceFeed, progress: Progress) -> Refreshed:
    book, lists, added, notes = rooms.price_book, 0, 0, list[str]()
    progress.start(feed.name, None, "prices")
    error: CostdError | None = None
    try:
        newest = book.newest()
        for priced in feed.prices(newest):
            now = rooms.clock.now()
            fresh = book.add(priced.prices, seen_at=now)
            if not fresh and priced.origin not in newest:
                book.note_read(priced.origin, at=now)
            lists, added = lists + 1, added + fresh
            notes += priced.notes
            progress.advance(priced.prices.height)
    except CostdError as failed:
        error = failed
        get_logger().warning("prices_failed", feed=feed.name, code=failed.code, reason=str(failed))
    finally:
        progress.finish()
    return Refreshed(
        feed=feed.name,
        lists=lists,
        added=added,
        notes=tuple(notes),
        error=str(error) if error is not None else "",
        hint=error.hint if error is not None else "",
    )


def told(one: Refreshed) -> str:
    """Give what a feed brought as one sentence."""
    if one.error:
        return f"{one.feed} failed: {one.error}" + (f" ({one.hint})" if one.hint else "")
    if not one.lists:
        return f"{one.feed}: nothing new since the last look."
    lists = f"{one.lists:,} list{'s'[: one.lists != 1]}"
    return f"{one.feed}: {one.added:,} new prices in {lists}."
