"""Slack channels by name: Slack's API knows only ids, so its lists are searched for the name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from alerts.channels.interface import ChannelBroken, ChannelDown
from alerts.channels.slack_api import Refused, SlackApi
from alerts.slack_limits import Json
from domain.text import shortened

_PAGE = 1000
_MOST_PAGES = 50
_KINDS = {"public_channel": "channels:read", "private_channel": "groups:read"}
"""Kinds of channels in the order they are searched, and the scope each needs."""


@dataclass(slots=True)
class _Search:
    """What a search met beside the name it looks for."""

    wanted: str
    names: set[str] = field(default_factory=set)
    renamed: str = ""
    lacking: list[str] = field(default_factory=list)


def id_of(api: SlackApi, name: str) -> str:
    """Give the id of the channel that is called `#name`.

    Raises:
        ChannelDown: Slack cannot be asked right now; nothing was sent.
        ChannelBroken: there is none that the app can see; the hint says what to do.
    """
    search = _Search(wanted=name.removeprefix("#"))
    try:
        for kind, scope in _KINDS.items():
            try:
                if found := _found(api, kind, search):
                    return found
            except Refused as refused:
                if refused.error != "missing_scope":
                    raise api.failure(refused) from None
                search.lacking.append(scope)
    except ChannelDown as down:
        down.unsure = False  # only the list was asked for
        raise
    raise ChannelBroken(f"Slack shows the app no channel #{search.wanted}", hint=_advice(search))


def _found(api: SlackApi, kind: str, search: _Search) -> str:
    for channel in _listed(api, kind):
        name = str(channel.get("name", ""))
        if search.wanted in {name, channel.get("name_normalized")}:
            return str(channel["id"])
        search.names.add(name)
        if search.wanted in (channel.get("previous_names") or ()):
            search.renamed = name
    return ""


def _listed(api: SlackApi, kind: str) -> Iterator[Mapping[str, Any]]:
    asked: Json = {"types": kind, "limit": _PAGE}
    for _ in range(_MOST_PAGES):
        page = api.call("conversations.list", asked, form=True)
        yield from page.get("channels", [])
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return
        asked["cursor"] = cursor


def _advice(search: _Search) -> str:
    if len(search.lacking) == len(_KINDS):
        return "add the scopes channels:read and groups:read to the app and install it again, or write its id"
    advice = []
    if search.renamed:
        advice.append(f'it was renamed: write "#{shortened(search.renamed, 80)}"')
    elif close := get_close_matches(search.wanted, sorted(search.names), n=1):
        advice.append(f'did you mean "#{shortened(close[0], 80)}"?')
    if search.lacking:
        what = "private" if search.lacking == ["groups:read"] else "public"
        advice.append(
            f"{what} channels are hidden: add the scope {search.lacking[0]} and install the app again"
        )
    else:
        advice.append("a private channel is seen once the app is in it: /invite @costd")
    return "; ".join(advice)
