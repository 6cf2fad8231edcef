"""Puts a report's rows in order, keeps the largest, and never hides what nobody owns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from daemon.dimensions import Place, dimension

if TYPE_CHECKING:
    from daemon.query import Query

OTHER = "other"
"""What folded rows are called; `Row.folded` tells them from an owner of that name."""

_OWNERS = frozenset({"team", "service", "model", "environment", "pull_request"})
_Key = tuple[str, tuple[str | None, ...]]
"""A currency and the values of the dimensions that are no times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a report.

    Attributes:
        values: one per dimension asked for; None is a missing owner or value.
        currency: ISO code.
        cost: exact; None where no charge says this cost.
        folded: how many rows were folded into this one, 0 for a row of its own.
    """

    values: tuple[str | None, ...]
    currency: str
    cost: Decimal | None
    folded: int = 0


def arranged(rows: Iterable[Row], query: Query) -> list[Row]:
    """Give the rows in the order to show, folded to the largest where that was asked."""
    kept = _folded(list(rows), query) if query.top is not None else list(rows)
    return sorted(kept, key=lambda row: _place(row, query))


def _place(row: Row, query: Query) -> tuple[object, ...]:
    """Give what a row is sorted by: currency, times, the named column, size; the nameless last."""
    times = tuple(row.values[at] or "" for at in _positions(query, {Place.TIME}))
    unowned = _is_unowned(row, query)
    size = -row.cost if row.cost is not None else Decimal("Infinity")
    named = row.values[query.by.index(query.sort)] or "" if query.sort != "cost" else ""
    texts = tuple(value or "" for value in row.values)
    if query.sort != "cost" and dimension(query.sort).place is Place.TIME:
        times, named = (named, *times), ""
    return (row.currency, times, unowned, row.folded > 0, named, size, texts)


def _positions(query: Query, places: set[Place]) -> list[int]:
    return [at for at, name in enumerate(query.by) if dimension(name).place in places]


def _is_unowned(row: Row, query: Query) -> bool:
    """Tell whether the first owner dimension of a row is missing."""
    owners = [at for at, name in enumerate(query.by) if name in _OWNERS]
    return bool(owners) and row.values[owners[0]] is None


def _folded(rows: Sequence[Row], query: Query) -> list[Row]:
    """Keep the largest names over the whole window; the others become one row per time.

    What nobody owns is never among them: it stays, or is folded into a row of its own.
    """
    names = [at for at in range(len(query.by)) if at not in _positions(query, {Place.TIME})]
    if not names:
        return list(rows)
    sums: defaultdict[_Key, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[_name(row, names)] += row.cost or 0
    largest: set[_Key] = set()
    for currency in {row.currency for row in rows}:
        ranked = sorted((key for key in sums if key[0] == currency), key=lambda key: (-sums[key], str(key)))
        for unowned in (False, True):
            largest.update([key for key in ranked if _lacks(key, names, query) is unowned][: query.top])
    rest: defaultdict[_Key, list[Row]] = defaultdict(list)
    for row in rows:
        if _name(row, names) not in largest:
            rest[row.currency, _folded_values(row, names, query)].append(row)
    kept = [row for row in rows if _name(row, names) in largest]
    return kept + [_fold(key, folded) for key, folded in rest.items()]


def _name(row: Row, names: Sequence[int]) -> _Key:
    return row.currency, tuple(row.values[at] for at in names)


def _lacks(key: _Key, names: Sequence[int], query: Query) -> bool:
    owners = [at for at, place in enumerate(names) if query.by[place] in _OWNERS]
    return bool(owners) and key[1][owners[0]] is None


def _folded_values(row: Row, names: Sequence[int], query: Query) -> tuple[str | None, ...]:
    unowned = _is_unowned(row, query)
    values: list[str | None] = list(row.values)
    first_owner = next((at for at in names if query.by[at] in _OWNERS), None)
    for at in names:
        values[at] = None if unowned and at == first_owner else OTHER
    return tuple(values)


def _fold(key: _Key, rows: Sequence[Row]) -> Row:
    known = [row.cost for row in rows if row.cost is not None]
    return Row(
        values=key[1],
        currency=key[0],
        cost=sum(known, Decimal(0)) if known else None,
        folded=len(rows),
    )
