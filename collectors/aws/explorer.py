"""Cost Explorer: what AWS itself says that a month costs, asked sparingly because each page costs a cent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from collectors.aws.access import Access
from collectors.aws.refusals import Asked, sdk_errors, told
from domain.errors import MoneyError, SourceError
from domain.money import Money, parse_amount
from domain.own_cost import Paid
from domain.ports import Clock, RequestBudget
from domain.text import printable, shortened
from domain.window import month_window

SERVICE = "Cost Explorer"
"""As it stands on AWS's own bill, and in `costd status`."""

PRICE = Money(amount=Decimal("0.01"), currency="USD")
"""Of one request; every page is one (AWS price list, USE1-APIRequest)."""

PERMISSION = "ce:GetCostAndUsage"
_METRICS = {"unblended": "UnblendedCost", "amortised": "AmortizedCost"}
_MOST_PAGES = 100


class BudgetError(SourceError):
    """The day's requests to Cost Explorer are used up; nothing more is asked until tomorrow."""

    code = "request_budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSum:
    """What Cost Explorer says of one account and record type in one window.

    Attributes:
        account: the linked account, text with its leading zeros.
        record_type: in Cost Explorer's words, e.g. `Usage`, `Tax`, `SavingsPlanRecurringFee`.
        currency: of both sums.
        unblended: as the invoice counts; rounded by AWS.
        amortised: commitments spread over what they cover; rounded by AWS.
        is_estimated: AWS has not finished the window.
    """

    account: str
    record_type: str
    currency: str
    unblended: Decimal
    amortised: Decimal
    is_estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySum:
    """What Cost Explorer says of one account and service on one UTC day, of some record types.

    Attributes:
        day: the UTC day.
        account: the linked account.
        service: the service, in Cost Explorer's words.
        currency: of both sums.
        unblended: as the invoice counts.
        amortised: commitments spread over what they cover.
    """

    day: date
    account: str
    service: str
    currency: str
    unblended: Decimal
    amortised: Decimal


class Explorer:
    """Asks Cost Explorer, never more often in a UTC day than is allowed, restarts included.

    Args:
        source: name of the source that asks.
        access: who costd is to AWS.
        budget: counts the requests of the day.
        limit: the most requests of a UTC day.
    """

    def __init__(self, source: str, access: Access, budget: RequestBudget, limit: int, clock: Clock) -> None:
        self._source = source
        self._access = access
        self._budget = budget
        self._limit = limit
        self._clock = clock

    def month(self, period: str) -> list[AccountSum]:
        """Give a month (`YYYY-MM`) by account and record type: one request, more if AWS answers in pages.

        Raises:
            BudgetError: the day's requests are used up.
            DeniedError: ce:GetCostAndUsage is not allowed.
            SourceError: Cost Explorer does not answer.
        """
        window = month_window(period)
        return self.sums(window.start.date(), window.end.date())

    def sums(self, first: date, end: date) -> list[AccountSum]:
        """Give the days from `first` to before `end`, month by month, by account and record type."""
        return [
            AccountSum(
                account=group.keys[0],
                record_type=group.keys[1],
                currency=group.currency,
                unblended=group.unblended,
                amortised=group.amortised,
                is_estimated=group.is_estimated,
            )
            for group in self._groups(first, end, "MONTHLY", ("LINKED_ACCOUNT", "RECORD_TYPE"))
        ]

    def days(self, first: date, end: date, record_types: tuple[str, ...]) -> list[DaySum]:
        """Give days by account and service, of the named record types added up."""
        only = {"Dimensions": {"Key": "RECORD_TYPE", "Values": list(record_types)}}
        return [
            DaySum(
                day=group.day,
                account=group.keys[0],
                service=group.keys[1],
                currency=group.currency,
                unblended=group.unblended,
                amortised=group.amortised,
            )
            for group in self._groups(first, end, "DAILY", ("LINKED_ACCOUNT", "SERVICE"), Filter=only)
        ]

    def _groups(
        self, first: date, end: date, granularity: str, keys: tuple[str, str], **more: Any
    ) -> Iterator[_Group]:
        request: dict[str, Any] = {
            "TimePeriod": {"Start": first.isoformat(), "End": end.isoformat()},
            "Granularity": granularity,
            "Metrics": list(_METRICS.values()),
            "GroupBy": [{"Type": "DIMENSION", "Key": key} for key in keys],
            **more,
        }
        for _ in range(_MOST_PAGES):
            answer = self._ask(request)
            for span in answer.get("ResultsByTime", []):
                day = date.fromisoformat(span["TimePeriod"]["Start"][:10])
                for group in span.get("Groups", []):
                    yield _group(day, group, is_estimated=bool(span.get("Estimated")))
            if not answer.get("NextPageToken"):
                return
            request["NextPageToken"] = answer["NextPageToken"]
        raise SourceError(f"Cost Explorer answers in more than {_MOST_PAGES} pages; its answer was left")

    def _ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        region = self._access.billing_region
        if region is None:
            raise SourceError(f"Cost Explorer does not exist in the partition {self._access.partition}")
        self._pay(self._clock.now())
        try:
            client = self._access.client("ce", region)
            answer: Mapping[str, Any] = client.get_cost_and_usage(**request)
        except sdk_errors() as error:
            asked = Asked(
                what="Cost Explorer cannot be asked", permission=PERMISSION, assumed=self._access.role
            )
            raise told(error, asked) from error
        return answer

    def _pay(self, now: datetime) -> None:
        paid = Paid(source=self._source, service=SERVICE, unit="requests", quantity=1, cost=PRICE)
        if not self._budget.take(paid, limit=self._limit, now=now):
            raise BudgetError(
                f"the {self._limit} requests to Cost Explorer that {self._source} may make on {now:%Y-%m-%d} "
                "are used up",
                hint="wait until tomorrow (UTC), or raise `cost_explorer.requests_per_day` of this source",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    day: date
    keys: tuple[str, str]
    currency: str
    unblended: Decimal
    amortised: Decimal
    is_estimated: bool


def _group(day: date, group: Mapping[str, Any], *, is_estimated: bool) -> _Group:
    keys = [printable(str(key)) for key in group.get("Keys", [])]
    if len(keys) != 2:
        raise SourceError(f"Cost Explorer gave a group with {len(keys)} keys where 2 were asked for")
    amounts = {name: _amount(group["Metrics"].get(metric)) for name, metric in _METRICS.items()}
    currencies = {money.currency for money in amounts.values()}
    if len(currencies) > 1:
        raise SourceError(f"Cost Explorer gave one cost in {' and '.join(sorted(currencies))}")
    return _Group(
        day=day,
        keys=(keys[0], keys[1]),
        currency=currencies.pop(),
        unblended=amounts["unblended"].amount,
        amortised=amounts["amortised"].amount,
        is_estimated=is_estimated,
    )


def _amount(metric: Mapping[str, str] | None) -> Money:
    """Read an amount from its text; it never passes through a float."""
    try:
        said = metric or {}
        return Money(amount=parse_amount(said["Amount"]), currency=said["Unit"])
    except (KeyError, MoneyError) as error:
        raise SourceError(f"Cost Explorer gave no amount: {shortened(str(metric), 80)}") from error
