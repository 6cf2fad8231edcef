"""Gates: what must hold before a delivery replaces what a period had. Pure.

Exact, per currency and period. A gate gives None when it is open, else the sentence that
says what is wrong and what to do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, localcontext

from domain.charge import COSTS
from domain.money import EXACT, plain

Sums = dict[str, dict[str, Decimal]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one period holds, read from what is stored or staged.

    Attributes:
        rows: number of charges.
        days: UTC days with charges.
        sums: {currency: {cost column: sum}}.
        gross: {currency: {cost column: sum of amounts without their sign}}.
    """

    rows: int = 0
    days: frozenset[date] = frozenset()
    sums: Sums = field(default_factory=dict)
    gross: Sums = field(default_factory=dict)


def parsed_is_stored(tally: Tally, parsed: Sums, residual: Sums) -> str | None:
    """Check parsed - residual = staged for every cost column of every currency."""
    with localcontext(EXACT):
        for currency in sorted({*tally.sums, *parsed}):
            staged, read = tally.sums.get(currency, {}), parsed.get(currency, {})
            for column in sorted({*read, *COSTS.values()}):
                expected = read.get(column, Decimal(0)) - residual.get(currency, {}).get(column, Decimal(0))
                found = staged.get(column, Decimal(0))
                if expected != found:
                    return (
                        f"{column} in {currency} was read as {plain(expected)} but staged as {plain(found)}, "
                        f"a difference of {plain(found - expected)}; nothing was replaced. "
                        "This is a fault of costd or of the disk: collect again, and report it if it stays"
                    )
    return None


def rows_are_stored(tally: Tally, rows: int) -> str | None:
    """Check that every row that was read is staged."""
    if tally.rows == rows:
        return None
    return f"{rows:,} rows were read but {tally.rows:,} staged; nothing was replaced. Collect again"


def nothing_is_lost(before: Tally, after: Tally, max_loss: Decimal, command: str) -> str | None:
    """Check that a delivery neither loses days nor shrinks by more than the allowed share.

    A total shrinks only if both the net sum (by absolute value) and the sum of amounts
    without their sign do: a late credit is no loss, and neither are two rows that cancel
    out and disappear.
    """
    losses = [*_lost_days(before.days - after.days), *_lost_rows(before, after, max_loss)]
    losses.extend(_lost_money(before, after, max_loss))
    if not losses:
        return None
    return f"it lost {'; '.join(losses)}. If the provider meant it, run `{command}`"


def _lost_days(days: Collection[date]) -> list[str]:
    if not days:
        return []
    spans: list[list[date]] = []
    for day in sorted(days):
        if spans and day - spans[-1][1] == timedelta(days=1):
            spans[-1][1] = day
        else:
            spans.append([day, day])
    names = [str(first) if first == last else f"{first} to {last}" for first, last in spans]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more stretches" if len(names) > 3 else "")
    return [f"{len(days)} day{'s' if len(days) > 1 else ''} ({shown})"]


def _lost_rows(before: Tally, after: Tally, max_loss: Decimal) -> list[str]:
    if not _shrinks(Decimal(before.rows), Decimal(after.rows), max_loss):
        return []
    return [f"{_percent(before.rows, after.rows)} of its rows ({before.rows:,} before, {after.rows:,} now)"]


def _lost_money(before: Tally, after: Tally, max_loss: Decimal) -> Iterable[str]:
    for currency, sums in sorted(before.sums.items()):
        for column in (COSTS["billed"], COSTS["effective"]):
            was, now = sums.get(column, Decimal(0)), _at(after.sums, currency, column)
            gross_was, gross_now = _at(before.gross, currency, column), _at(after.gross, currency, column)
            if _shrinks(abs(was), abs(now), max_loss) and _shrinks(gross_was, gross_now, max_loss):
                yield (
                    f"{_percent(abs(was), abs(now))} of {column} "
                    f"({plain(was)} {currency} before, {plain(now)} {currency} now)"
                )


def _at(sums: Mapping[str, Mapping[str, Decimal]], currency: str, column: str) -> Decimal:
    return sums.get(currency, {}).get(column, Decimal(0))


def _shrinks(before: Decimal, after: Decimal, max_loss: Decimal) -> bool:
    with localcontext(EXACT):
        return before - after > before * max_loss


def _percent(before: Decimal | int, after: Decimal | int) -> str:
    share = (1 - Decimal(after) / Decimal(before)) * 100
    return f"{share:.1f} %"
