"""A rule replayed over stored hours, beside variants of itself, as rows to print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from daemon.output import Field, Listing, Row, machine
from domain.show import count_text, instant_text, money_text
from reaper.backtest import Bar, Replay, histogram
from reaper.replay import replay
from reaper.variants import variants

if TYPE_CHECKING:
    from config.idle import Rule
    from reaper.backtest import Spell
    from reaper.detectors.observed import Observed

SCHEMA = "costd.idle-backtest/1"
SIZES = frozenset({"cpu_memory_slack", "gpu_wrong_class"})
"""Kinds of rules about size, which have no spells."""

_BAR = 30
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """A rule as it is, and beside it with other thresholds and times.

    Attributes:
        rule: what was replayed.
        replays: by what is different, the rule as it is first.
    """

    rule: Rule
    replays: Mapping[str, Replay]

    @property
    def as_it_is(self) -> Replay:
        """Give the replay of the rule as it is."""
        return next(iter(self.replays.values()))


def backtest(observed: Observed, rule: Rule, *, came_back: timedelta) -> Backtest:
    """Replay a rule and its variants over the same hours."""
    replays = {label: replay(observed, one, came_back=came_back) for label, one in variants(rule)}
    return Backtest(rule=rule, replays=replays)


def listing_of(found: Backtest) -> Listing:
    """Give a backtest to print."""
    main = found.as_it_is
    currencies = sorted({currency for one in found.replays.values() for currency in one.freed})
    single = currencies[0] if len(currencies) == 1 else ""
    return Listing(
        fields=(
            Field(name="variant"),
            Field(name="spells", number=True),
            Field(name="fired", number=True),
            Field(name="freed_hours", title="HOURS FREED", number=True),
            Field(name="freed", title=f"FREED {single}".strip(), missing="unknown", number=True),
            Field(name="false_reaps", title="FALSE", number=True),
            Field(name="false_share", title="OF FIRED", number=True, missing=""),
            Field(name="missed_hours", title="HOURS MISSED", number=True),
            Field(name="idle_share", title="IDLE", number=True, missing=""),
            Field(name="currency", machine_only=True),
        ),
        rows=[_row(label, one, single) for label, one in found.replays.items()],
        document=_document(found),
        above=tuple(_above(found)),
        notes=tuple(_notes(main, found.rule.kind)),
        following=(f"costd idle --rule {found.rule.name}", "costd idle rules"),
        empty="Nothing was replayed.",
    )


def _row(label: str, one: Replay, single: str) -> Row:
    told = one.working + one.idle
    return {
        "variant": label,
        "spells": len(one.spells),
        "fired": len(one.fired),
        "freed_hours": round(one.freed_hours),
        "freed": _money(one, single),
        "currency": single or None,
        "false_reaps": len(one.false),
        "false_share": f"{len(one.false) / len(one.fired):.0%}".replace("%", " %") if one.fired else None,
        "missed_hours": round(one.missed_hours),
        "idle_share": f"{one.idle / told:.1%}".replace("%", " %") if told else None,
    }


def _money(one: Replay, single: str) -> Decimal | str | None:
    """Give what was freed: an amount in the one currency, or all of them as text."""
    if not one.freed:
        # Nothing freed is free of cost; hours freed without a known cost are not.
        return None if one.unpriced_hours else Decimal(0)
    if single:
        return one.freed.get(single)
    return ", ".join(money_text(amount, currency) for currency, amount in one.freed.items())


def _above(found: Backtest) -> Iterator[str]:
    main = found.as_it_is
    yield (
        f"Rule {found.rule.name} replayed over {instant_text(main.start)} to {instant_text(main.end)}; "
        "nothing was done"
    )
    money = ", ".join(money_text(amount, currency) for currency, amount in main.freed.items())
    freed = f"{main.freed_hours:,.0f} idle hours" + (f", {money}" if money else "")
    if found.rule.kind in SIZES:
        yield from _above_sizes(main, freed)
        return
    yield f"It would have freed {freed}; it fired in {count_text(len(main.fired), 'spell')}."
    yield (
        f"Of these, work came back within {_hours(main.came_back)} in {len(main.false):,}: false reaps, "
        "counted as freeing nothing."
    )
    yield (
        f"It would have missed {main.missed_hours:,.0f} idle hours: before it fired, or in spells too "
        "short for it."
    )
    yield ""


def _above_sizes(main: Replay, freed: str) -> Iterator[str]:
    half = instant_text(main.end - main.came_back)
    yield f"Sized by the hours before {half}, tried on those after it."
    smaller = count_text(len(main.fired), "workload")
    yield f"{smaller} would have been smaller for {freed.replace('idle hours', 'pod-hours')}."
    yield (
        f"{len(main.false):,} of them would have been too small in the second half: false, "
        "counted as freeing nothing."
    )
    yield ""


def _notes(main: Replay, kind: str) -> Iterator[str]:
    if main.spells and kind not in SIZES:
        yield ""
        yield "How long idle spells were, as this rule sees them:"
        yield from _bars(histogram(main.spells))
    if main.unknown:
        yield f"{main.unknown:,.0f} hours could not be told: neither idle nor at work, never freed."
    if main.unpriced_hours:
        yield f"No cost is known of {main.unpriced_hours:,.0f} freed hours; unknown is not 0."
    if main.false:
        yield f"False reaps{_of(len(main.false))}:"
        yield from (_told(spell) for spell in main.false[:_NAMED])


def _bars(bars: Sequence[Bar]) -> Iterator[str]:
    most = max(bar.spells for bar in bars)
    for bar in bars:
        label = f"{bar.least} h and more" if bar.below is None else f"{bar.least} to {bar.below} h"
        label = f"below {bar.below} h" if bar.least == 1 and bar.below else label
        drawn = "#" * max(round(bar.spells / most * _BAR), 1 if bar.spells else 0)
        yield f"  {label:<15} {bar.spells:>6,}  {bar.hours:>9,.0f} h  {drawn}"


def _told(spell: Spell) -> str:
    assert spell.fired_at is not None  # noqa: S101  # only what fired can be false
    assert spell.back_at is not None  # noqa: S101  # only what came back can be false
    after = _hours(spell.back_at - spell.fired_at)
    return f"  {spell.resource}: fired {instant_text(spell.fired_at)}, needed again {after} later"


def _of(count: int) -> str:
    return f", the first {_NAMED} of {count:,}" if count > _NAMED else ""


def _hours(length: timedelta) -> str:
    return f"{length / timedelta(hours=1):g} h"


def _document(found: Backtest) -> dict[str, object]:
    main = found.as_it_is
    return {
        "schema": SCHEMA,
        "rule": {"name": found.rule.name, "kind": found.rule.kind},
        "window": {"from": main.start, "to": main.end},
        "came_back_hours": main.came_back / timedelta(hours=1),
        "hours": {"working": main.working, "idle": main.idle, "unknown": main.unknown},
        "freed_hours": main.freed_hours,
        "missed_hours": main.missed_hours,
        "unpriced_hours": main.unpriced_hours,
        "totals": [{"currency": currency, "freed": amount} for currency, amount in main.freed.items()],
        "histogram": [
            {"from_hours": bar.least, "below_hours": bar.below, "spells": bar.spells, "hours": bar.hours}
            for bar in histogram(main.spells)
        ],
        "spells": [_spell(spell, main) for spell in main.spells],
        "rows": [],
    }


def _spell(spell: Spell, main: Replay) -> dict[str, object]:
    return {
        "resource": str(spell.resource),
        "team": spell.team,
        "start": machine(spell.start),
        "end": machine(spell.end),
        "hours": spell.hours,
        "fired_at": machine(spell.fired_at),
        "freed_hours": spell.freed_hours,
        "freed": machine(spell.freed),
        "currency": spell.currency or None,
        "back_at": machine(spell.back_at),
        "false": spell.is_false(main.came_back),
    }
