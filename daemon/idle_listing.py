"""What is idle as rows to print, with what belongs around them: totals, and what could not be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from daemon.dimensions import UNALLOCATED
from daemon.idle import SCHEMA, WASTE, IdleResult, waste_totals
from daemon.output import Field, Listing, Row
from domain.finding import Verdict
from domain.show import count_text, instant_text

if TYPE_CHECKING:
    from domain.finding import Evidence, Finding

_SHOWN_REASONS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which findings to list.

    Attributes:
        teams, clusters, rules: only these; empty for all. `unallocated` is a missing team.
        least: only what has cost at least this since it began, in its own currency.
        every: also what is at work or could not be told.
        cards: evidence below the table, a paragraph per finding.
    """

    teams: frozenset[str] = frozenset()
    clusters: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    least: Decimal | None = None
    every: bool = False
    cards: bool = False

    def fits(self, one: Finding) -> bool:
        """Tell whether a finding is of the teams, clusters and rules that were asked for."""
        return (
            (not self.teams or (one.owner_team or UNALLOCATED).lower() in self.teams)
            and (not self.clusters or one.resource.place in self.clusters)
            and (not self.rules or one.rule in self.rules)
        )

    def lists(self, one: Finding) -> bool:
        """Tell whether a finding that fits is worth a row."""
        if one.verdict not in WASTE:
            return self.every
        return self.least is None or (one.wasted is not None and one.wasted >= self.least)


def listing_of(result: IdleResult, wanted: Wanted) -> Listing:
    """Give findings to print."""
    mine = [one for one in result.findings if wanted.fits(one)]
    shown = [one for one in mine if wanted.lists(one)]
    sums = waste_totals(one for one in shown if one.verdict in WASTE)
    single = len(sums) <= 1
    unit = f" {next(iter(sums))}" if len(sums) == 1 else ""
    notes = tuple(_notes(result, mine, shown))
    return Listing(
        fields=(
            Field(name="verdict"),
            Field(name="resource", title="WHAT"),
            Field(name="team", missing=UNALLOCATED),
            Field(name="since"),
            Field(name="currency", machine_only=single),
            Field(name="cost_per_hour", title=f"PER HOUR{unit}", missing="unknown", number=True),
            Field(name="wasted", title=f"SO FAR{unit}", missing="unknown", number=True),
            Field(name="confidence"),
            Field(name="suggestion"),
            Field(name="rule"),
            *(Field(name=name, machine_only=True) for name in _MACHINE),
        ),
        rows=[_row(one) for one in shown],
        totals=[
            {"verdict": "total", "currency": currency, "cost_per_hour": rate, "wasted": wasted}
            for currency, (rate, wasted) in sums.items()
        ],
        document=_document(result, mine, sums),
        above=(_title(result, shown),) if shown else (),
        notes=(*notes, *(_cards(shown) if wanted.cards else ())),
        following=_following(shown, wanted),
        empty=_empty(result, mine),
    )


_MACHINE = (
    *("cluster", "kind", "namespace", "name", "uid", "workload"),
    *("evidence_for", "evidence_against", "not_measured"),
)


def _row(one: Finding) -> Row:
    return {
        "verdict": one.verdict.value,
        "resource": str(one.resource),
        "team": one.owner_team,
        "since": one.since,
        "currency": one.currency or None,
        "cost_per_hour": one.cost_per_hour,
        "wasted": one.wasted,
        "confidence": one.confidence.value,
        "suggestion": one.suggestion,
        "rule": one.rule,
        "cluster": one.resource.place,
        "kind": one.resource.kind,
        "namespace": one.resource.namespace or None,
        "name": one.resource.name,
        "uid": one.resource.uid or None,
        "workload": str(one.workload) if one.workload else None,
        "evidence_for": _said(one.evidence, speaks=True),
        "evidence_against": _said(one.evidence, speaks=False),
        "not_measured": _said(one.evidence, speaks=None),
    }


def _said(evidence: Iterable[Evidence], *, speaks: bool | None) -> list[str]:
    return [f"{one.metric}: {one.value}" for one in evidence if one.speaks_for is speaks]


