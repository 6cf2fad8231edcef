"""Attribution charge by charge in plain Python: slow, obvious, and written apart from the kernel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

import polars as pl

from attribution.star import OWNERS, Star
from domain.money import EXACT, split

Owner = tuple[str | None, ...]
Cell = tuple[Mapping[str, Any], Owner, Decimal]
"""A fact joined with its resource, its owner, and what of it the owner bears."""

_FIELDS = {name: at for at, name in enumerate(OWNERS)}
_UNITS = Decimal(10) ** 12


def shares(facts: pl.DataFrame, star: Star, cost: str, *, after: bool) -> list[Cell]:
    """Give every part of every charge with its owner."""
    dims = {row["dim_id"]: row for row in star.resources.iter_rows(named=True)}
    owners = {row["dim_id"]: tuple(row[n] for n in OWNERS) for row in star.ownership.iter_rows(named=True)}
    with localcontext(EXACT):
        cells: list[Cell] = [
            ({**dims[fact["dim_id"]], **fact}, owners[fact["dim_id"]], fact[cost])
            for fact in facts.iter_rows(named=True)
            if fact[cost] is not None
        ]
        followed = [part for cell in cells for part in _follow(cell, cells, star)]
        return [part for cell in followed for part in _share(cell, cells, star)] if after else followed


def _pool(owner: Owner) -> str | None:
    return owner[_FIELDS["pool"]]


def _follow(cell: Cell, cells: list[Cell], star: Star) -> list[Cell]:
    fact, owner, amount = cell
    if _pool(owner) not in star.policy.related or not amount:
        return [cell]
    wide = {"SubAccountId": fact["SubAccountId"]}
    narrow = wide if _pool(owner) == "support" else {**wide, "ServiceName": fact["ServiceName"]}
    for scope in (narrow, wide):
        weights: defaultdict[Owner, Decimal] = defaultdict(Decimal)
        for other, other_owner, other_amount in cells:
            if _leads(other, other_owner) and _is_related(fact, other, scope):
                weights[other_owner] += other_amount
        if parts := _parts(amount, weights):
            return [(fact, heir, part) for heir, part in parts]
    return [cell]


def _leads(fact: Mapping[str, Any], owner: Owner) -> bool:
    followers = {"tax", "support", "credits"}
    return fact["ChargeCategory"] in {"Usage", "Purchase", "Adjustment"} and _pool(owner) not in followers


def _is_related(fact: Mapping[str, Any], other: Mapping[str, Any], scope: Mapping[str, str | None]) -> bool:
    same = all(fact[name] == other[name] for name in ("source", "BillingCurrency", "billing_period"))
    return same and all(value is None or other[name] == value for name, value in scope.items())


def _share(cell: Cell, cells: list[Cell], star: Star) -> list[Cell]:
    fact, owner, amount = cell
    name = _pool(owner)
    if name is None or not amount:
        return [cell]
    pool = star.policy.pool(name)
    weights: defaultdict[Owner, Decimal] = defaultdict(Decimal)
    for other, other_owner, other_amount in cells:
        if other_owner[_FIELDS["cost_kind"]] != "direct" or _pool(other_owner) is not None:
            continue
        target = tuple(other_owner[_FIELDS[field]] for field in pool.across)
        same = all(other[key] == fact[key] for key in ("billing_period", "day", "BillingCurrency"))
        if same and None not in target:
            weights[target] += other_amount
    if pool.even:
        weights = defaultdict(Decimal, {target: Decimal(1) for target, w in weights.items() if w > 0})
    found: list[Cell] = []
    for target, part in _parts(amount, weights):
        heir = list(owner)
        for field, value in zip(pool.across, target, strict=True):
            heir[_FIELDS[field]] = value
        heir[_FIELDS["cost_kind"]] = "shared"
        found.append((fact, tuple(heir), part))
    return found or [cell]


def _parts(amount: Decimal, weights: Mapping[Owner, Decimal]) -> list[tuple[Owner, Decimal]]:
    named = sorted(
        ((target, weight) for target, weight in weights.items() if weight > 0),
        key=lambda pair: [(value is not None, value or "") for value in pair[0]],
    )
    if not named:
        return []
    parts = split(amount, [int(weight * _UNITS) for _, weight in named])
    return [(target, part) for (target, _), part in zip(named, parts, strict=True) if part]
