"""What the door needs to know about everybody: one per application."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from daemon.http.slowdown import Slowdown
from daemon.logs import get_logger
from domain.errors import StorageError

if TYPE_CHECKING:
    from datetime import datetime

    from daemon.services import Services
    from ledger.tokens import Token

Found = TypeVar("Found")


class Door:
    """Looks secrets up, slows down who guesses, signs forms.

    Args:
        services: where tokens and sessions are kept.
    """

    def __init__(self, services: Services) -> None:
        self.services = services
        self.slowdown = Slowdown()
        self._forms = services.sessions.key("forms")
        self._lookups = ThreadPoolExecutor(4, thread_name_prefix="door")
        self._notes = ThreadPoolExecutor(1, thread_name_prefix="door-note")
        self._lock = Lock()
        self._noting: set[str] = set()

    def now(self) -> datetime:
        """Give the present."""
        return self.services.clock.now()

    async def ask(self, look: Callable[[], Found]) -> Found:
        """Run a question to the database in a thread of the door's own: reports never hold it up."""
        return await asyncio.get_running_loop().run_in_executor(self._lookups, look)

    def note_use(self, token: Token) -> None:
        """Have the use of a token noted soon; nobody waits for it, and a busy database loses it."""
        with self._lock:
            if token.id in self._noting:
                return
            self._noting.add(token.id)
        self._notes.submit(self._note, token)

    def form_token(self, secret: str, subject: str) -> str:
        """Sign what a browser must hand back with a form, for this browser and this person only."""
        return hmac.new(self._forms, f"{secret}\0{subject}".encode(), sha256).hexdigest()

    def is_form_token(self, sent: str, secret: str, subject: str) -> bool:
        """Tell whether a form was made here, for this browser and this person."""
        expected = self.form_token(secret, subject)
        return bool(secret) and hmac.compare_digest(sent.encode("utf-8", "replace"), expected.encode())

    def close(self) -> None:
        """Let the threads go."""
        self._lookups.shutdown(wait=False, cancel_futures=True)
        self._notes.shutdown(wait=True)

    def _note(self, token: Token) -> None:
        try:
            self.services.tokens.used(token, self.now())
        except StorageError as error:
            get_logger().warning("token_use_not_noted", token=token.id, reason=str(error))
        finally:
            with self._lock:
                self._noting.discard(token.id)


def new_secret() -> str:
    """Give the random secret of a browser's forms."""
    return secrets.token_urlsafe(24)
