"""Google's catalogue, projects and budgets, as the real clients read them over gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import grpc
import polars as pl
import pytest
from cloud_billing_peer import CloudBilling, serving
from google.cloud.billing.budgets_v1.types import budget_model
from google.cloud.billing_v1.types import cloud_billing, cloud_catalog
from google.type import money_pb2

from collectors.gcp.probing import account_in, account_probes
from collectors.gcp_catalog import COMPUTE_ENGINE, Asking, Billing, GcpBudgets, GcpCatalog, GcpProjects
from domain.errors import SourceError
from domain.money import Money
from domain.price import BOOK_SCHEMA, Offer
from domain.probe import Health

NOW = datetime(2026, 6, 20, 6, tzinfo=UTC)
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT = "0123AB-4567CD-89EF01"


@dataclass
class Ticking:
    """A clock that a test sets."""

    at: datetime = NOW

    def now(self) -> datetime:
        """Give the instant."""
        return self.at


@pytest.fixture
def google() -> Iterator[CloudBilling]:
    with serving() as peer:
        peer.skus[COMPUTE_ENGINE] = [sku()]
        yield peer


@pytest.fixture
def asking(google: CloudBilling) -> Iterator[Asking]:
    with grpc.insecure_channel(google.address) as channel:
        yield Asking(channel=channel)


def sku(
    id_: str = "2E27-4F75-95CD",
    *,
    description: str = "N2 Instance Core running in Americas",
    group: str = "N2Standard",
    usage: str = "OnDemand",
    rates: tuple[tuple[float, int, int], ...] = ((0, 0, 31_611_000),),
    regions: tuple[str, ...] = ("us-central1", "us-east1"),
    since: datetime = JANUARY,
) -> cloud_catalog.Sku:
    tiers = [
        cloud_catalog.PricingExpression.TierRate(
            start_usage_amount=start,
            unit_price=money_pb2.Money(currency_code="USD", units=units, nanos=nanos),
        )
        for start, units, nanos in rates
    ]
    expression = cloud_catalog.PricingExpression(
        usage_unit="h", usage_unit_description="hour", tiered_rates=tiers, display_quantity=1
    )
    return cloud_catalog.Sku(
        sku_id=id_,
        description=description,
        category=cloud_catalog.Category(resource_family="Compute", resource_group=group, usage_type=usage),
        service_regions=list(regions),
        pricing_info=[cloud_catalog.PricingInfo(effective_time=since, pricing_expression=expression)],
    )


def prices(asking: Asking, **more: object) -> pl.DataFrame:
    catalog = GcpCatalog(asking, clock=Ticking(), **more)  # type: ignore[arg-type]
    return pl.concat([pl.DataFrame(schema=BOOK_SCHEMA), *(one.prices for one in catalog.prices({}))])


def test_a_price_is_exact_and_says_where_it_stood_and_since_when(asking: Asking) -> None:
    (row,) = prices(asking, regions=("us-central1",)).to_dicts()
    assert row == {
        "provider": "gcp",
        "service": COMPUTE_ENGINE,
        "sku": "2E27-4F75-95CD",
        "item": "N2Standard",
        "variant": "N2 Instance Core running in Americas",
        "region": "us-central1",
        "zone": "",
        "offer": Offer.LIST.value,
        "currency": "USD",
        "unit": "Hours",
        "amount": Decimal("0.031611"),
        "tiers": None,
        "effective_from": JANUARY,
        "origin": f"Google Cloud catalogue {COMPUTE_ENGINE} 20260620",
        "seen_at": None,
    }


def test_every_region_has_its_row_and_only_wanted_regions_do(asking: Asking) -> None:
    assert prices(asking)["region"].to_list() == ["us-central1", "us-east1"]
    assert prices(asking, regions=("us-east1", "europe-west1"))["region"].to_list() == ["us-east1"]


def test_all_pages_are_read(google: CloudBilling, asking: Asking) -> None:
    google.skus[COMPUTE_ENGINE] = [sku(f"SKU{number}", regions=("us-east1",)) for number in range(5)]
    assert prices(asking)["sku"].to_list() == [f"SKU{number}" for number in range(5)]
    assert google.called.count("/google.cloud.billing.v1.CloudCatalog/ListSkus") == 3


def test_spot_is_told_from_list_and_commitments_are_left_out(google: CloudBilling, asking: Asking) -> None:
    google.skus[COMPUTE_ENGINE] = [
        sku("A", usage="OnDemand"),
        sku("B", usage="Preemptible", description="Spot Preemptible N2 Instance Core"),
        sku("C", usage="Commit1Yr"),
    ]
    found = prices(asking, regions=("us-east1",))
    assert found.select("sku", "offer").rows() == [("A", "list"), ("B", "spot")]


def test_cores_memory_and_gpus_are_told_apart(google: CloudBilling, asking: Asking) -> None:
    google.skus[COMPUTE_ENGINE] = [sku("A", group="CPU"), sku("B", group="RAM"), sku("C", group="GPU")]
    assert prices(asking, regions=("us-east1",))["item"].to_list() == ["CPU", "RAM", "GPU"]


def test_tiers_are_kept_with_a_first_that_is_free(google: CloudBilling, asking: Asking) -> None:
    google.skus[COMPUTE_ENGINE] = [sku(rates=((1, 0, 120_000_000), (10240, 0, 110_000_000)))]
    (row,) = prices(asking, regions=("us-east1",)).to_dicts()
    assert row["tiers"] == '[["0", "0"], ["1", "0.12"], ["10240", "0.11"]]'
    assert row["amount"] == 0


def test_units_and_billionths_are_one_amount(google: CloudBilling, asking: Asking) -> None:
    google.skus[COMPUTE_ENGINE] = [sku(rates=((0, 12, 1),))]
    assert prices(asking, regions=("us-east1",))["amount"].to_list() == [Decimal("12.000000001")]


def test_the_catalogue_is_asked_once_in_24_hours(google: CloudBilling, asking: Asking) -> None:
    clock = Ticking()
    catalog = GcpCatalog(asking, clock=clock)
    list(catalog.prices({}))
    clock.at += timedelta(hours=23)
    list(catalog.prices({}))
    assert len(google.called) == 1
    clock.at += timedelta(hours=1)
    list(catalog.prices({}))
    assert len(google.called) == 2


def test_what_the_book_knows_of_today_is_not_asked_again(google: CloudBilling, asking: Asking) -> None:
    clock = Ticking()
    (today,) = GcpCatalog(asking, clock=clock).prices({})
    assert list(GcpCatalog(asking, clock=clock).prices({today.origin: JANUARY})) == []
    assert len(google.called) == 1
    clock.at += timedelta(days=1)
    (tomorrow,) = GcpCatalog(asking, clock=clock).prices({today.origin: JANUARY})
    assert tomorrow.prices.drop("origin").equals(today.prices.drop("origin"))


def test_services_are_named(google: CloudBilling, asking: Asking) -> None:
    google.services = {COMPUTE_ENGINE: "Compute Engine", "B": "BigQuery", "C": "Cloud SQL"}
    assert GcpCatalog(asking, clock=Ticking()).services() == google.services


def test_a_service_that_does_not_exist_is_told(asking: Asking) -> None:
    with pytest.raises(SourceError, match="Google Cloud catalogue NONE 20260620 does not exist"):
        prices(asking, services=("NONE",))


def info(project: str, *, billed: bool = True) -> cloud_billing.ProjectBillingInfo:
    return cloud_billing.ProjectBillingInfo(
        name=f"projects/{project}/billingInfo",
        project_id=project,
        billing_account_name=f"billingAccounts/{ACCOUNT}" if billed else "",
        billing_enabled=billed,
    )


def test_projects_of_an_account_are_listed_and_a_project_says_whether_it_is_billed(
    google: CloudBilling, asking: Asking
) -> None:
    google.projects = {f"projects/{name}": info(name) for name in ("a", "b", "c")}
    google.projects["projects/gone"] = info("gone", billed=False)
    projects = GcpProjects(asking)
    assert [one.project for one in projects.of_account(ACCOUNT)] == ["a", "b", "c"]
    assert projects.of_project("a") == Billing(project="a", account=ACCOUNT, is_billed=True)
    assert projects.of_project("gone") == Billing(project="gone", account="", is_billed=False)


def test_budgets_are_read_with_amount_thresholds_and_projects(google: CloudBilling, asking: Asking) -> None:
    google.budgets = [
        budget_model.Budget(
            display_name="ml",
            amount=budget_model.BudgetAmount(
                specified_amount=money_pb2.Money(currency_code="EUR", units=1000, nanos=500_000_000)
            ),
            threshold_rules=[budget_model.ThresholdRule(threshold_percent=share) for share in (0.9, 0.5)],
            budget_filter=budget_model.Filter(projects=["projects/42"]),
        ),
        budget_model.Budget(amount=budget_model.BudgetAmount(last_period_amount={})),
    ]
    ml, last = GcpBudgets(asking).of_account(ACCOUNT)
    assert ml.amount == Money(amount=Decimal("1000.5"), currency="EUR")
    assert (ml.name, ml.thresholds, ml.projects) == ("ml", (Decimal("0.5"), Decimal("0.9")), ("42",))
    assert (last.amount, last.thresholds) == (None, ())


def test_what_may_not_be_read_is_told_with_the_role_to_grant(google: CloudBilling, asking: Asking) -> None:
    message = "The caller does not have permission billing.budgets.list"
    google.refusal = grpc.StatusCode.PERMISSION_DENIED, message
    with pytest.raises(SourceError, match=r"billing\.budgets\.list is missing") as told:
        GcpBudgets(asking).of_account(ACCOUNT)
    assert told.value.hint == "grant roles/billing.viewer on the billing account"


def test_an_expired_login_is_told(google: CloudBilling, asking: Asking) -> None:
    google.refusal = grpc.StatusCode.UNAUTHENTICATED, "token expired"
    with pytest.raises(SourceError, match="expired or was revoked"):
        GcpProjects(asking).of_project("a")


def test_doctor_counts_projects_and_budgets(google: CloudBilling, asking: Asking) -> None:
    google.projects = {f"projects/{name}": info(name) for name in ("a", "b")}
    google.budgets = [budget_model.Budget(display_name="ml\x1b[31m")]
    found = list(account_probes(ACCOUNT, GcpProjects(asking), GcpBudgets(asking)))
    assert [(one.health, one.subject) for one in found] == [
        (Health.OK, f"billing account {ACCOUNT} pays for 2 projects"),
        (Health.OK, r"budgets at Google: 1 (ml\x1b[31m)"),
    ]


def test_doctor_names_the_role_that_is_missing_and_that_the_bill_needs_none(
    google: CloudBilling, asking: Asking
) -> None:
    google.refusal = grpc.StatusCode.PERMISSION_DENIED, "Permission billing.resourceAssociations.list denied"
    projects, budgets = account_probes(ACCOUNT, GcpProjects(asking), GcpBudgets(asking))
    assert projects.health is budgets.health is Health.WARN
    assert "which projects are still billed is unknown; the bill is read all the same" in projects.breaks
    assert "billing.resourceAssociations.list is missing" in projects.breaks
    assert projects.fix == "grant roles/billing.viewer on the billing account"


def test_the_account_is_known_by_the_name_of_the_table() -> None:
    assert account_in("p.d.gcp_billing_export_resource_v1_0123AB_4567CD_89EF01") == ACCOUNT
    assert account_in("p.d.export") == ""


def test_nothing_in_the_program_can_detach_a_project_or_touch_a_budget(root: Path) -> None:
    rooms = ("alerts", "attribution", "collectors", "config", "daemon", "domain", "ledger", "reaper")
    text = "\n".join(
        file.read_text(encoding="utf-8") for room in rooms for file in (root / room).rglob("*.py")
    )
    changing = ("update_project_billing_info", "UpdateProjectBillingInfo", "create_budget", "update_budget",
                "delete_budget", "move_billing_account")  # fmt: skip
    assert [name for name in changing if name in text] == []


def test_asking_calls_only_methods_that_read(google: CloudBilling, asking: Asking) -> None:
    google.projects = {"projects/a": info("a")}
    list(GcpCatalog(asking, clock=Ticking()).prices({}))
    GcpProjects(asking).of_account(ACCOUNT)
    GcpProjects(asking).of_project("a")
    GcpBudgets(asking).of_account(ACCOUNT)
    assert {method.rpartition("/")[2][:4] for method in google.called} <= {"List", "GetP"}
