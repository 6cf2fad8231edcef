"""What teams could save by what was found, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from daemon.dimensions import UNALLOCATED
from daemon.idle import waste_totals
from daemon.idle_filter import WORDS, team_of
from daemon.pages.layout import name

if TYPE_CHECKING:
    from domain.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamSum:
    """What one team pays for and does not use, in one currency."""

    team: str
    url: str
    is_nobody: bool
    verdicts: str
    per_hour: Decimal
    wasted: Decimal


def is_priced(one: Finding) -> bool:
    """Tell whether a finding is in the sums."""
    return one.cost_per_hour is not None and one.wasted is not None


def team_sums(findings: Sequence[Finding], currency: str, urls: Mapping[str, str]) -> list[TeamSum]:
    """Give the sums of each team in one currency, the dearest first, nobody's last."""
    teams: dict[str, list[Finding]] = {}
    for one in findings:
        teams.setdefault(team_of(one), []).append(one)
    sums = [_team_sum(team, currency, found, urls[team]) for team, found in teams.items()]
    return sorted(sums, key=lambda one: (one.is_nobody, -one.per_hour, one.team))


def _team_sum(team: str, currency: str, found: list[Finding], url: str) -> TeamSum:
    per_hour, wasted = waste_totals(found)[currency]
    verdicts = Counter(one.verdict for one in found)
    return TeamSum(
        team=name(team, 40),
        url=url,
        is_nobody=team == UNALLOCATED,
        verdicts=", ".join(f"{verdicts[verdict]} {WORDS[verdict]}" for verdict in WORDS if verdicts[verdict]),
        per_hour=per_hour,
        wasted=wasted,
    )
