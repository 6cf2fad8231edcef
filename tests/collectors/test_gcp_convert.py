"""Google's export rows as FOCUS charges: the vectors, and the faults of conversions that were published."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import gcp_export
import polars as pl
import pytest
from gcp_export import adjustment, committed, credit, fee, rounding, tax, usage

from collectors.gcp.rows import ROW_SCHEMA, flat
from collectors.gcp_billing import to_focus
from domain.charge import RAW_SCHEMA


def charges(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Give nested rows as charges; none may be refused."""
    found = to_focus(flat(rows))
    assert found.rejected == {}
    assert found.charges.schema == RAW_SCHEMA
    return found.charges.to_dicts()


def charge(**fields: Any) -> dict[str, Any]:
    """Give one row of usage as its one charge."""
    (found,) = charges(usage(**fields))
    return found


def costs(row: dict[str, Any]) -> tuple[str, ...]:
    """Give the four costs, shortest."""
    names = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
    return tuple(f"{row[name].normalize():f}" for name in names)


def vectors(root: Path) -> list[dict[str, Any]]:
    text = (root / "tests" / "data" / "billing_vectors.json").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)
    return [vector for vector in found if vector["source"] == "gcp_detailed"]


def comparable(name: str, value: Any, wanted: Any) -> Any:
    if name == "Tags":
        return json.loads(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(wanted) if isinstance(value, Decimal) and value == Decimal(wanted) else value


@pytest.mark.parametrize("id_", ["G01", "G02"])
def test_the_vectors_come_out_to_the_last_digit(root: Path, id_: str) -> None:
    (vector,) = [vector for vector in vectors(root) if vector["id"] == id_]
    rows = pl.DataFrame(vector["input"], infer_schema_length=None)
    found = to_focus(rows).charges.to_dicts()
    shown = [
        {name: comparable(name, row[name], wanted[name]) for name in wanted}
        for row, wanted in zip(found, vector["expected"], strict=True)
    ]
    assert shown == vector["expected"]


def test_rows_nested_and_rows_flat_give_the_same_charges() -> None:
    rows = gcp_export.month_rows("202606", days=2)
    assert to_focus(flat(rows)).charges.equals(to_focus(pl.DataFrame(rows, infer_schema_length=None)).charges)


def test_what_is_billed_is_cost_and_all_credits() -> None:
    rows = gcp_export.month_rows("202606", days=3)
    assert to_focus(flat(rows)).billed == gcp_export.invoice(rows)


# -- faults of published conversions -------------------------------------------------------------


def test_allowed_values_are_spelt_as_focus_spells_them() -> None:
    found = charges(usage(), tax(1), adjustment(-1), usage(sku="Commitment v1: Cpu in Americas for 1 Year"))
    assert [row["ChargeCategory"] for row in found] == ["Usage", "Tax", "Adjustment", "Purchase"]
    assert [row["PricingCategory"] for row in found] == ["Standard", None, None, "Standard"]


def test_a_billing_period_ends_where_the_next_begins() -> None:
    row = charge(month="202612")
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == (
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    )


def test_credits_are_in_what_was_billed_and_not_in_what_was_contracted() -> None:
    assert costs(charge(cost=10, cost_at_list=11, credits=[credit("DISCOUNT", -3)])) == ("7", "7", "11", "10")


def test_prices_come_from_the_row_so_that_none_is_lost_or_doubled_by_a_join() -> None:
    price = {"list_price": 30, "effective_price": 20, "tier_start_amount": 5, "pricing_unit_quantity": 1000}
    row = charge(price=price)
    assert (row["ListUnitPrice"], row["ContractedUnitPrice"]) == (Decimal("0.03"), Decimal("0.02"))


def test_a_negative_line_stays_negative() -> None:
    assert costs(charge(cost=-4, cost_at_list=-4, credits=[credit("DISCOUNT", 1)])) == (
        "-3",
        "-3",
        "-4",
        "-4",
    )
    assert costs(charge(cost=1, cost_at_list=1, credits=[credit("DISCOUNT", -2)]))[0] == "-1"


def test_the_sub_account_is_the_project_and_not_the_billing_account() -> None:
    row = charge(project="ml")
    assert (row["SubAccountId"], row["SubAccountName"]) == ("ml", "Ml")
    assert row["BillingAccountId"] == gcp_export.ACCOUNT


def test_the_id_of_a_price_does_not_name_the_account() -> None:
    mine, theirs = charge(), charge(billing_account_id="FFFFFF-FFFFFF-FFFFFF")
    assert mine["SkuPriceId"] == theirs["SkuPriceId"] == f"{mine['SkuId']}/0"


# -- credits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        "COMMITTED_USAGE_DISCOUNT",
        "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE",
        "SUSTAINED_USAGE_DISCOUNT",
        "DISCOUNT",
        "SUBSCRIPTION_BENEFIT",
        "FREE_TIER",
        "RESELLER_MARGIN",
        "FEE_UTILIZATION_OFFSET",
        "SOMETHING_NEW",
    ],
)
def test_a_discount_reduces_its_row(kind: str) -> None:
    row = charge(cost=10, cost_at_list=10, credits=[credit(kind, -2.5)])
    assert costs(row) == ("7.5", "7.5", "10", "10")
    assert (row["x_CreditsApplied"], row["x_CreditType"]) == (Decimal("-2.5"), kind)


