"""Money of many charges shared by whole weights, exactly and quickly.

The same parts as `attribution.largest_remainder`, to the last unit: each is rounded down in units of
1E-12, what is left goes unit by unit to the largest fractions, ties to the earlier weight. Products are
taken as 64-bit integers that wrap around: the quotient is estimated, its remainder is then exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from attribution.kubernetes.schema import KEY
from attribution.largest_remainder import AMOUNT, GROUP, TARGET, UNITS, WEIGHT, split_rows, to_money, to_units

Ints = npt.NDArray[np.int64]

_SAFE = 2.0**62
_ERROR = 2.0**-50
"""Relative error of a quotient that is estimated from 64-bit integers by floats, at most."""

_PLACES, _FRACTIONS = 2**14, 2**26
_GROUPS = 2**63 // (_PLACES * _FRACTIONS)
"""How many of each fit into one integer that is sorted."""


def split_money(
    charges: pl.DataFrame, weights: pl.DataFrame, costs: Sequence[str], *, on: Sequence[str] = KEY
) -> pl.DataFrame:
    """Give the parts of every charge as stored money: one row per charge and weight of its group.

    Args:
        charges: `on` and the costs, stored money; a cost that is null has parts that are null.
        weights: `on` and `weight`, whole numbers of any unit; only positive ones take part. They are
            in the order of ties.
        costs: what is shared.
        on: what a charge and its weights have in common; a single whole number from 0 is fastest.

    Returns:
        `charge` and `part` (row numbers in `charges` and `weights`), and the costs. The parts of a charge
        sum to it. A charge without weights has no rows.
    """
    parts = split_units(charges, weights, costs, on=on).with_columns(to_money(pl.col(costs)))
    for cost in costs:
        if charges.get_column(cost).null_count():
            said = charges.get_column(cost).is_not_null().gather(parts.get_column("charge"))
            parts = parts.with_columns(pl.when(said).then(cost).alias(cost))
    return parts


def split_units(
    charges: pl.DataFrame, weights: pl.DataFrame, costs: Sequence[str], *, on: Sequence[str] = KEY
) -> pl.DataFrame:
    """Give the parts as `split_money`, in whole units of 1E-12: for who adds them up. Null counts as 0."""
    pairs = _paired(charges, weights, on)
    units = charges.select(to_units(pl.col(cost)).fill_null(0) for cost in costs)
    parts = [_shared(units.get_column(cost), pairs).alias(cost) for cost in costs]
    return pl.DataFrame([pl.Series("charge", pairs.charge), pl.Series("part", pairs.part), *parts])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    """Charges and their weights, one row each, those of a charge together.

    Attributes:
        charge, part: row numbers.
        weight: of the part.
        first: where the rows of each charge that has any begin.
        count: how many they are.
        whole: the sum of their weights.
    """

    charge: Ints
    part: Ints
    weight: Ints
    first: Ints
    count: Ints
    whole: Ints

    def each(self, of_charge: Ints) -> Ints:
        """Give what is known of each charge on every row of it."""
        return np.repeat(of_charge, self.count)


def _paired(charges: pl.DataFrame, weights: pl.DataFrame, on: Sequence[str]) -> _Pairs:
    groups = charges.select(on).unique(maintain_order=True).with_row_index("group")
    of_charge = _codes(charges, groups, on)
    of_weight = np.where(
        weights.get_column(WEIGHT).to_numpy() > 0, _codes(weights, groups, on), groups.height
    )
    order = _stable_order(of_weight)
    counts = np.bincount(of_weight, minlength=groups.height + 1)[: groups.height]
    begins = np.cumsum(counts) - counts
    has = np.flatnonzero(counts[of_charge] > 0)
    count = counts[of_charge[has]]
    first = np.cumsum(count) - count
    at = np.arange(int(count.sum())) + np.repeat(begins[of_charge[has]] - first, count)
    part = order[at]
    weight = weights.get_column(WEIGHT).to_numpy()[part].astype(np.int64, copy=False)
    whole = np.add.reduceat(weight, first) if len(first) else weight
    return _Pairs(
        charge=np.repeat(has, count), part=part, weight=weight, first=first, count=count, whole=whole
    )


def _codes(frame: pl.DataFrame, groups: pl.DataFrame, on: Sequence[str]) -> Ints:
    """Give the number of each row's group; one past the last for a row without."""
    if len(on) == 1 and frame.schema[on[0]].is_integer():
        return _looked_up(frame.get_column(on[0]), groups.get_column(on[0]))
    found = frame.select(on).join(groups, on=list(on), how="left", maintain_order="left", nulls_equal=True)
    codes: Ints = found.get_column("group").cast(pl.Int64).fill_null(groups.height).to_numpy()
    return codes


def _looked_up(values: pl.Series, known: pl.Series) -> Ints:
    """Give the place of whole numbers from 0 among known ones, by a table: many times faster than a join."""
    most = known.max()
    places = np.full((most if isinstance(most, int) else 0) + 2, len(known))
    places[known.to_numpy()] = np.arange(len(known))
    last = len(places) - 1  # which no known number has
    at = values.cast(pl.Int64).fill_null(last).to_numpy()
    codes: Ints = places[np.where((at < 0) | (at > last), last, at)]
    return codes


