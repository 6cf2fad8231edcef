"""The daily digest: what happened yesterday, how sure that is, and who moved.

`Digest` is filled by the daemon and rendered by `alerts.digest_text`. What is not known is
None or "", and its line is then absent, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from domain.audit import Head

QUIET_SHARE = Decimal("0.02")
"""A change below two percent …"""
QUIET_MONEY = Decimal(10)
"""… and below ten units of the currency is not worth an arrow."""


UNSEEN = Decimal("0.005")
"""What is shown as 0.00 has not moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far one source reaches.

    Attributes:
        source: its name.
        day: the day of it that the digest shows; None if it is in no figure.
        through: complete before this instant; None if unknown.
        fresh: it delivers as expected.
        reason: why it is not fresh, or "".
    """

    source: str
    day: date | None
    through: datetime | None
    fresh: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """A past day whose cost the provider changed since the digest before.

    Attributes:
        source: whose bill it was.
        day: the day.
        change: new minus old.
    """

    source: str
    day: date
    change: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One owner's row.

    Attributes:
        name: the team; None is the unallocated row.
        cost: of the digest day.
        usual: of the days it is compared with; None where there is nothing like to compare with.
        why: what moved it, one phrase, or "".
    """

    name: str | None
    cost: Decimal
    usual: Decimal | None
    why: str = ""

    @property
    def change(self) -> Decimal | None:
        """Give cost minus usual, None where there is nothing to compare with."""
        return None if self.usual is None else self.cost - self.usual

    @property
    def is_quiet(self) -> bool:
        """Tell that the line did not move: no comparison, or under 2 % and under 10."""
        return self.usual is None or is_quiet(self.cost - self.usual, self.usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLine:
    """What one team spent on one product of a provider.

    Attributes:
        team: None for what nobody owns.
        service: the provider's product; None where a charge names none.
        cost: of the digest day.
        usual: of the days it is compared with; None where there is nothing like to compare with.
    """

    team: str | None
    service: str | None
    cost: Decimal
    usual: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamTrend:
    """One team's cost of some days.

    Attributes:
        name: the team; None is what nobody owns.
        costs: one amount per day.
    """

    name: str | None
    costs: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Cost by team of the days up to the last that every source has whole.

    Attributes:
        days: in order, without gaps.
        teams: each with one amount per day.
    """

    days: tuple[date, ...]
    teams: tuple[TeamTrend, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayTotal:
    """All currencies in one, by dated rates; only to look at, never stored.

    Attributes:
        amount: the sum.
        currency: that of the sum.
        rates: how each currency was converted, as text: `1 USD = 0.92 EUR of 1 Nov`.
        trend: the last days by team, each day by its own rates; None if one lacks.
    """

    amount: Decimal
    currency: str
    rates: tuple[str, ...]
    trend: Trend | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A page that tells more.

    Attributes:
        text: what is there.
        url: its address, under which everybody who reads the digest finds it.
    """

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The digest in one currency; blocks are never added up.

    Attributes:
        currency: ISO code.
        total: cost of the digest day.
        usual: what it is compared with: the median of the same weekdays before.
        weeks: how many such weekdays the median is of.
        lines: one per team, largest cost first, the unallocated one last.
        month_to_date: cost from the first of the month to the digest day; None if unknown.
        restated: past days that changed since the digest before.
        owned: part of the digest day's cost that has a team.
        unknown_rows: charges of the day without this kind of cost.
        trend: the last days by team; None if unknown.
        services: the largest products of each team, the teams in the order of `lines`.
        compared: how many weeks back the days lie that the median is of.
    """

    currency: str
    total: Decimal
    usual: Decimal | None
    weeks: int
    lines: tuple[Line, ...]
    month_to_date: Decimal | None = None
    restated: tuple[Restated, ...] = ()
    owned: Decimal | None = None
    unknown_rows: int = 0
    trend: Trend | None = None
    services: tuple[ServiceLine, ...] = ()
    compared: tuple[int, ...] = ()

    @property
    def sum(self) -> Line:
        """Give the block's total as a line of its own table."""
        return Line(name="total", cost=self.total, usual=self.usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Everything a digest says.

    Attributes:
        day: the latest digest day of any source.
        reaches: the sources, each with its own day.
        blocks: one per currency.
        partial: a source is stale, failed, or does not reach the day.
        why_no_change: why no comparison is made, or "".
        run_at: when it was computed.
        demo: the numbers are of the simulated company.
        cost: the cost shown: effective, billed, list or contracted.
        left_out: currencies that are not shown because the message would be too long.
        folded: how many days it is of: those over which none was sent, with the day itself.
        teams: the only teams it is of; empty for all.
        display: one total of all currencies; None where none is configured or a rate lacks.
        links: pages that tell more; none where nobody said under which address people find them.
        audit: where the audit log ends, so that every channel keeps a copy; None while it is empty.
    """

    day: date
    reaches: tuple[Reach, ...]
    blocks: tuple[Block, ...]
    run_at: datetime
    partial: bool = False
    why_no_change: str = ""
    demo: bool = False
    cost: str = "effective"
    left_out: int = 0
    folded: int = 1
    teams: tuple[str, ...] = ()
    display: DisplayTotal | None = None
    links: tuple[Link, ...] = ()
    audit: Head | None = None

    @property
    def first_day(self) -> date:
        """Give the first of the days it is of."""
        return self.day - timedelta(days=self.folded - 1)


def is_quiet(change: Decimal, usual: Decimal) -> bool:
    """Tell whether a change is too small for an arrow: under 2 % and under 10, or not to be seen."""
    unseen = abs(change) < UNSEEN
    return unseen or (abs(change) < QUIET_MONEY and abs(change) < QUIET_SHARE * abs(usual))