def test_every_promotion_is_a_charge_of_its_own() -> None:
    granted = [credit("PROMOTION", -2, "Trial"), credit("DISCOUNT", -1), credit("PROMOTION", -3, "Startup")]
    found = charges(usage(cost=10, cost_at_list=10, credits=granted))
    assert [(row["ChargeCategory"], *costs(row)) for row in found] == [
        ("Usage", "9", "9", "10", "10"),
        ("Credit", "-2", "-2", "-2", "-2"),
        ("Credit", "-3", "-3", "-3", "-3"),
    ]
    assert [row["ChargeDescription"] for row in found[1:]] == ["Trial", "Startup"]
    assert found[1]["Tags"] == found[0]["Tags"]
    assert found[1]["SkuId"] is found[1]["PricingQuantity"] is found[1]["ListUnitPrice"] is None


# -- commitments, spot, GPUs ----------------------------------------------------------------------


def test_effective_cost_is_provisional_until_fees_were_handed_out() -> None:
    found = charges(usage(credits=[committed(-0.1)]), fee(5), usage())
    assert [row["x_EffectiveCostProvisional"] for row in found] == ["true", "true", None]


def test_usage_under_a_consumption_model_is_committed_and_the_default_model_is_not() -> None:
    flexible = charge(consumption_model={"id": "AAAA", "description": "Compute Flexible CUDs 1 Year"})
    assert (flexible["PricingCategory"], flexible["CommitmentDiscountCategory"]) == ("Committed", "Spend")
    assert flexible["CommitmentDiscountStatus"] == "Used"
    assert flexible["SkuPriceId"].split("/")[1] == "AAAA"
    for model in ({"id": "7754-699E-0EBF", "description": "x"}, {"id": "B", "description": "Default"}, None):
        row = charge(consumption_model=model)
        assert (row["PricingCategory"], row["CommitmentDiscountCategory"]) == ("Standard", None)


@pytest.mark.parametrize(
    "sku", ["Spot Preemptible N2 Instance Core", "Preemptible N1 Ram", "A2 attached to Spot VMs"]
)
def test_spot_is_dynamic(sku: str) -> None:
    assert charge(sku=sku)["PricingCategory"] == "Dynamic"


@pytest.mark.parametrize(
    ("sku", "model"),
    [
        ("Nvidia Tesla T4 GPU running in Americas", "T4"),
        ("Nvidia Tesla A100 GPU attached to Spot Preemptible VMs running in Iowa", "A100"),
        ("Nvidia Tesla A100 80GB GPU running in Americas", "A100 80GB"),
        ("Nvidia L4 GPU running in Netherlands", "L4"),
        ("Nvidia H100 80GB GPU attached to Spot VMs", "H100 80GB"),
        ("N2 Instance Core running in Americas", None),
    ],
)
def test_a_gpu_is_named_where_the_sku_says_so(sku: str, model: str | None) -> None:
    assert charge(sku=sku)["x_GpuModel"] == model


def test_the_machine_says_how_many_gpus_there_are() -> None:
    said = [{"key": "compute.googleapis.com/machine_spec", "value": "a2-highgpu-4g"}]
    row = charge(sku="Nvidia Tesla A100 GPU running in Americas", system_labels=said)
    assert (row["x_GpuCount"], row["x_InstanceType"]) == ("4", "a2-highgpu-4g")
    assert json.loads(row["SkuPriceDetails"])["GpuCount"] == 4


# -- the other columns -----------------------------------------------------------------------------


def test_tags_come_from_four_places_and_the_closest_wins() -> None:
    row = charge(
        labels=[{"key": "team", "value": "label"}, {"key": "flag", "value": ""}],
        project_labels=[{"key": "team", "value": "project"}, {"key": "env", "value": "p"}],
        tags=[{"key": "env", "value": "tag", "namespace": "acme"}, {"key": "env", "value": "loses"}],
        system_labels=[{"key": "compute.googleapis.com/cores", "value": "4"}],
    )
    assert json.loads(row["Tags"]) == {
        "team": "label",
        "flag": "true",
        "env": "p",
        "acme/env": "tag",
        "goog:compute.googleapis.com/cores": "4",
    }


def test_a_correction_is_of_a_month_before_by_the_clock_of_california() -> None:
    late = adjustment(-1, start=datetime(2026, 6, 1, 3, tzinfo=UTC), days_back=0, month="202606")
    within = adjustment(-1, start=datetime(2026, 6, 1, 8, tzinfo=UTC), days_back=0, month="202606")
    assert [row["ChargeClass"] for row in charges(late, within, rounding(0.01))] == ["Correction", None, None]


