"""A digest with the numbers of the reference layout, and one with everything that can go wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from alerts.digest import Block, Digest, DisplayTotal, Line, Reach, Restated, ServiceLine, TeamTrend, Trend

DAY = date(2026, 11, 19)


def a_line(name: str | None, cost: str, change: str | None = None, why: str = "") -> Line:
    usual = None if change is None else Decimal(cost) - Decimal(change)
    return Line(name=name, cost=Decimal(cost), usual=usual, why=why)


LINES = (
    a_line("ml", "812.40", "214.10", "7 x g5.2xlarge since Wed 18:10 (train-7b) explain $203.63"),
    a_line("web", "391.20", "-12.50"),
    a_line("data", "338.75", "4.10"),
    a_line("platform", "171.05", "0.90"),
    a_line(None, "128.70", "-18.20", "7.0 % of total · 14 resources"),
)


def a_trend(teams: tuple[str | None, ...], days: int = 14) -> Trend:
    return Trend(
        days=tuple(DAY - timedelta(days=back) for back in reversed(range(days))),
        teams=tuple(
            TeamTrend(name=team, costs=tuple(Decimal(100 * (number + 1) + day) for day in range(days)))
            for number, team in enumerate(teams)
        ),
    )


def a_service(team: str | None, service: str | None, cost: str, usual: str | None) -> ServiceLine:
    return ServiceLine(
        team=team, service=service, cost=Decimal(cost), usual=None if usual is None else Decimal(usual)
    )


def a_block(currency: str = "USD", lines: tuple[Line, ...] = LINES) -> Block:
    total = sum((line.cost for line in lines), Decimal(0))
    known = [line.usual for line in lines if line.usual is not None]
    return Block(
        currency=currency,
        total=total,
        usual=sum(known, Decimal(0)) if len(known) == len(lines) else None,
        weeks=4,
        lines=lines,
        month_to_date=Decimal(32410),
        restated=(Restated(source="aws", day=date(2026, 11, 17), change=Decimal("6.20")),),
        owned=total - Decimal("128.70"),
        trend=a_trend(tuple(line.name for line in lines)),
        services=(
            a_service("ml", "Amazon EC2", "701.10", "497.47"),
            a_service("ml", "Amazon S3", "111.30", "100.83"),
            a_service("web", "Amazon CloudFront", "391.20", None),
            a_service(None, None, "128.70", "0"),
        ),
        compared=(2, 3),
    )


DIGEST = Digest(
    day=DAY,
    reaches=(
        Reach(source="aws", day=DAY, through=datetime(2026, 11, 20, tzinfo=UTC), fresh=True),
        Reach(source="gcp", day=DAY, through=datetime(2026, 11, 20, 4, tzinfo=UTC), fresh=True),
    ),
    blocks=(a_block(),),
    run_at=datetime(2026, 11, 20, 6, tzinfo=UTC),
)

TROUBLED = replace(
    DIGEST,
    demo=True,
    partial=True,
    why_no_change="gcp is complete only to 2026-11-18 00:00Z",
    folded=3,
    reaches=(
        DIGEST.reaches[0],
        Reach(
            source="gcp",
            day=date(2026, 11, 17),
            through=datetime(2026, 11, 18, tzinfo=UTC),
            fresh=False,
            reason="no delivery for 2 d",
        ),
    ),
    blocks=(
        replace(a_block(), usual=None, lines=tuple(replace(line, usual=None) for line in LINES)),
        replace(a_block("EUR"), trend=None, services=()),
    ),
    display=DisplayTotal(amount=Decimal("3533.04"), currency="EUR", rates=("1 USD = 0.918 EUR of 1 Nov",)),
)
