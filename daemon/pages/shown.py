"""Pages that readers share: one that is asked for a thousand times is made once.

A page is kept for as long as what it rests on stays as it is, and not much longer than the
time changes what it says. Nobody's name is on a page: it may be shown to everyone who may read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from hashlib import sha256
from typing import TYPE_CHECKING

from daemon.http.answer import Answer, answered
from daemon.pages.layout import is_arriving
from daemon.recent import Recent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from daemon.answers import Snapshot
    from daemon.services import Services

_KEPT_BYTES = 64 * 1024 * 1024
HTML = "text/html; charset=utf-8"
MINUTE, DAY = 60, 86_400


class Shown:
    """Makes pages in the bounded pool, and keeps them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._kept: Recent[Answer] = Recent(_KEPT_BYTES)

    async def show(
        self, request: Request, key: Hashable, make: Callable[[], str], *, seconds: int = MINUTE
    ) -> Response:
        """Answer with a page; `make` runs in a thread, once for all who ask for the same key.

        Args:
            request: who asks.
            key: what is asked for.
            make: gives the page.
            seconds: for how long it is kept at most; a day is whole such times. A page that
                is kept for a `DAY` tells no ages: it stays when sources are looked at in vain.

        Raises:
            BusyError: too much is asked for already.
        """
        now = int(self._services.clock.now().timestamp()) // seconds
        full = ("page", key, now, is_arriving(self._services))

        def rests_on(look: Snapshot) -> Snapshot:
            """Give what a page that is kept so long is made of."""
            return look.settled if seconds == DAY else look

        def made() -> Answer:
            """Make the page, and keep it."""
            look = self._services.answers.snapshot()
            answer = answer_of(make().encode(), HTML)
            self._kept.keep((full, rests_on(look)), answer, len(answer.content))
            return answer

        found = self._kept.find((full, rests_on(await self._services.look())))
        if found is None:
            found = await self._services.work.run(full, made)
        return answered(request, found, "page")


def answer_of(content: bytes, media_type: str, status: int = 200) -> Answer:
    """Give bytes with the tag that changes when they do."""
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    return Answer(content=content, media_type=media_type, tag=tag, status=status)
