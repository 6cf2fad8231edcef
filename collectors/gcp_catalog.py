"""What Google asks for, which projects it bills, and which budgets there are: read, never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from collectors.gcp.access import BILLING, Identity, translated
from collectors.gcp.price_list import amount_of, prices_of
from collectors.interface import Priced
from collectors.prices.book import frame_of
from domain.errors import SourceError
from domain.money import Money

if TYPE_CHECKING:
    from domain.ports import Clock

COMPUTE_ENGINE = "6F81-5844-456A"
"""Google's id of the service whose SKUs machines, GPUs and disks are made of."""

KEPT_FOR = timedelta(hours=24)
"""How long the catalogue is not asked again: spot prices may move daily, list prices rarely do."""

_PAGE = 5000
_CLOUD = ("https://www.googleapis.com/auth/cloud-platform.read-only", *BILLING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks, and where.

    Attributes:
        identity: who costd is at Google.
        channel: an open gRPC channel to something that stands in for Google; None asks Google.
    """

    identity: Identity = field(default_factory=Identity)
    channel: Any = None

    def client(self, kind: Any, transport: Any) -> Any:
        """Give a client of one of Google's services."""
        if self.channel is not None:
            return kind(transport=transport(channel=self.channel))
        return kind(credentials=self.identity.credentials(_CLOUD))


class GcpCatalog:
    """List and spot prices of some services in some regions, from Google's public catalogue."""

    name = "gcp catalogue"

    def __init__(
        self,
        asking: Asking,
        *,
        clock: Clock,
        services: Sequence[str] = (COMPUTE_ENGINE,),
        regions: Sequence[str] = (),
        currency: str = "USD",
    ) -> None:
        self._asking = asking
        self._clock = clock
        self._services = tuple(services)
        self._regions = frozenset(regions)
        self._currency = currency
        self._kept: dict[str, tuple[datetime, Priced]] = {}
        self._made: Any = None

    def prices(self, newest: Mapping[str, datetime]) -> Iterator[Priced]:
        """Give every price of each service, as the catalogue has them today (UTC).

        It has no versions, so the day stands for one: what the book knows of today, or what was asked less
        than a day ago, is not asked again.

        Raises:
            SourceError: the catalogue cannot be read; services given before are whole.
        """
        now = self._clock.now()
        for service in self._services:
            origin = f"Google Cloud catalogue {service} {now:%Y%m%d}"
            if origin in newest:
                continue
            asked = self._kept.get(service)
            if asked is None or now - asked[0] >= KEPT_FOR:
                asked = now, self._read(service, origin)
                self._kept[service] = asked
            yield asked[1]

    def services(self) -> dict[str, str]:
        """Give the name of every service by its id.

        Raises:
            SourceError: the catalogue cannot be read.
        """
        with translated("Google's catalogue"):
            found = self._client().list_services(request={"page_size": _PAGE})
            return {service.service_id: service.display_name for service in found}

    def _read(self, service: str, origin: str) -> Priced:
        from google.cloud.billing_v1.types import cloud_catalog

        request = cloud_catalog.ListSkusRequest(
            parent=f"services/{service}", currency_code=self._currency, page_size=_PAGE
        )
        with translated(origin):
            skus = self._client().list_skus(request=request)
            found = [price for sku in skus for price in prices_of(sku, service, self._regions, origin)]
        return Priced(origin=origin, prices=frame_of(found))

    def _client(self) -> Any:
        if self._made is None:
            from google.cloud.billing_v1 import CloudCatalogClient
            from google.cloud.billing_v1.services.cloud_catalog.transports import CloudCatalogGrpcTransport

            self._made = self._asking.client(CloudCatalogClient, CloudCatalogGrpcTransport)
        return self._made


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """Who pays for a project.

    Attributes:
        project: its id.
        account: id of the billing account, "" if none.
        is_billed: it is still billed; a project that is not has no running resources.
    """

    project: str
    account: str
    is_billed: bool


class GcpProjects:
    """Which projects a billing account pays for. Nothing here can change that."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._made: Any = None

    def of_account(self, account: str) -> list[Billing]:
        """List the projects of a billing account.

        Raises:
            SourceError: they may not be listed.
        """
        with translated(f"projects of billing account {account}"):
            found = self._client().list_project_billing_info(name=f"billingAccounts/{account}")
            return [_billing(one) for one in found]

    def of_project(self, project: str) -> Billing:
        """Tell who pays for a project, and whether it is still billed.

        Raises:
            SourceError: it may not be asked.
        """
        with translated(f"billing of project {project}"):
            return _billing(self._client().get_project_billing_info(name=f"projects/{project}"))

    def _client(self) -> Any:
        if self._made is None:
            from google.cloud.billing_v1 import CloudBillingClient
            from google.cloud.billing_v1.services.cloud_billing.transports import CloudBillingGrpcTransport

            self._made = self._asking.client(CloudBillingClient, CloudBillingGrpcTransport)
        return self._made


def _billing(info: Any) -> Billing:
    return Billing(
        project=info.project_id,
        account=info.billing_account_name.removeprefix("billingAccounts/"),
        is_billed=info.billing_enabled,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A budget as somebody set it up at Google.

    Attributes:
        name: what it is called.
        amount: for its period; None means what the last period cost.
        thresholds: shares of the amount at which Google sends a message, rising.
        projects: numbers or ids of the projects it counts; none means all.
    """

    name: str
    amount: Money | None
    thresholds: tuple[Decimal, ...]
    projects: tuple[str, ...]


class GcpBudgets:
    """The budgets of a billing account, to read."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def of_account(self, account: str) -> list[Budget]:
        """List the budgets of a billing account.

        Raises:
            SourceError: they may not be listed, or the SDK is not installed.
        """
        try:
            from google.cloud.billing.budgets_v1 import BudgetServiceClient
            from google.cloud.billing.budgets_v1.services.budget_service.transports import (
                BudgetServiceGrpcTransport,
            )
        except ImportError as error:
            raise SourceError(
                "google-cloud-billing-budgets is not installed, and without it budgets cannot be read",
                hint="install costd with it: pip install 'costd[gcp]'",
            ) from error
        with translated(f"budgets of billing account {account}"):
            client = self._asking.client(BudgetServiceClient, BudgetServiceGrpcTransport)
            return [_budget(one) for one in client.list_budgets(parent=f"billingAccounts/{account}")]


def _budget(one: Any) -> Budget:
    given = "specified_amount" in one.amount
    amount = one.amount.specified_amount
    return Budget(
        name=one.display_name,
        amount=Money(amount=amount_of(amount), currency=amount.currency_code) if given else None,
        thresholds=tuple(sorted(Decimal(str(rule.threshold_percent)) for rule in one.threshold_rules)),
        projects=tuple(name.removeprefix("projects/") for name in one.budget_filter.projects),
    )