def _document(
    result: IdleResult, mine: Sequence[Finding], sums: dict[str, tuple[Decimal, Decimal]]
) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "window": {"from": result.start, "to": result.end},
        "complete": bool(result.reach) and not result.stale,
        "clusters": [
            {"name": one.cluster, "through": one.through, "gpu_metrics": one.gpus, "stale": one.is_stale}
            for one in result.reach
        ],
        "rules": [{"name": rule.name, "kind": rule.kind} for rule in result.rules],
        "counts": {verdict.value: sum(1 for one in mine if one.verdict is verdict) for verdict in Verdict},
        "unknown": dict(_reasons(mine)),
        "rows": [],
        "totals": [
            {"currency": currency, "cost_per_hour": rate, "wasted": wasted}
            for currency, (rate, wasted) in sums.items()
        ],
    }


def _title(result: IdleResult, shown: Sequence[Finding]) -> str:
    waste = sum(1 for one in shown if one.verdict in WASTE)
    oldest = min(one.through for one in result.reach)
    return f"{count_text(waste, 'finding')}, by usage through {instant_text(oldest)}"


def _notes(result: IdleResult, mine: Sequence[Finding], shown: Sequence[Finding]) -> Iterator[str]:
    waste = [one for one in mine if one.verdict in WASTE]
    hidden = len(waste) - sum(1 for one in shown if one.verdict in WASTE)
    if hidden:
        yield f"{count_text(hidden, 'finding')} below --min, or of unknown cost, left out."
    overlap = _overlap(shown)
    if overlap:
        told = count_text(overlap, "finding")
        yield f"{told} about a thing that another rule found, too: counted once in the total."
    unpriced = sum(1 for one in shown if one.verdict in WASTE and one.wasted is None)
    if unpriced:
        yield f"No cost is known of {count_text(unpriced, 'finding')}; in no total. Unknown is not 0."
    reasons = _reasons(mine)
    if reasons:
        told = ", ".join(f"{count:,} {reason}" for reason, count in reasons[:_SHOWN_REASONS])
        more = f", {sum(count for _, count in reasons[_SHOWN_REASONS:]):,} for other reasons"
        rest = more if len(reasons) > _SHOWN_REASONS else ""
        yield f"Could not be told, so left alone: {told}{rest}. `costd idle --all` lists them."
    working = sum(1 for one in mine if one.verdict is Verdict.WORKING)
    if working:
        yield f"At work: {count_text(working, 'pod')} with GPUs."
    for one in result.stale:
        yield (
            f"Nothing is judged in {one.cluster}: its usage ends {instant_text(one.through)}; "
            "`costd status` says why."
        )


def _overlap(shown: Sequence[Finding]) -> int:
    rules: dict[str, set[str]] = {}
    for one in shown:
        if one.wasted is not None:
            rules.setdefault(str(one.workload or one.resource), set()).add(one.rule)
    return sum(len(names) - 1 for names in rules.values())


def _reasons(mine: Iterable[Finding]) -> list[tuple[str, int]]:
    """Give why things could not be told, the most frequent first, without the figures of each."""
    counts = Counter(_reason(one) for one in mine if one.verdict is Verdict.UNKNOWN)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _reason(one: Finding) -> str:
    why = next((evidence.value for evidence in one.evidence if evidence.metric == "why"), "unknown")
    return "measured in part" if why.startswith("only ") else why.partition(":")[0]


def _cards(shown: Sequence[Finding]) -> Iterator[str]:
    for one in shown:
        yield ""
        yield f"{one.resource}: {one.verdict.value}, {one.confidence.value} confidence ({one.rule})"
        for mark, speaks in (("for", True), ("against", False), ("not known", None)):
            for line in _said(one.evidence, speaks=speaks):
                yield f"  {mark:<9}  {line}"
        yield f"  {'do':<9}  {one.suggestion}"


def _following(shown: Sequence[Finding], wanted: Wanted) -> tuple[str, ...]:
    if not shown:
        return ()
    name = shown[0].rule
    first = () if wanted.cards else ("costd idle --evidence",)
    return (*first, f"costd idle backtest {name} --window 14d")


def _empty(result: IdleResult, mine: Sequence[Finding]) -> str:
    if not result.reach:
        return (
            "No usage is stored, so nothing can be judged: add a source of type kubernetes or prometheus "
            "to costd.yaml, then run `costd collect`. docs/idle.md tells what is needed."
        )
    if not result.rules:
        return "No rule is in force: `idle: rules:` is empty. Remove it to have the packaged ones."
    if any(one.verdict in WASTE for one in mine):
        return "Nothing that costs so much was found."
    return "Nothing idle was found."
