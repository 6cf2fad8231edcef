"""`costd report --sensitivity split` as rows: each policy's cost side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.dimensions import OWNERS, UNALLOCATED
from daemon.output import Field, Listing
from daemon.sensitivity import spread
from domain.money import plain

if TYPE_CHECKING:
    from daemon.sensitivity import Sensitivity

SCHEMA = "costd.sensitivity/1"


def sensitivity_listing(found: Sensitivity) -> Listing:
    """Give the report under every policy, and how far they are apart."""
    first, names = found.first, list(found.results)
    query = first.query
    rows = [
        {
            **dict(zip(query.by, row.values, strict=True)),
            "currency": row.currency,
            **{name.replace("-", "_"): cost for name, cost in costs.items()},
            "spread": spread(costs.values()),
        }
        for row, costs in found.rows()
    ]
    totals = {total.currency: plain(total.cost) for total in first.totals if total.cost is not None}
    said = ", ".join(f"{amount} {currency}" for currency, amount in totals.items())
    return Listing(
        fields=(
            *(Field(name=name, missing=UNALLOCATED if name in OWNERS else "-") for name in query.by),
            Field(name="currency"),
            *(Field(name=name.replace("-", "_"), title=name.upper(), number=True) for name in names),
            Field(name="spread", number=True, missing="unknown"),
        ),
        rows=rows,
        document={"schema": SCHEMA, "cost": query.cost, "policies": names, "basis": "billed"},
        above=(f"{query.cost.capitalize()} cost by {', '.join(query.by)}, machines split by each policy",),
        notes=(
            f"The total is the same by every policy: {said}."
            if said
            else "Nothing is billed in this window.",
            f"Yours is {names[0]} (allocation.split); nothing of this was stored. Estimates are left out.",
        ),
        following=("costd report --by cost_kind",),
    )