def _stable_order(codes: Ints) -> Ints:
    """Give the rows in the order of small numbers, equal ones as they stand: a radix sort by 16 bits."""
    order = np.argsort((codes & 0xFFFF).astype(np.uint16), kind="stable")
    shift = 16
    while len(codes) and int(codes.max()) >> shift:
        digit = ((codes >> shift) & 0xFFFF).astype(np.uint16)
        order = order[np.argsort(digit[order], kind="stable")]
        shift += 16
    return order


def _shared(units: pl.Series, pairs: _Pairs) -> pl.Series:
    most = float(units.abs().max() or 0)  # type: ignore[arg-type]  # the units of a frame are numbers
    whole = float(pairs.whole.max(initial=0))
    if most >= _SAFE or whole >= _SAFE or (most * _ERROR + 2) * whole >= _SAFE:
        return _shared_slowly(units, pairs)
    amounts = units.cast(pl.Int64).to_numpy()[pairs.charge[pairs.first]]
    parts, rest = _floored(pairs.each(amounts), pairs.weight, pairs.each(pairs.whole))
    if len(parts):
        left = amounts - np.add.reduceat(parts, pairs.first)
        parts[_largest(rest, left, pairs)] += 1
    return pl.Series(parts)


def _floored(amounts: Ints, weights: Ints, whole: Ints) -> tuple[Ints, Ints]:
    """Give amount x weight / whole, rounded down, and the rest."""
    parts = np.floor(amounts.astype(np.float64) * weights / whole).astype(np.int64)
    rest = amounts * weights - parts * whole  # both wrap around; their difference is small, so it is exact
    off = np.flatnonzero((rest < 0) | (rest >= whole))
    if len(off):
        more = rest[off] // whole[off]
        parts[off] += more
        rest[off] -= more * whole[off]
    return parts, rest


def _largest(rest: Ints, left: Ints, pairs: _Pairs) -> Ints:
    """Give the rows with the `left` largest rests of each charge, earlier ones first among equals.

    Sorted are single integers of charge, fraction and place, which is many times faster than sorting
    rows; where two fractions look the same and are not, the rows of that charge are sorted in full.
    """
    if len(left) >= _GROUPS or int(pairs.count.max()) >= _PLACES:
        return _largest_exactly(rest, left, pairs, np.arange(len(left)))
    begins, places = pairs.each(pairs.first), _places(pairs.count)
    rough = (rest / pairs.each(pairs.whole) * _FRACTIONS).astype(np.int64)
    charge = pairs.each(np.arange(len(left)) * _FRACTIONS)
    ranked = np.sort((charge + np.maximum(_FRACTIONS - 1 - rough, 0)) * _PLACES + places)
    rows: Ints = begins + ranked % _PLACES
    ranked //= _PLACES
    ordered = rest[rows]
    unsure = np.flatnonzero((ranked[1:] == ranked[:-1]) & (ordered[1:] != ordered[:-1]))
    chosen = places < pairs.each(left)
    again = np.unique(ranked[unsure] // _FRACTIONS)
    chosen &= ~np.isin(ranked // _FRACTIONS, again)
    return np.concatenate([rows[chosen], _largest_exactly(rest, left, pairs, again)])


def _largest_exactly(rest: Ints, left: Ints, pairs: _Pairs, charges: Ints) -> Ints:
    count = pairs.count[charges]
    group, place = np.repeat(charges, count), _places(count)
    rows = pairs.first[group] + place
    rows = rows[np.lexsort((place, -rest[rows], group))]
    chosen: Ints = rows[place < left[group]]
    return chosen


def _places(count: Ints) -> Ints:
    """Give the place, from 0, of every row among those of its charge."""
    places: Ints = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    return places


def _shared_slowly(units: pl.Series, pairs: _Pairs) -> pl.Series:
    """Share amounts or weights that 64 bits do not hold, by the general way."""
    charge, part = pl.Series(GROUP, pairs.charge), pl.Series(TARGET, np.arange(len(pairs.part)))
    weights = pl.DataFrame([charge, part, pl.Series(WEIGHT, pairs.weight).cast(UNITS)])
    rows = (
        pl.DataFrame([units.alias(AMOUNT)]).with_row_index(GROUP).with_columns(pl.col(GROUP).cast(pl.Int64))
    )
    parts = pl.concat(
        [rows.clear().with_columns(part.clear()).select(GROUP, AMOUNT, TARGET), *_slow(rows, weights)]
    )
    every = weights.select(TARGET).join(parts, on=TARGET, how="left", maintain_order="left")
    return every.get_column(AMOUNT).fill_null(0)


def _slow(rows: pl.DataFrame, weights: pl.DataFrame) -> list[pl.DataFrame]:
    return [part.select(GROUP, AMOUNT, TARGET) for part in split_rows(rows, weights)]