def test_tax_and_adjustments_have_no_prices_and_no_quantities() -> None:
    for row in charges(tax(1), adjustment(-1), rounding(0.1)):
        names = ("SkuId", "SkuPriceId", "PricingQuantity", "ConsumedQuantity", "PricingUnit", "ListUnitPrice")
        assert [row[name] for name in names] == [None] * len(names)


def test_an_unknown_cost_type_is_kept_as_adjustment_and_told() -> None:
    found = to_focus(flat([usage(cost=3, cost_type="surcharge")]))
    assert found.charges["ChargeCategory"].to_list() == ["Adjustment"]
    assert found.charges["BilledCost"].to_list() == [Decimal(3)]
    assert "surcharge" in found.notes[0]


@pytest.mark.parametrize(
    ("seller", "kind", "publisher"),
    [
        (None, "GOOGLE", "Google Cloud"),
        ("Acme GmbH", "THIRD_PARTY_RESELLER", "Acme GmbH"),
        ("Acme", None, "Google Cloud"),
    ],
)
def test_the_publisher_is_the_seller_unless_google_sells(
    seller: str | None, kind: str | None, publisher: str
) -> None:
    row = charge(seller_name=seller, transaction_type=kind)
    assert (row["PublisherName"], row["InvoiceIssuerName"]) == (publisher, "Google Cloud")


@pytest.mark.parametrize(
    ("unit", "focus"),
    [
        ("seconds", "Seconds"),
        ("hour", "Hours"),
        ("gibibyte hour", "GiB-Hours"),
        ("byte-seconds", "Byte-Seconds"),
        ("gibibyte month", "GiB-Months"),
        ("bytes", "Bytes"),
        ("count", "Count"),
        ("requests", "Requests"),
    ],
)
def test_units_are_written_as_focus_wants_them(unit: str, focus: str) -> None:
    row = charge(usage={"amount": 1.5, "unit": unit, "amount_in_pricing_units": 2, "pricing_unit": unit})
    assert (row["ConsumedUnit"], row["PricingUnit"]) == (focus, focus)


def test_a_resource_has_the_type_that_its_path_names() -> None:
    path = "//compute.googleapis.com/projects/p/zones/z/disks/123"
    row = charge(resource={"name": None, "global_name": path})
    assert (row["ResourceId"], row["ResourceName"], row["ResourceType"]) == (path, "123", "Disk")
    assert charge(resource=None)["ResourceType"] is None


def test_a_subscription_is_bought_and_not_used() -> None:
    assert charge(sku="Looker Standard Annual Subscription")["ChargeCategory"] == "Purchase"
    assert charge(sku="Message storage for Subscription backlog")["ChargeCategory"] == "Usage"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"cost": None}, "cost is missing"),
        ({"invoice": {"month": "2026"}}, "invoice_month is no month"),
        ({"currency": "dollars"}, "currency is no ISO 4217 code"),
        ({"usage_start_time": None}, "usage_start is missing"),
        ({"usage_end_time": "soon"}, "usage_end is no time"),
        ({"billing_account_id": None}, "billing_account_id is missing"),
    ],
)
def test_a_row_that_cannot_be_booked_is_refused_with_its_reason(fields: dict[str, Any], reason: str) -> None:
    found = to_focus(flat([usage(), usage(**fields)]))
    assert reason in found.rejected[1]
    assert found.charges.height == 1


def test_amounts_are_what_numeric_makes_of_floats() -> None:
    row = charge(cost=0.1 + 0.2, cost_at_list=5e-10)
    assert (row["BilledCost"], row["ListCost"]) == (Decimal("0.3"), Decimal("0.000000001"))


def test_hostile_labels_stay_text() -> None:
    row = charge(labels=[{"key": 'a":{', "value": "\x1b[31m=cmd|' /C calc'!A0"}])
    assert json.loads(row["Tags"])['a":{'] == "\x1b[31m=cmd|' /C calc'!A0"


def test_rows_of_an_older_table_lack_columns_and_are_read_all_the_same() -> None:
    old = {
        name: value for name, value in usage().items() if name not in {"price", "resource", "cost_at_list"}
    }
    (row,) = charges(old)
    assert costs(row) == ("0.1",) * 4
    bare = flat([usage()]).select(name for name in ROW_SCHEMA if name != "model_id")
    assert to_focus(bare).charges.height == 1


def test_a_charge_of_the_last_hours_of_june_in_california_is_junes() -> None:
    start = datetime(2026, 7, 1, 5, tzinfo=UTC)
    row = charge(start=start, month="202606")
    assert (row["ChargePeriodStart"], row["BillingPeriodEnd"]) == (start, datetime(2026, 7, 1, tzinfo=UTC))
    assert row["ChargePeriodEnd"] - start == timedelta(hours=1)
    assert row["x_InvoiceMonth"] == "202606"
