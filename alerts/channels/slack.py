"""Slack by bot token: native blocks, threads, and a history in which a message is found again."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from alerts.channels.interface import ChannelBroken, ChannelDown, Probe
from alerts.channels.slack_api import REPAIR, Refused, SlackApi
from alerts.channels.slack_names import id_of
from alerts.channels.slack_probe import SlackProbe
from alerts.slack_blocks import SlackMessage
from alerts.slack_limits import Json

EVENT = "costd_digest"
"""Type of the metadata that every message of ours carries, with its key."""

_PAGE = 200
_MOST_PAGES = 10
_SLACK = timedelta(minutes=2)
"""How far Slack's clock and ours may be apart."""

_BLOCKS_REFUSED = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "only_one_table_allowed"}
)


class SlackChannel:
    """One channel of a workspace.

    Args:
        channel: its id, `C…` or `G…`, or its name, `#costs`.
        token: the bot token.
        base_url: where the API is, for tests; Slack's own if not given.
        sleep: waits some seconds.
        ids: ids of names that were looked up; shared by all channels of a process.
    """

    can_look = True

    def __init__(
        self,
        channel: str,
        token: str,
        *,
        base_url: str = "",
        sleep: Callable[[float], None] = time.sleep,
        ids: dict[str, str] | None = None,
    ) -> None:
        self.name = channel
        self._api = SlackApi(token, channel, base_url=base_url, sleep=sleep)
        self._ids = {} if ids is None else ids

    def post(self, message: SlackMessage, *, key: str, thread: str = "") -> str:
        """Send a message; where its tables or charts are refused, its simple form, then its text.

        Raises:
            ChannelDown: not now.
            ChannelBroken: not before somebody repairs something.
        """
        forms: list[list[Json]] = [message.json()]
        if message.simple:
            forms.append(message.simple_json())
        for blocks in (*forms, []):
            try:
                return str(self._api.call("chat.postMessage", self._body(message, blocks, key, thread))["ts"])
            except Refused as refused:
                if refused.error not in _BLOCKS_REFUSED:
                    raise self._failure(refused) from None
        raise ChannelBroken(f"Slack refuses every form of {key}", hint=REPAIR)

    def find(self, key: str, *, since: datetime, thread: str = "") -> str:
        """Give the timestamp of the message of ours that has a key, "" if none arrived.

        Raises:
            ChannelDown: not now.
            ChannelBroken: not before somebody repairs something.
        """
        method = "conversations.replies" if thread else "conversations.history"
        oldest = f"{(since - _SLACK).timestamp():.6f}"
        asked: Json = {"channel": self._id(), "limit": _PAGE, "include_all_metadata": True, "oldest": oldest}
        if thread:
            asked["ts"] = thread
        for _ in range(_MOST_PAGES):
            try:
                page = self._api.call(method, asked, form=True)
            except Refused as refused:
                raise self._failure(refused) from None
            for message in page.get("messages", []):
                metadata = message.get("metadata") or {}
                if metadata.get("event_type") == EVENT and metadata["event_payload"].get("key") == key:
                    return str(message["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return ""
            asked["cursor"] = cursor
        raise ChannelDown(f"{self.name} has too many messages to look whether {key} arrived")

    def probe(self) -> list[Probe]:
        """Look who the token belongs to, what it may do, and whether the channel can be posted to."""
        return SlackProbe(self._api, self.name, self._id).probes()

    def _id(self) -> str:
        """Give the channel's id; a name is looked up once and kept.

        Raises:
            ChannelDown: Slack cannot be asked.
            ChannelBroken: there is no such channel.
        """
        if not self.name.startswith("#"):
            return self.name
        if self.name not in self._ids:
            self._ids[self.name] = id_of(self._api, self.name)
        return self._ids[self.name]

    def _failure(self, refused: Refused) -> ChannelDown | ChannelBroken:
        if refused.error == "channel_not_found":
            self._ids.pop(self.name, None)  # perhaps the name has moved to another channel
        return self._api.failure(refused)

    def _body(self, message: SlackMessage, blocks: list[Json], key: str, thread: str) -> Json:
        body: Json = {
            "channel": self._id(),
            "text": message.text,
            "mrkdwn": False,
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": {"event_type": EVENT, "event_payload": {"key": key}},
        }
        return body | ({"blocks": blocks} if blocks else {}) | ({"thread_ts": thread} if thread else {})
