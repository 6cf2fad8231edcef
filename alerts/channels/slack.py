"""Slack by bot token: native blocks, threads, and a history in which a message is found again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from alerts.channels.interface import ChannelBroken, ChannelDown, Probe
from alerts.slack_blocks import SlackMessage
from alerts.slack_limits import Json

if TYPE_CHECKING:
    from slack_sdk import WebClient

EVENT = "costd_digest"
"""Type of the metadata that every message of ours carries, with its key."""

SECONDS = 20
"""How long a call may take; Slack answers within three."""

_MOST_WAIT = timedelta(seconds=30)
"""Longer than this nothing is waited for in place; the message is tried again later instead."""

_MOST_TRIES = 3
_PAGE = 200
_MOST_PAGES = 10
_SLACK = timedelta(minutes=2)
"""How far Slack's clock and ours may be apart."""

_BLOCKS_REFUSED = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "only_one_table_allowed"}
)
_LATER = frozenset(
    {"fatal_error", "internal_error", "ratelimited", "rate_limited", "request_timeout", "service_unavailable"}
)
_REPAIRS: Mapping[str, str] = {
    "channel_not_found": "copy the id (C… or G…) from the channel's details, and /invite @costd there",
    "not_in_channel": "invite the app to the channel: /invite @costd",
    "is_archived": "the channel is archived: restore it, or name another one in `digests`",
    "missing_scope": "add the scope to the app (docs/connect-slack.md) and install it again",
    "invalid_auth": "set `slack.bot_token` to the token xoxb-… of the app's page OAuth & Permissions",
    "not_authed": "set `slack.bot_token` to the token xoxb-… of the app's page OAuth & Permissions",
    "account_inactive": "the app was removed or its workspace closed: install it again and replace the token",
    "token_revoked": "the token was revoked: install the app again and set `slack.bot_token`",
    "token_expired": "the token has expired: install the app again and set `slack.bot_token`",
    "restricted_action": "an admin of the workspace restricts who may post there",
}
_REPAIR = "see docs/connect-slack.md; it is tried again with the next digest"


@dataclass(frozen=True, slots=True)
class _Refused(Exception):  # noqa: N818  # never leaves this file
    """Slack answered, and said no."""

    error: str
    status: int
    retry_after: timedelta | None
    needed: str = ""


