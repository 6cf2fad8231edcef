"""A Slack Web API in memory, for what the peer cannot show: scopes, many pages, renamed channels."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from alerts.channels.slack_api import Refused, SlackApi
from alerts.slack_limits import Json

SCOPES = frozenset({"chat:write", "channels:read", "channels:history", "groups:read", "groups:history"})
_NEEDS = {"public_channel": "channels:read", "private_channel": "groups:read"}


def a_channel(name: str, place: str = "", **more: object) -> dict[str, Any]:
    """Give a channel as Slack lists it; the app is in it."""
    return {"id": place or f"C{name.upper()[:8]:0<8}", "name": name, "is_member": True, **more}


class FakeSlack(SlackApi):
    """Answers as Slack documents it.

    Attributes:
        channels: of the workspace.
        refusals: method -> what it is refused with.
        asked: the methods that were called, in order.
    """

    def __init__(
        self, *channels: dict[str, Any], scopes: frozenset[str] | None = SCOPES, page: int = 1000
    ) -> None:
        super().__init__("xoxb-fake", "#fake")
        self.channels = list(channels)
        self.refusals: dict[str, str] = {}
        self.asked: list[str] = []
        self._page = page
        self._held = scopes if scopes is not None else SCOPES
        self.scopes = scopes

    def call(self, method: str, body: Json, *, form: bool = False) -> Mapping[str, Any]:
        """Answer one call."""
        del form
        self.asked.append(method)
        if error := self.refusals.get(method):
            status = 429 if error == "ratelimited" else 200
            raise Refused(error, status, timedelta(minutes=5) if status == 429 else None)
        if method == "auth.test":
            return {"user": "costd", "team": "Acme"}
        if method == "conversations.list":
            return self._listed(body)
        if method == "conversations.info":
            return {"channel": self._channel(body)}
        if method == "conversations.history":
            self._need("channels:history")
            return {"messages": []}
        raise AssertionError(method)

    def _listed(self, body: Json) -> Mapping[str, Any]:
        self._need(_NEEDS[body["types"]])
        private = body["types"] == "private_channel"
        seen = [one for one in self.channels if bool(one.get("is_private")) is private]
        start = int(body.get("cursor") or 0)
        more = start + self._page
        cursor = str(more) if more < len(seen) else ""
        return {"channels": seen[start:more], "response_metadata": {"next_cursor": cursor}}

    def _channel(self, body: Json) -> Mapping[str, Any]:
        for one in self.channels:
            if one["id"] == body["channel"]:
                self._need("groups:read" if one.get("is_private") else "channels:read")
                return one
        raise Refused("channel_not_found", 200, None)

    def _need(self, scope: str) -> None:
        if scope not in self._held:
            raise Refused("missing_scope", 200, None, scope)
