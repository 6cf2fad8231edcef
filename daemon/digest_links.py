"""Links from a digest to the pages that show the same numbers, and more."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from alerts.digest import Link
from alerts.slack_limits import URL

if TYPE_CHECKING:
    from daemon.digest import Asked
    from daemon.digest_days import Days


def links_of(public_url: str, asked: Asked, days: Days) -> tuple[Link, ...]:
    """Give the links of a digest; none without an address that leads others to this costd."""
    if not public_url or is_only_here(public_url):
        return ()
    from daemon.pages.ask import Ask

    first = min(days.first_of(source) for source in days.of) if days.of else days.digest
    where = (_teams(asked.teams),) if asked.teams else ()
    ask = Ask(where=where, cost=asked.cost, sharing="after").days(first, days.digest)
    links = [
        Link(text="Today", url=f"{public_url}/"),
        Link(text="By team", url=public_url + ask.url),
        Link(text="By service", url=public_url + ask.but(by=("team", "cloud_service")).url),
        Link(text="Sources", url=f"{public_url}/sources"),
    ]
    return tuple(link for link in links if len(link.url) <= URL)


def is_only_here(url: str) -> bool:
    """Tell whether an address leads every reader to their own machine."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _teams(teams: Sequence[str]) -> str:
    from daemon.pages.ask import condition

    return "team=" + ",".join(condition("team", team).removeprefix("team=") for team in teams)
