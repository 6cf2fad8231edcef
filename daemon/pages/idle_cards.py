"""One finding as a card: what, whose, since when, how much, and everything that speaks for and against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from daemon import sparks
from daemon.idle_filter import WORDS, team_of
from daemon.pages.ask import Ask
from daemon.pages.layout import ident, money, name
from domain.finding import Verdict
from domain.show import age_text, day_text, instant_text

if TYPE_CHECKING:
    from datetime import datetime

    from daemon.activity import Activity, Line
    from domain.finding import Evidence, Finding
    from domain.resource import ResourceId

MOST_LINES = 4
"""Drawings on one card; a node has up to eight GPUs, which mostly do the same."""


MOST_OTHERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """The activity of one GPU, drawn, with its words."""

    name: str
    device: str
    told: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A finding, written out.

    Attributes:
        anchor: its place on the page.
        kind: of the thing, `pod`.
        cost: per hour, "" where no cost is known.
        missing_cost: why there is none, "" where there is one.
        speaks_for, against, missing: evidence as metric and value.
        others: what other rules found of the same workload: address and words.
    """

    anchor: str
    name: str
    kind: str
    place: str
    whole: str
    url: str
    within: str
    verdict: str
    style: str
    team: str
    team_url: str
    is_nobody: bool
    since: str
    lasting: str
    cost: str
    per_day: str
    wasted: str
    speaks_for: tuple[tuple[str, str], ...]
    against: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]
    confidence: str
    suggestion: str
    rule: str
    plots: tuple[Plot, ...]
    more_plots: int
    others: tuple[tuple[str, str], ...]


def cards(findings: Iterable[Finding], activity: Activity, now: datetime) -> Iterator[Card]:
    """Give a card per finding, each with what else was found of the same workload."""
    findings = list(findings)
    same: dict[ResourceId, list[int]] = {}
    for at, finding in enumerate(findings):
        same.setdefault(finding.workload or finding.resource, []).append(at)
    for at, finding in enumerate(findings):
        others = [
            (
                f"#finding-{other + 1}",
                f"{name(findings[other].resource.kind, 24)} {WORDS[findings[other].verdict]}",
            )
            for other in same[finding.workload or finding.resource]
            if other != at and findings[other].rule != finding.rule
        ]
        yield _card(finding, activity, now, f"finding-{at + 1}", tuple(others[:MOST_OTHERS]))


def _card(
    finding: Finding, activity: Activity, now: datetime, anchor: str, others: tuple[tuple[str, str], ...]
) -> Card:
    which, lines = finding.resource, activity.of(finding)
    within = [word for word in (which.place, which.namespace) if word]
    workload = finding.workload
    if workload is not None and workload != which:
        within.append(f"{workload.kind} {workload.name}")
    return Card(
        anchor=anchor,
        name=ident(which.name, 60),
        kind=name(which.kind, 24),
        place=name(" / ".join(within), 120),
        whole=ident(str(which), 200),
        url=cost_url(which),
        within=" / ".join(within),
        verdict=WORDS[finding.verdict],
        style="idle" if finding.verdict is Verdict.WORKING else finding.verdict.value,
        team=name(team_of(finding), 40),
        team_url=Ask(by=("workload",)).only("team", finding.owner_team).url,
        is_nobody=finding.owner_team is None,
        since=since_text(finding.since),
        lasting=f"for {age_text(now - finding.since)}" if finding.since is not None else "",
        cost=_money(finding.cost_per_hour, finding.currency),
        per_day=_money(_times(finding.cost_per_hour, 24), finding.currency),
        wasted=_money(finding.wasted, finding.currency),
        speaks_for=tuple(_evidence(finding.evidence, said=True)),
        against=tuple(_evidence(finding.evidence, said=False)),
        missing=tuple(_evidence(finding.evidence, said=None)),
        confidence=finding.confidence.value,
        suggestion=name(finding.suggestion, 300),
        rule=name(finding.rule, 40),
        plots=tuple(plot(line, activity) for line in lines[:MOST_LINES]),
        more_plots=max(len(lines) - MOST_LINES, 0),
        others=others,
    )


def _times(amount: Decimal | None, count: int) -> Decimal | None:
    return None if amount is None else amount * count


def _money(amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else money(amount, name(currency, 8))


def since_text(at: datetime | None) -> str:
    """Say since when it has been so, with the zone."""
    return "" if at is None else instant_text(at)


def _evidence(evidence: Sequence[Evidence], *, said: bool | None) -> Iterator[tuple[str, str]]:
    for one in evidence:
        if one.speaks_for is said:
            yield name(one.metric, 80), name(one.value, 160)


def cost_url(which: ResourceId) -> str:
    """Give the page with the cost of a thing in a cluster."""
    ask = Ask(by=("day",), start="30d", end="today").only("cluster", which.place)
    if which.namespace:
        ask = ask.only("namespace", which.namespace)
    if which.kind == "pod":
        return ask.only("pod", which.name).url
    if which.kind == "node":
        return ask.but(by=("resource",)).url
    return ask.only("workload", which.name).url


def plot(line: Line, activity: Activity) -> Plot:
    """Draw the hours of a GPU, and say what they show."""
    most = line.most
    gaps = activity.hours - line.measured
    told = "not measured at all" if most is None else f"at most {_share(most)} active"
    if most is not None and gaps:
        told += f", {gaps:,} of {activity.hours:,} hours not measured"
    title = f"{line.name or 'GPU'} {line.device}: {told} in the last {activity.hours // 24} days"
    return Plot(
        name=name(line.name or "GPU", 60),
        device=ident(line.device, 24),
        told=told,
        svg=sparks.strip(line.average, line.highest, name(title, 200)),
    )


def _share(value: float) -> str:
    percent = value * 100
    return "0 %" if percent == 0 else "under 1 %" if percent < 1 else f"{percent:.0f} %"


def ends(activity: Activity) -> tuple[str, str]:
    """Give the first and last day that drawings show."""
    last = activity.start + timedelta(hours=activity.hours - 1)
    return day_text(activity.start.date(), weekday=False), day_text(last.date(), weekday=False)
