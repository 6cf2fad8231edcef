"""An answer of the API: rendered once, sent to everybody who asks, in small pieces."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from daemon.http.parameters import MEDIA_TYPES
from daemon.output import Listing, Output, print_listing
from daemon.terminal import Terminal

_PIECE_BYTES = 64 * 1024
_SHOULD_ASK_AGAIN = "private, no-cache"
"""Kept by the one who asked only, and never shown without asking whether it still holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent.

    Attributes:
        content: the body.
        media_type: what it is.
        tag: changes whenever the body does.
        status: of HTTP.
    """

    content: bytes
    media_type: str
    tag: str
    status: int = 200


def rendered(listing: Listing, output: Output, status: int = 200) -> Answer:
    """Write rows as the command of the same name prints them."""
    text = io.StringIO()
    print_listing(listing, output, Terminal(stream=text))
    content = text.getvalue().encode()
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    return Answer(content=content, media_type=MEDIA_TYPES[output], tag=tag, status=status)


def answered(request: Request, answer: Answer, name: str) -> Response:
    """Send an answer, or that the client has it already."""
    headers = {"etag": answer.tag, "cache-control": _SHOULD_ASK_AGAIN}
    if answer.status == 200 and answer.tag in _known(request):
        return Response(status_code=304, headers=headers)
    if answer.media_type.startswith("text/csv"):
        headers["content-disposition"] = f'attachment; filename="costd-{name}.csv"'
    return InPieces(answer, headers)


def _known(request: Request) -> set[str]:
    sent = request.headers.get("if-none-match", "")
    return {tag.strip().removeprefix("W/") for tag in sent.split(",")}


class InPieces(Response):
    """Sends one shared body to many without a copy for each: the next piece waits until one is taken."""

    def __init__(self, answer: Answer, headers: Mapping[str, str]) -> None:
        super().__init__(None, answer.status, {"content-length": str(len(answer.content)), **headers})
        self.headers["content-type"] = answer.media_type
        self._content = answer.content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, then the body piece by piece."""
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for at in range(0, len(self._content), _PIECE_BYTES):
            piece = self._content[at : at + _PIECE_BYTES]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
