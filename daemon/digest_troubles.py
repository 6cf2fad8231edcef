"""What became of the newest digest of every channel, where it did not simply arrive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from domain.message import Intent, PostState
from domain.show import day_text

if TYPE_CHECKING:
    from daemon.rooms import Rooms

_SAYS = {
    PostState.BROKEN: "was refused and is not tried again",
    PostState.UNKNOWN: "may not have arrived, and nobody can look",
    PostState.DROPPED: "was given up",
}
_HELP = "see docs/connect-slack.md"


def digest_troubles(rooms: Rooms) -> tuple[str, ...]:
    """Say which channels did not get their newest digest, and why; nothing once the next one arrived."""
    return tuple(_troubles(rooms)) if rooms.settings.digests else ()


def _troubles(rooms: Rooms) -> Iterator[str]:
    from daemon.digest_due import day_of
    from daemon.digest_jobs import DigestSender
    from ledger.outbox import Outbox

    outbox, today = Outbox(rooms.state.database), day_of(rooms.clock.now())
    for digest in rooms.settings.digests:
        post = DigestSender(rooms, digest, lambda: 0).post(today)
        newest = next(iter(outbox.intents(post.kind, post.channel)), None)
        if newest is not None and (said := _said(newest)):
            because = f": {newest.reason}" if newest.reason else ""
            yield f"the digest of {day_text(newest.post.day)} to {post.channel} {said}{because} ({_HELP})"


def _said(intent: Intent) -> str:
    if intent.state is PostState.INTENDED and intent.reason:
        tries = "1 try" if intent.tries == 1 else f"{intent.tries} tries"
        return f"waits to be tried again ({tries} so far)"
    return _SAYS.get(intent.state, "")
