"""The largest products of each team on a digest's days, for the thread below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from alerts.digest import Line, ServiceLine
from daemon.movers import Part

MOST = 5
"""Products that are listed per team."""


def services_of(
    lines: Iterable[Line], parts: Mapping[str | None, Sequence[Part]], *, compared: bool
) -> Iterator[ServiceLine]:
    """Give the products that cost most, team by team in the order of the lines."""
    for line in lines:
        sums: dict[str | None, tuple[Decimal, Decimal]] = {}
        for part in parts.get(line.name, ()):
            now, usual = sums.get(part.service, (Decimal(0), Decimal(0)))
            sums[part.service] = (now + part.now, usual + part.usual)
        ranked = sorted(sums.items(), key=lambda found: (-found[1][0], found[0] or ""))
        for service, (now, usual) in ranked[:MOST]:
            if now:
                yield ServiceLine(
                    team=line.name, service=service, cost=now, usual=usual if compared else None
                )
