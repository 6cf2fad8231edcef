"""Calls to Slack's Web API, and what its answers mean for whoever waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from alerts.channels.interface import ChannelBroken, ChannelDown, pause_of
from alerts.channels.outgoing import OutgoingError, OutgoingRefusedError
from alerts.channels.slack_client import guarded_client
from alerts.slack_limits import Json
from domain.probe import instant_of

if TYPE_CHECKING:
    from slack_sdk import WebClient

SECONDS = 20
"""How long a call may take; Slack answers within three."""

_MOST_WAIT = timedelta(seconds=30)
"""Longer than this nothing is waited for in place; the message is tried again later instead."""

_MOST_TRIES = 3
_LATER = frozenset(
    {"fatal_error", "internal_error", "ratelimited", "rate_limited", "request_timeout", "service_unavailable"}
)
REPAIRS: Mapping[str, str] = {
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
REPAIR = "see docs/connect-slack.md; it is tried again with the next digest"


@dataclass(frozen=True, slots=True)
class Refused(Exception):  # noqa: N818  # never leaves the files of this channel
    """Slack answered, and said no."""

    error: str
    status: int
    retry_after: timedelta | None
    needed: str = ""


class SlackApi:
    """The Web API as one bot sees it.

    Args:
        token: the bot token.
        place: what messages of errors are about; never a secret.
        base_url: where the API is, for tests; Slack's own if not given.
        sleep: waits some seconds.

    Attributes:
        scopes: what the token may do, as Slack said last; None if it has not said.
        server_time: what Slack's clock said with its last answer, None before the first.
    """

    def __init__(
        self, token: str, place: str, *, base_url: str = "", sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.scopes: frozenset[str] | None = None
        self.server_time: datetime | None = None
        self._token = token
        self._place = place
        self._base_url = base_url
        self._sleep = sleep
        self._client: WebClient | None = None

    def call(self, method: str, body: Json, *, form: bool = False) -> Mapping[str, Any]:
        """Call Slack; wait in place where it asks for a short pause.

        Raises:
            ChannelDown: no answer, so that nobody knows whether the call did something.
            ChannelBroken: its address leads where nothing is sent to.
            Refused: it said no.
        """
        waited = timedelta(0)
        for _ in range(_MOST_TRIES):
            try:
                return self._once(method, body, form=form)
            except Refused as refused:
                pause = refused.retry_after
                if refused.status != 429 or pause is None or waited + pause > _MOST_WAIT:
                    raise
                waited += pause
                self._sleep(pause.total_seconds())
        raise ChannelDown(f"Slack asks to be left alone: {method} for {self._place}", unsure=False)

    def failure(self, refused: Refused) -> ChannelDown | ChannelBroken:
        """Give what a refusal means: not now, or not before somebody repairs something."""
        if refused.status == 429 or refused.error in _LATER or refused.status >= 500:
            return ChannelDown(
                f"Slack does not take messages for {self._place} right now: {refused.error}",
                retry_after=refused.retry_after,
                unsure=refused.status != 429 and refused.error not in {"ratelimited", "rate_limited"},
            )
        needed = f" ({refused.needed})" if refused.needed else ""
        return ChannelBroken(
            f"Slack refuses messages for {self._place}: {refused.error}{needed}",
            hint=REPAIRS.get(refused.error, REPAIR),
        )

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
            self._note(_headers(response))
            raise _refused(response) from None
        except OutgoingRefusedError as error:
            raise ChannelBroken(f"Slack is not called: {error}", hint=error.hint) from None
        except OutgoingError as error:
            raise ChannelDown(f"Slack cannot be reached: {error}") from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ChannelDown(f"Slack cannot be reached: {type(error).__name__}: {reason}") from None
        self._note(_headers(answer))
        found = answer.data
        return found if isinstance(found, dict) else {}

    def _note(self, headers: Mapping[str, str]) -> None:
        self.server_time = instant_of(headers.get("date", "")) or self.server_time
        if "x-oauth-scopes" in headers:
            self.scopes = frozenset(
                filter(None, (one.strip() for one in headers["x-oauth-scopes"].split(",")))
            )

    def _connected(self) -> WebClient:
        if self._client is None:
            self._client = guarded_client(self._token, base_url=self._base_url, seconds=SECONDS)
        return self._client


def _headers(response: Any) -> dict[str, str]:
    """Give the headers of an answer, names in lower case; of several the first."""
    found = {str(name).lower(): value for name, value in (response.headers or {}).items()}
    return {
        name: str(value[0] if isinstance(value, list) else value) for name, value in found.items() if value
    }


def _refused(response: Any) -> Refused:
    data = response.data if isinstance(response.data, dict) else {}
    after = _headers(response).get("retry-after", "")
    status = int(response.status_code)
    error = str(data.get("error", "")) or f"HTTP {status}"
    if status >= 500:
        error = f"HTTP {status}"  # its body is a page, not an answer
    return Refused(
        error[:80],
        status,
        pause_of(after),
        str(data.get("needed", ""))[:80],
    )
