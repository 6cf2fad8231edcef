"""Slack by incoming webhook: at most once, no thread, nothing to look at afterwards.

For workspaces that give no bot token. A webhook tells neither the name of what it posted nor
whether an unanswered call arrived, so what may have arrived is never sent again.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from urllib.parse import urlsplit

from alerts.channels.interface import ChannelBroken, ChannelDown, Health, Probe, pause_of
from alerts.channels.outgoing import Outgoing, OutgoingError, OutgoingRefusedError, Reply
from alerts.slack_blocks import SlackMessage
from alerts.slack_limits import Json

_BLOCKS_REFUSED = (b"invalid_blocks", b"msg_blocks_too_long", b"only_one_table_allowed")
_SLACK = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
_PATH = re.compile(r"/(services|triggers|workflows)(/[A-Za-z0-9_-]+){3,}", re.ASCII)
_HINT = "make a new webhook on the app's page Incoming Webhooks and set `webhook` of the digest"


class SlackWebhook:
    """One incoming webhook.

    Args:
        name: what it is called in messages and in the state; the address itself is a secret.
        url: its address.
        outgoing: sends requests.
    """

    can_look = False

    def __init__(self, name: str, url: str, *, outgoing: Outgoing | None = None) -> None:
        self.name = name
        self._url = url
        self._outgoing = outgoing or Outgoing()

    def post(self, message: SlackMessage, *, key: str, thread: str = "") -> str:
        """Send a message; where its tables or charts are refused, its simple form, then its text.

        Raises:
            ChannelDown: not now; `unsure` unless Slack refused it for sure.
            ChannelBroken: not before somebody repairs something.
        """
        del thread
        reply = Reply(status=0, headers={}, body=b"")
        for blocks in (message.json(), message.simple_json(), []):
            reply = self._sent(message, blocks)
            if not any(reason in reply.body for reason in _BLOCKS_REFUSED) or reply.status == 200:
                break
        if reply.status == 200:
            return ""
        raise self._failure(reply, key)

    def find(self, key: str, *, since: datetime, thread: str = "") -> str:
        """Give "": nobody can look at what a webhook posted."""
        del key, since, thread
        return ""

    def probe(self) -> list[Probe]:
        """Look at the form of the address; whether it works only a message would tell."""
        fault = _fault(self._url)
        if fault:
            subject = f"webhook {self.name}"
            breaks = f"{fault}; the digest is not sent"
            return [Probe(subject=subject, health=Health.FAIL, breaks=breaks, fix=_HINT)]
        subject = f"webhook {self.name} has the form of an address; only a message tells whether it works"
        return [Probe(subject=subject, health=Health.OK, fix="costd digest --send, to see it arrive")]

    def _sent(self, message: SlackMessage, blocks: list[Json]) -> Reply:
        body: Json = {"text": message.text, "mrkdwn": False, "unfurl_links": False}
        content = json.dumps(body | ({"blocks": blocks} if blocks else {})).encode()
        try:
            return self._outgoing.send(
                "POST", self._url, headers={"content-type": "application/json"}, content=content
            )
        except OutgoingRefusedError as error:
            raise ChannelBroken(f"{self.name}: {error}", hint=error.hint) from None
        except OutgoingError as error:
            raise ChannelDown(f"{self.name}: {error}") from None

    def _failure(self, reply: Reply, key: str) -> ChannelDown | ChannelBroken:
        if reply.status == 429 or reply.status >= 500:
            return ChannelDown(
                f"{self.name} does not take messages right now: HTTP {reply.status}",
                retry_after=pause_of(reply.headers.get("retry-after", "")),
                unsure=reply.status != 429,
            )
        said = reply.body[:80].decode("utf-8", "replace")
        return ChannelBroken(f"{self.name} refuses {key}: HTTP {reply.status} {said}", hint=_HINT)


def _fault(url: str) -> str:
    """Say what is wrong with the form of a webhook's address, "" if nothing; never the address itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "its address is no URL"
    if not url or not url.isascii() or any(letter.isspace() for letter in url) or not host:
        return "its address is no URL"
    if parts.scheme != "https" and host not in {"127.0.0.1", "::1", "localhost"}:
        return "its address does not begin with https://"
    if host in _SLACK and not _PATH.fullmatch(parts.path):
        return "its address is not whole: Slack's end in /services/T…/B…/… or /triggers/…"
    return ""