class SlackChannel:
    """One channel of a workspace.

    Args:
        channel: its id, `C…` or `G…`.
        token: the bot token.
        base_url: where the API is, for tests; Slack's own if not given.
        sleep: waits some seconds.
    """

    can_look = True

    def __init__(
        self, channel: str, token: str, *, base_url: str = "", sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.name = channel
        self._token = token
        self._base_url = base_url
        self._sleep = sleep
        self._client: WebClient | None = None

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
                return str(self._call("chat.postMessage", self._body(message, blocks, key, thread))["ts"])
            except _Refused as refused:
                if refused.error not in _BLOCKS_REFUSED:
                    raise self._failure(refused) from None
        raise ChannelBroken(f"Slack refuses every form of {key}", hint=_REPAIR)

    def find(self, key: str, *, since: datetime, thread: str = "") -> str:
        """Give the timestamp of the message of ours that has a key, "" if none arrived.

        Raises:
            ChannelDown: not now.
            ChannelBroken: not before somebody repairs something.
        """
        method = "conversations.replies" if thread else "conversations.history"
        oldest = f"{(since - _SLACK).timestamp():.6f}"
        asked: Json = {"channel": self.name, "limit": _PAGE, "include_all_metadata": True, "oldest": oldest}
        if thread:
            asked["ts"] = thread
        for _ in range(_MOST_PAGES):
            try:
                page = self._call(method, asked, form=True)
            except _Refused as refused:
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

    def probe(self) -> Probe:
        """Look who the token belongs to and whether the channel can be posted to, without posting."""
        try:
            who = self._call("auth.test", {})
            channel = self._call("conversations.info", {"channel": self.name}, form=True)["channel"]
        except _Refused as refused:
            failure = self._failure(refused)
            return Probe(ok=False, what=str(failure), hint=failure.hint)
        except ChannelDown as failure:
            return Probe(ok=False, what=str(failure), hint=failure.hint)
        named = f"{who.get('user')} in {who.get('team')}, channel {channel.get('name')} ({self.name})"
        for flag, error in (("is_archived", "is_archived"), ("is_member", "not_in_channel")):
            if channel.get(flag, flag == "is_member") is not (flag == "is_member"):
                return Probe(ok=False, what=f"{named}: {error}", hint=_REPAIRS[error])
        return Probe(ok=True, what=named)

    def _body(self, message: SlackMessage, blocks: list[Json], key: str, thread: str) -> Json:
        body: Json = {
            "channel": self.name,
            "text": message.text,
            "mrkdwn": False,
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": {"event_type": EVENT, "event_payload": {"key": key}},
        }
        return body | ({"blocks": blocks} if blocks else {}) | ({"thread_ts": thread} if thread else {})

    def _call(self, method: str, body: Json, *, form: bool = False) -> Mapping[str, Any]:
        """Call Slack; wait in place where it asks for a short pause.

        Raises:
            ChannelDown: no answer, so that nobody knows whether the call did something.
            _Refused: it said no.
        """
        waited = timedelta(0)
        for _ in range(_MOST_TRIES):
            try:
                return self._once(method, body, form=form)
            except _Refused as refused:
                pause = refused.retry_after
                if refused.status != 429 or pause is None or waited + pause > _MOST_WAIT:
                    raise
                waited += pause
                self._sleep(pause.total_seconds())
        raise ChannelDown(f"Slack asks to be left alone: {method} for {self.name}", unsure=False)

    def _once(self, method: str, body: Json, *, form: bool) -> Mapping[str, Any]:
        from http.client import HTTPException

        from slack_sdk.errors import SlackClientError

        client = self._connected()
        try:
            sent: Json = {"params": body} if form else {"json": body}
            answer = client.api_call(method, **sent)
        except SlackClientError as error:
            response = getattr(error, "response", None)
            if response is None:
                raise ChannelDown(f"Slack did not answer {method}: {type(error).__name__}") from None
            raise _refused(response) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ChannelDown(f"Slack cannot be reached: {type(error).__name__}: {reason}") from None
        found = answer.data
        return found if isinstance(found, dict) else {}

    def _connected(self) -> WebClient:
        if self._client is None:
            import logging

            from slack_sdk import WebClient

            quiet = logging.getLogger("costd.slack")
            quiet.disabled = True  # its errors are ours to tell, once
            options: Json = {"base_url": self._base_url} if self._base_url else {}
            # Its own retries would send again what may have arrived.
            self._client = WebClient(self._token, timeout=SECONDS, retry_handlers=[], logger=quiet, **options)
        return self._client

    def _failure(self, refused: _Refused) -> ChannelDown | ChannelBroken:
        if refused.status == 429 or refused.error in _LATER or refused.status >= 500:
            return ChannelDown(
                f"Slack does not take messages for {self.name} right now: {refused.error}",
                retry_after=refused.retry_after,
                unsure=refused.status != 429 and refused.error not in {"ratelimited", "rate_limited"},
            )
        needed = f" ({refused.needed})" if refused.needed else ""
        return ChannelBroken(
            f"Slack refuses messages for {self.name}: {refused.error}{needed}",
            hint=_REPAIRS.get(refused.error, _REPAIR),
        )


def _refused(response: Any) -> _Refused:
    data = response.data if isinstance(response.data, dict) else {}
    headers = {str(name).lower(): value for name, value in (response.headers or {}).items()}
    after = headers.get("retry-after")
    after = after[0] if isinstance(after, list) else after
    status = int(response.status_code)
    error = str(data.get("error", "")) or f"HTTP {status}"
    if status >= 500:
        error = f"HTTP {status}"  # its body is a page, not an answer
    return _Refused(
        error[:80],
        status,
        timedelta(seconds=int(after)) if after and str(after).isdigit() else None,
        str(data.get("needed", ""))[:80],
    )
