"""What `costd doctor` says of a Slack channel: token, scopes, channel; nothing is posted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from alerts.channels.interface import ChannelBroken, ChannelDown
from alerts.channels.slack_api import REPAIR, REPAIRS, Refused, SlackApi
from domain.probe import Health, Probe
from domain.text import shortened

_POST = "chat:write"
_ANYWHERE = "chat:write.public"
_ADD = "add the scope {} under OAuth & Permissions of the app and install it again"
_REACH = "look again in a minute; if it stays so, let this machine reach Slack's API (DNS, firewall, proxy)"
_NO_DIGEST = "the digest to {} is not sent"


class SlackProbe:
    """One look at a channel.

    Args:
        api: the bot.
        name: the channel as it is configured.
        id_of: gives its id; raises as `SlackChannel.post` does.
    """

    def __init__(self, api: SlackApi, name: str, id_of: Callable[[], str]) -> None:
        self._api = api
        self._name = name
        self._id_of = id_of

    def probes(self) -> list[Probe]:
        """Give what was found; what cannot be looked at after a failure is left out."""
        found: list[Probe] = []
        try:
            for look in (self._token, self._channel):
                found.extend(look())
        except Refused as refused:
            failure: ChannelBroken | ChannelDown = self._api.failure(refused)
        except (ChannelBroken, ChannelDown) as error:
            failure = error
        else:
            return found
        fix = _REACH if isinstance(failure, ChannelDown) else failure.hint
        return [*found, self._probe(f"channel {self._name}", Health.FAIL, str(failure), fix)]

    def _token(self) -> Iterator[Probe]:
        who = self._api.call("auth.test", {})
        bot, team = shortened(str(who.get("user")), 80), shortened(str(who.get("team")), 80)
        subject = f"token of {bot} in the workspace {team}"
        if self._may(_POST) is False:
            yield self._probe(
                subject, Health.FAIL, f"it lacks the scope {_POST}: no digest is sent", _ADD.format(_POST)
            )
        else:
            yield self._probe(subject, Health.OK)

    def _channel(self) -> Iterator[Probe]:
        channel_id = self._id_of()
        subject = f"channel {self._name}" + (f" is {channel_id}" if channel_id != self._name else "")
        try:
            channel = self._api.call("conversations.info", {"channel": channel_id}, form=True)["channel"]
        except Refused as refused:
            if refused.error != "missing_scope":
                raise
            scope = refused.needed or "channels:read, groups:read"
            yield self._probe(
                subject, Health.WARN, "nobody can see whether the app may post there", _ADD.format(scope)
            )
        else:
            yield self._membership(subject, channel)
        yield from self._history(channel_id)

    def _membership(self, subject: str, channel: Mapping[str, Any]) -> Probe:
        what = shortened(str(channel.get("name")), 80)
        subject = subject if self._name.startswith("#") else f"{subject} (#{what})"
        if channel.get("is_archived"):
            breaks = f"it is archived: {_NO_DIGEST.format(self._name)}"
            return self._probe(subject, Health.FAIL, breaks, REPAIRS["is_archived"])
        if channel.get("is_member", True):
            fix = ""
            if self._name.startswith("#"):
                fix = f"write `channel: {channel.get('id')}`, which stays right when the channel is renamed"
            return self._probe(f"{subject}, and the app is in it", Health.OK, "", fix)
        fix = f"in Slack, in #{what}: /invite @costd"
        if self._may(_ANYWHERE) and not channel.get("is_private"):
            return self._probe(
                subject, Health.WARN, "the app is not in it, so a lost answer cannot be looked for", fix
            )
        return self._probe(
            subject, Health.FAIL, f"the app is not in it: {_NO_DIGEST.format(self._name)}", fix
        )

    def _history(self, channel_id: str) -> Iterator[Probe]:
        """Say whether a digest can be found again after a crash; asked of Slack where it tells no scopes."""
        scopes = {"channels:history", "groups:history"}
        if self._api.scopes is None:
            try:
                self._api.call("conversations.history", {"channel": channel_id, "limit": 1}, form=True)
            except Refused as refused:
                if refused.error != "missing_scope":
                    return  # not being in the channel is said already
                lacking = {refused.needed} - {""} or scopes
            else:
                lacking = set()
        else:
            lacking = scopes - self._api.scopes
        if lacking:
            named = ", ".join(sorted(lacking))
            yield self._probe(
                f"history of {self._name}",
                Health.WARN,
                f"without the scope {named} a digest whose answer got lost is not sent again",
                _ADD.format(named),
            )

    def _may(self, scope: str) -> bool | None:
        return None if self._api.scopes is None else scope in self._api.scopes

    def _probe(self, subject: str, health: Health, breaks: str = "", fix: str = "") -> Probe:
        told = self._api.server_time
        if health is not Health.OK:
            fix = fix or REPAIR
        return Probe(subject=subject, health=health, breaks=breaks, fix=fix, server_time=told)
