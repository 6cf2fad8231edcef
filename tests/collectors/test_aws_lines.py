"""What each kind of line of an AWS bill becomes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from cur_months import Row, a_line, converted, frame, instant

from collectors.aws.convert import Converted, to_focus
from collectors.focus.normalise import Memory
from collectors.focus.sums import EXACT
from domain.charge import RAW_SCHEMA

PLAN = {"savings_plan_savings_plan_a_r_n": "arn:aws:savingsplans::1:savingsplan/a"}
RESERVED = {"reservation_reservation_a_r_n": "arn:aws:ec2:us-east-1:1:reserved-instances/b"}
MAY = {
    "line_item_usage_start_date": instant(datetime(2026, 5, 12, tzinfo=UTC)),
    "line_item_usage_end_date": instant(datetime(2026, 5, 13, tzinfo=UTC)),
}
COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")


def one(row: Row) -> dict[str, Any]:
    """Give the one charge that a line becomes."""
    found = converted([row])
    assert found.rejected == {}
    assert found.charges.schema == RAW_SCHEMA
    (charge,) = found.charges.to_dicts()
    return charge


def costs(charge: dict[str, Any]) -> list[Decimal | None]:
    return [charge[name] for name in COSTS]


def amounts(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


@pytest.mark.parametrize(
    ("kind", "category", "frequency", "pricing"),
    [
        ("Usage", "Usage", "Usage-Based", "Standard"),
        ("FlatRateSubscription", "Usage", "Usage-Based", "Standard"),
        ("Fee", "Purchase", "One-Time", "Standard"),
        ("SavingsPlanUpfrontFee", "Purchase", "One-Time", "Standard"),
        ("Tax", "Tax", "One-Time", None),
        ("Credit", "Credit", "One-Time", None),
        ("Refund", "Usage", "One-Time", "Standard"),
        ("EdpDiscount", "Adjustment", "One-Time", None),
        ("PrivateRateDiscount", "Adjustment", "One-Time", None),
        ("RiVolumeDiscount", "Adjustment", "One-Time", None),
        ("BundledDiscount", "Adjustment", "One-Time", None),
        ("SppDiscount", "Adjustment", "One-Time", None),
        ("Discount", "Adjustment", "One-Time", None),
        ("NewKind", "Adjustment", "One-Time", None),
    ],
)
def test_a_type_decides_category_frequency_and_pricing(
    kind: str, category: str, frequency: str, pricing: str | None
) -> None:
    charge = one(a_line(kind, "7.5", line_item_usage_type="Other"))
    assert (charge["ChargeCategory"], charge["ChargeFrequency"], charge["PricingCategory"]) == (
        category,
        frequency,
        pricing,
    )
    assert charge["BilledCost"] == Decimal("7.5")
    assert charge["x_LineItemType"] == kind


def test_an_unknown_type_is_kept_flagged_and_alarmed() -> None:
    found = converted([a_line("QuantumFee\x1b[2J", "3")])
    assert found.charges["BilledCost"].to_list() == [Decimal(3)]
    (note,) = found.notes
    assert note.startswith("ALARM")
    assert "QuantumFee" in note
    assert "\x1b" not in note


def test_a_line_without_a_type_is_kept_and_alarmed() -> None:
    found = converted([a_line("", "3")])
    assert found.charges["ChargeCategory"].to_list() == ["Adjustment"]
    assert found.notes[0].startswith("ALARM")


def test_support_fees_are_purchases_that_cost_what_they_cost() -> None:
    charge = one(a_line("Fee", "100", line_item_product_code="AWSSupportBusiness"))
    assert costs(charge) == amounts("100", "100", "100", "100")
    assert charge["CommitmentDiscountId"] is None
    assert charge["ServiceCategory"] == "Management and Governance"


def test_the_upfront_fee_of_a_plan_costs_nothing_effectively() -> None:
    charge = one(a_line("SavingsPlanUpfrontFee", "693003.60", **PLAN))
    assert costs(charge) == amounts("693003.60", "0", "693003.60", "693003.60")
    assert charge["CommitmentDiscountCategory"] == "Spend"


def test_a_plan_paid_upfront_still_says_what_nobody_used() -> None:
    fee = {"savings_plan_total_commitment_to_date": "79.11", "savings_plan_used_commitment": "39.555"}
    bought, unused = converted([a_line("SavingsPlanRecurringFee", "0", **PLAN, **fee)]).charges.to_dicts()
    assert costs(bought) == amounts("0", "0", "0", "0")
    assert bought["CommitmentDiscountQuantity"] == Decimal("79.11")
    assert costs(unused) == amounts("0", "39.555", "0", "0")
    assert unused["CommitmentDiscountStatus"] == "Unused"
    assert unused["ConsumedQuantity"] is None


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (
            "SavingsPlanRecurringFee",
            {
                **PLAN,
                "savings_plan_total_commitment_to_date": "1.00",
                "savings_plan_used_commitment": "1.0000000000",
            },
        ),
        (
            "RIFee",
            {
                **RESERVED,
                "reservation_unused_recurring_fee": "0",
                "reservation_unused_amortized_upfront_fee_for_billing_period": "",
            },
        ),
        ("RIFee", RESERVED),
    ],
)
def test_a_commitment_that_was_used_up_has_no_unused_charge(kind: str, more: Row) -> None:
    assert one(a_line(kind, "1.00", **more))["ChargeCategory"] == "Purchase"


def test_a_plan_whose_use_is_not_exported_has_no_unused_charge_and_a_note() -> None:
    found = converted([a_line("SavingsPlanRecurringFee", "1.00", **PLAN)])
    assert found.charges.height == 1
    assert "export the savings_plan columns" in found.notes[0]


def test_covered_usage_without_its_effective_cost_leaves_it_unknown() -> None:
    found = converted([a_line("SavingsPlanCoveredUsage", "1.00", **PLAN)])
    assert found.charges["EffectiveCost"].to_list() == [None]
    assert found.charges["ListCost"].to_list() == [Decimal(1)]
    assert "EffectiveCost stays unknown" in found.notes[0]


def test_a_negation_becomes_nothing_and_its_usage_is_not_counted_twice() -> None:
    covered = a_line(
        "SavingsPlanCoveredUsage", "0.096", savings_plan_savings_plan_effective_cost="0.0605", **PLAN
    )
    found = converted([covered, a_line("SavingsPlanNegation", "-0.096", **PLAN)])
    assert found.charges["ConsumedQuantity"].sum() == 1
    assert found.charges["BilledCost"].sum() == 0
    assert found.evidence.invoiced == found.evidence.billed


@pytest.mark.parametrize(
    ("changes", "category", "kind", "effective"),
    [
        ({}, "Usage", None, "-5"),
        (MAY, "Usage", "Correction", "-5"),
        ({"bill_bill_type": "Refund"}, "Usage", None, "-5"),
        ({**RESERVED, **MAY}, "Purchase", "Correction", "0"),
        (PLAN, "Purchase", None, "0"),
        (
            {
                "line_item_product_code": "ComputeSavingsPlans",
                "line_item_line_item_description": "Refund for one-time fee",
            },
            "Purchase",
            None,
            "0",
        ),
    ],
)
def test_a_refund_goes_where_the_money_came_from(
    changes: Row, category: str, kind: str | None, effective: str
) -> None:
    charge = one(a_line("Refund", "-5", **changes))
    assert (charge["ChargeCategory"], charge["ChargeClass"]) == (category, kind)
    assert costs(charge) == amounts("-5", effective, "-5", "-5")
    assert charge["ConsumedQuantity"] is None
    assert charge["ListUnitPrice"] is None


def test_late_usage_is_no_correction() -> None:
    assert one(a_line("Usage", "5", **MAY))["ChargeClass"] is None


def test_a_credit_on_a_refund_bill_for_last_month_is_a_correction() -> None:
    charge = one(a_line("Credit", "-5", bill_bill_type="Refund", **MAY))
    assert (charge["ChargeCategory"], charge["ChargeClass"]) == ("Credit", "Correction")


def test_a_purchase_of_the_marketplace_names_its_seller() -> None:
    charge = one(
        a_line(
            "Usage",
            "12",
            bill_billing_entity="AWS Marketplace",
            line_item_legal_entity="Elastic, Inc.",
            bill_invoicing_entity="Amazon Web Services EMEA SARL",
            line_item_product_code="4qkv0j5yq1wzm8",
            product={"product_name": "Elastic Cloud"},
            pricing_public_on_demand_cost="0",
        )
    )
    assert (charge["PublisherName"], charge["HostProviderName"]) == ("Elastic, Inc.", "AWS")
    assert charge["InvoiceIssuerName"] == "Amazon Web Services EMEA SARL"
    assert (charge["ServiceName"], charge["ServiceCategory"]) == ("Elastic Cloud", "Other")
    assert charge["ListCost"] == 12


class TestPrivatePricing:
    """Costs after private discounts, where the file has them."""

    def test_what_is_billed_is_the_net_cost(self) -> None:
        charge = one(
            a_line(
                "Usage",
                "0.096",
                line_item_net_unblended_cost="0.0864",
                line_item_net_unblended_rate="0.0864",
                pricing_public_on_demand_cost="0.100",
                pricing_public_on_demand_rate="0.100",
            )
        )
        assert costs(charge) == amounts("0.0864", "0.0864", "0.100", "0.0864")
        assert (charge["ListUnitPrice"], charge["ContractedUnitPrice"]) == (
            Decimal("0.1"),
            Decimal("0.0864"),
        )

    def test_a_line_without_a_net_cost_is_billed_as_it_is(self) -> None:
        charge = one(a_line("Usage", "0.096", line_item_net_unblended_cost=""))
        assert charge["BilledCost"] == Decimal("0.096")

    def test_covered_usage_takes_its_net_effective_cost(self) -> None:
        charge = one(
            a_line(
                "SavingsPlanCoveredUsage",
                "0.096",
                line_item_net_unblended_cost="0.0864",
                pricing_public_on_demand_cost="0.096",
                savings_plan_savings_plan_effective_cost="0.0605",
                savings_plan_net_savings_plan_effective_cost="0.05445",
                **PLAN,
            )
        )
        assert costs(charge) == amounts("0", "0.05445", "0.096", "0.0864")
        assert charge["CommitmentDiscountQuantity"] == Decimal("0.0605")

    def test_reserved_usage_takes_its_net_effective_cost(self) -> None:
        charge = one(
            a_line(
                "DiscountedUsage",
                "0",
                pricing_public_on_demand_cost="0.096",
                reservation_effective_cost="0.0571",
                reservation_net_effective_cost="0.05",
                **RESERVED,
            )
        )
        assert costs(charge) == amounts("0", "0.05", "0.096", "0.096")

    def test_an_unused_reservation_takes_its_net_fees(self) -> None:
        fee = {
            "reservation_unused_recurring_fee": "2",
            "reservation_unused_amortized_upfront_fee_for_billing_period": "3",
            "reservation_net_unused_recurring_fee": "1.5",
            "reservation_net_unused_amortized_upfront_fee_for_billing_period": "2.5",
        }
        _, unused = converted([a_line("RIFee", "10", **RESERVED, **fee)]).charges.to_dicts()
        assert unused["EffectiveCost"] == 4


class TestDiscountLines:
    """Discounts that have lines of their own."""

    def test_a_discount_comes_off_the_one_line_that_it_names(self) -> None:
        rows = [a_line("Usage", "10"), a_line("EdpDiscount", "-1", line_item_unblended_rate="")]
        found = converted(rows)
        (charge,) = found.charges.to_dicts()
        assert costs(charge) == amounts("9", "9", "10", "9")
        assert charge["ConsumedQuantity"] == 1
        assert found.evidence.invoiced == found.evidence.billed

    def test_a_discount_that_names_two_lines_stays_its_own(self) -> None:
        rows = [a_line("Usage", "10"), a_line("Usage", "10"), a_line("EdpDiscount", "-1")]
        found = converted(rows).charges
        assert found["ChargeCategory"].to_list() == ["Usage", "Usage", "Adjustment"]
        assert found["BilledCost"].sum() == 19

    def test_a_discount_for_no_line_here_stays_its_own(self) -> None:
        rows = [a_line("Usage", "10"), a_line("EdpDiscount", "-1", line_item_usage_type="Other")]
        assert converted(rows).charges["ChargeCategory"].to_list() == ["Usage", "Adjustment"]

    def test_a_discount_with_more_digits_than_are_stored_keeps_them(self) -> None:
        rows = [a_line("Usage", "10"), a_line("EdpDiscount", "-1.0000000000001")]
        found = converted(rows)
        assert found.sums.parsed["2026-06", "USD", "BilledCost"] == Decimal("8.9999999999999")
        assert found.evidence.invoiced == found.evidence.billed


class TestAmounts:
    """Money is exact, however it is written."""

    @pytest.mark.parametrize("text", ["9.6E-2", "0.0960000000", "96e-3", ".096", "+0.096"])
    def test_every_way_of_writing_is_the_same_amount(self, text: str) -> None:
        assert one(a_line("Usage", text))["BilledCost"] == Decimal("0.096")

    def test_digits_beyond_twelve_are_kept_as_a_residual(self) -> None:
        found = converted([a_line("Usage", "0.1234567890125"), a_line("Usage", "1E-45")])
        key = "2026-06", "USD", "BilledCost"
        stored = found.charges["BilledCost"].sum()
        assert found.sums.parsed[key] == Decimal("0.123456789012500000000000000000000000000000001")
        assert found.sums.residual[key] == EXACT.subtract(found.sums.parsed[key], stored)

    def test_doubles_become_their_shortest_decimal_and_are_flagged_once(self) -> None:
        rows = frame([a_line("Usage", "0.1"), a_line("Usage", "5.551115123125783e-17")])
        found = to_focus(rows.with_columns(pl.col("line_item_unblended_cost").cast(pl.Float64)), Memory())
        assert found.sums.parsed["2026-06", "USD", "BilledCost"] == Decimal(
            "0.10000000000000005551115123125783"
        )
        assert [note for note in found.notes if "floating-point" in note] == list(found.notes)
        assert len(found.notes) == 1

    @pytest.mark.parametrize("text", ["", "abc", "1,5", "NaN", "1e999"])
    def test_a_line_without_a_readable_cost_is_rejected(self, text: str) -> None:
        found = converted([a_line("Usage", "1"), a_line("Usage", text)])
        assert list(found.rejected) == [1]
        assert "line_item_unblended_cost" in found.rejected[1]
        assert found.charges.height == 1


@pytest.mark.parametrize(
    "column",
    [
        "bill_payer_account_id",
        "line_item_currency_code",
        "bill_billing_period_start_date",
        "line_item_usage_start_date",
        "line_item_usage_end_date",
    ],
)
@pytest.mark.parametrize("is_absent", [False, True])
def test_a_line_that_cannot_be_booked_is_rejected(column: str, *, is_absent: bool) -> None:
    row = a_line("Usage", "1", **{column: ""})
    if is_absent:
        del row[column]
    found = converted([row])
    assert found.charges.is_empty()
    assert found.charges.schema == RAW_SCHEMA
    assert found.rejected == {0: f"{column} is missing"}


def test_a_currency_that_is_none_is_rejected() -> None:
    assert "ISO 4217" in converted([a_line("Usage", "1", line_item_currency_code="US$")]).rejected[0]


def test_no_lines_are_no_charges() -> None:
    found = to_focus(frame([a_line()]).clear(), Memory())
    assert (found.charges.schema, found.charges.height, found.allocations) == (RAW_SCHEMA, 0, None)


def test_account_ids_stay_text_with_their_zeros() -> None:
    charge = one(a_line())
    assert (charge["BillingAccountId"], charge["SubAccountId"]) == ("000111111111", "000222222222")
    rows = frame([a_line()]).with_columns(pl.lit(111111111).alias("bill_payer_account_id"))
    assert to_focus(rows, Memory()).charges["BillingAccountId"].to_list() == ["000111111111"]


def test_nothing_is_nothing() -> None:
    bare = {
        name: a_line()[name]
        for name in (
            "bill_payer_account_id",
            "line_item_currency_code",
            "bill_billing_period_start_date",
            "line_item_usage_start_date",
            "line_item_usage_end_date",
            "line_item_line_item_type",
            "line_item_unblended_cost",
        )
    }
    charge = one(bare)
    assert charge["BillingPeriodEnd"] == datetime(2026, 7, 1, tzinfo=UTC)
    for name in ("InvoiceId", "ResourceId", "Tags", "x_RawTags", "PricingQuantity", "PricingUnit", "SkuId"):
        assert charge[name] is None
    for name in ("ConsumedUnit", "RegionName", "SubAccountType", "x_ModelId", "ListUnitPrice"):
        assert charge[name] is None
    assert not [name for name, value in charge.items() if value == ""]


def test_spot_capacity_is_dynamic_even_in_legacy_form() -> None:
    row = a_line("Usage", "0.0712", line_item_usage_type="EUC1-SpotUsage:c5.xlarge")
    assert converted([row], is_legacy=True).charges["PricingCategory"].to_list() == ["Dynamic"]


def test_tokens_of_a_model_sold_in_the_marketplace_keep_its_name_and_unit() -> None:
    charge = one(
        a_line(
            "Usage",
            "3",
            line_item_product_code="61b7v4v1l3q4",
            line_item_usage_type="USE1-MP:USE1_InputTokenCount-Units",
            product={"product_name": "Claude 3.7 Sonnet (Amazon Bedrock Edition)"},
            pricing_unit="Units",
            line_item_usage_amount="1000",
        )
    )
    assert (charge["x_ModelId"], charge["x_TokenType"]) == ("Claude 3.7 Sonnet", "input")
    assert (charge["ConsumedQuantity"], charge["ConsumedUnit"]) == (1000, "Units")
    assert charge["ServiceCategory"] == "AI and Machine Learning"


def test_a_million_tokens_are_a_million() -> None:
    charge = one(
        a_line(
            "Usage",
            "3",
            line_item_product_code="AmazonBedrockFoundationModels",
            line_item_usage_type="USE1-Claude4Sonnet_MillionInputTokens",
            pricing_unit="1M tokens",
            line_item_usage_amount="0.000001234567",
        )
    )
    assert (charge["PricingUnit"], charge["ConsumedUnit"]) == ("1000000 Tokens", "Tokens")
    assert charge["ConsumedQuantity"] == Decimal("1.234567")


def test_a_reserved_capacity_is_named() -> None:
    charge = one(
        a_line(
            capacity_reservation_capacity_reservation_arn="arn:aws:ec2:us-east-1:1:capacity-reservation/c",
            capacity_reservation_capacity_reservation_status="Used",
        )
    )
    assert charge["CapacityReservationId"].endswith("/c")
    assert charge["CapacityReservationStatus"] == "Used"


def test_maps_may_be_maps_structs_or_text() -> None:
    tags = {"user_team": "payments", "aws_createdby": None}
    rows = frame([a_line()])
    of_struct = rows.with_columns(pl.Series("resource_tags", [tags]))
    of_map = rows.with_columns(
        pl.Series("resource_tags", [{"user_team": "payments"}], dtype=pl.Map(pl.String, pl.String))
    )
    of_text = frame([a_line(resource_tags={"user_team": "payments"})])
    found: list[Converted] = [to_focus(form, Memory()) for form in (of_struct, of_map, of_text)]
    assert [one.charges["Tags"][0] for one in found] == ['{"team":"payments"}'] * 3
    assert [one.charges["x_RawTags"][0] for one in found] == ['{"user_team":"payments"}'] * 3


def test_the_column_tags_wins_over_resource_tags() -> None:
    charge = one(
        a_line(
            tags={"resourceTags/user_team": "a", "accountTag/owner": "o", "costCategory/unit": "u"},
            resource_tags={"user_team": "b"},
        )
    )
    assert charge["Tags"] == '{"accountTag/owner":"o","team":"a"}'
    assert charge["x_CostCategories"] == '{"unit":"u"}'


def test_cost_categories_are_kept_in_both_forms() -> None:
    assert one(a_line(cost_category={"Team": "x"}))["x_CostCategories"] == '{"Team": "x"}'
    rows = frame([{**a_line(), "cost_category/Team": "x"}])
    assert to_focus(rows, Memory()).charges["x_CostCategories"].to_list() == ['{"Team": "x"}']


def test_tags_that_are_no_json_are_kept_as_they_are() -> None:
    charge = one(a_line(resource_tags='{"user_team": '))
    assert charge["Tags"] == '{"user_team": '


def test_formulas_and_unicode_in_tags_and_ids_come_through_unchanged() -> None:
    charge = one(a_line(line_item_resource_id='=1+1|"x"', resource_tags={"user_Zeile": "Füße 🦶\u202e"}))
    assert charge["ResourceId"] == '=1+1|"x"'
    assert charge["Tags"] == '{"Zeile":"Füße 🦶\u202e"}'
