"""What the Idle page can be filtered by: values that there are, with how many findings each has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.dimensions import UNALLOCATED
from daemon.idle_filter import WORDS, Filter, team_of
from daemon.pages.layout import name

if TYPE_CHECKING:
    from domain.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value to choose."""

    value: str
    text: str
    chosen: bool


def choices(
    findings: Iterable[Finding], asked: Filter
) -> tuple[tuple[Choice, ...], tuple[Choice, ...], tuple[Choice, ...]]:
    """Give what can be chosen: teams, clusters and verdicts that there are, with how many findings."""
    findings = list(findings)
    teams = Counter(team_of(one) for one in findings if asked.but(team="").fits(one))
    clusters = Counter(one.resource.place for one in findings if asked.but(cluster="").fits(one))
    verdicts = Counter(
        one.verdict.value for one in findings if asked.but(verdict=one.verdict.value).fits(one)
    )
    ordered = {verdict.value: verdicts[verdict.value] for verdict in WORDS if verdicts[verdict.value]}
    return (
        tuple(_choices("Every team", {team: teams[team] for team in _by_name(teams)}, asked.team)),
        tuple(_choices("Every cluster", dict(sorted(clusters.items())), asked.cluster)),
        tuple(
            _choices("All but at work", ordered, asked.verdict, {v.value: text for v, text in WORDS.items()})
        ),
    )


def _by_name(teams: Iterable[str]) -> list[str]:
    return sorted(teams, key=lambda team: (team == UNALLOCATED, team.casefold(), team))


def _choices(
    every: str, counts: dict[str, int], chosen: str, texts: dict[str, str] | None = None
) -> Iterator[Choice]:
    yield Choice(value="", text=every, chosen=not chosen)
    shown = {**counts, chosen: counts.get(chosen, 0)} if chosen else counts
    for value, count in shown.items():
        text = (texts or {}).get(value, value)
        yield Choice(value=value, text=f"{name(text, 40)} ({count:,})", chosen=value == chosen)
