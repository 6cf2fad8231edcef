"""The sums a digest is made of, by currency: teams per day, their resources, the month so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from alerts.digest import TeamTrend, Trend
from attribution.allocate import allocate
from attribution.slices import Sharing, Slice
from daemon.movers import Part
from daemon.query import Query
from daemon.report import cells_of
from daemon.sources import SourceView
from domain.charge import COSTS
from domain.window import Window

if TYPE_CHECKING:
    from attribution.star import Star
    from daemon.digest_days import Days
    from domain.ports import Ledger

Teams = Mapping[str | None, Decimal]
"""{team: cost}, None for what nobody owns."""

_PART = ("source", "team", "cloud_service", "resource", "ResourceName")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSums:
    """Where a digest's sums come from.

    Attributes:
        ledger: the charges.
        star: the owners of every resource.
        days: which day of which source is shown.
        cost: billed, effective, list or contracted.
        sources: how far each reaches, and what of it is withheld.
    """

    ledger: Ledger
    star: Star
    days: Days
    cost: str
    sources: Sequence[SourceView]

    def daily(self, first: date) -> pl.DataFrame:
        """Give sums by day, source and team from a day to the digest day."""
        return self._sums(("day", "source", "team"), first, self.days.digest + _DAY)

    def teams(self, daily: pl.DataFrame, kept: pl.Expr) -> dict[str, Teams]:
        """Give {currency: {team: cost}} of the rows that are kept."""
        summed = daily.filter(kept).group_by("currency", "team").agg(pl.col("cost").sum())
        found: dict[str, dict[str | None, Decimal]] = {}
        for currency, team, cost in summed.iter_rows():
            found.setdefault(currency, {})[team] = cost
        return dict(found)

    def trend(self, daily: pl.DataFrame, days: Sequence[date], currency: str) -> Trend:
        """Give every team's cost on some days; a day without charges of a team is zero."""
        kept = daily.filter(self.days.within(days) & (pl.col("currency") == currency))
        summed = kept.group_by("team", "day").agg(pl.col("cost").sum())
        found: dict[str | None, dict[date, Decimal]] = {}
        for team, day, cost in summed.sort("team", "day").iter_rows():
            found.setdefault(team, {})[day] = cost
        zero = Decimal(0)
        return Trend(
            days=tuple(days),
            teams=tuple(
                TeamTrend(name=team, costs=tuple(costs.get(day, zero) for day in days))
                for team, costs in found.items()
            ),
        )

    def parts(self, currency: str, weeks: Sequence[int]) -> dict[str | None, list[Part]]:
        """Give every team's resources: what they cost on the day, and in the mean of those weeks."""
        now = self._detail(currency, (0,)).rename({"cost": "now"})
        usual = self._detail(currency, weeks).rename({"cost": "usual"})
        keys = [name for name in _PART if name != "source"]
        both = now.join(usual, on=keys, how="full", coalesce=True, nulls_equal=True)
        share = Decimal(1) if len(weeks) <= 1 else Decimal(1) / len(weeks)
        found: dict[str | None, list[Part]] = {}
        for team, service, resource, name, cost, before in both.iter_rows():
            part = Part(
                resource=resource,
                name=name or "",
                service=service,
                now=cost or Decimal(0),
                usual=(before or Decimal(0)) * share,
            )
            found.setdefault(team, []).append(part)
        return found

    def unknown(self) -> dict[str, int]:
        """Count per currency the charges of the day that do not say this cost."""
        first, last = min(self.days.distinct()), max(self.days.distinct())
        cells = self._cells(Window.of_days(first, last + _DAY))
        currencies = self.star.resource_names(["currency"]).lazy()
        counted = (
            cells.filter(pl.col(COSTS[self.cost]).is_null() & self.days.shown())
            .join(currencies, on="dim_id", how="left")
            .group_by("currency")
            .len()
        )
        return dict(counted.collect(engine="streaming").iter_rows())

    def _detail(self, currency: str, weeks: Sequence[int]) -> pl.DataFrame:
        frames = [self._sums(_PART, self.days.digest, self.days.digest)]
        for back in weeks:
            for day in self.days.distinct(back):
                sums = self._sums(_PART, day, day + _DAY).with_columns(pl.lit(day).alias("day"))
                frames.append(sums.filter(self.days.shown(back)).drop("day"))
        keys = [name for name in _PART if name != "source"]
        rows = pl.concat(frames).filter(pl.col("currency") == currency)
        return rows.group_by(keys).agg(pl.col("cost").sum())

    def _sums(self, by: tuple[str, ...], first: date, end: date) -> pl.DataFrame:
        """Give sums over UTC days as `by`, `currency` and `cost`, with shared pools spread."""
        window = Window.of_days(first, end)
        column = COSTS[self.cost]
        asked = Slice(by=by, costs=(column,), sharing=Sharing.AFTER, window=window)
        found = allocate(self._cells(window), self.star, asked).filter(pl.col(column).is_not_null())
        return found.rename({column: "cost"}).collect(engine="streaming")

    def _cells(self, window: Window) -> pl.LazyFrame:
        cells = cells_of(Query(by=("day",), window=window), self.ledger, sources=self.sources)
        # a digest is of days that bills have reached; what is estimated beyond them is of no bill's day
        estimating = [source.name for source in self.sources if source.gives_usage]
        return cells.filter(~pl.col("source").is_in(estimating)) if estimating else cells
