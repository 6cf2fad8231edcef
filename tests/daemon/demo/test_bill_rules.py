"""What FOCUS 1.2 asks of a bill, over all providers; the official validator judges exports elsewhere."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from daemon.clock import FixedClock
from daemon.demo.company import PROVIDERS
from daemon.demo.world import World
from domain.charge import CHARGE_CATEGORIES, FOCUS, RAW_SCHEMA, Kind

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
ADDED_IN_13 = {column.name for column in FOCUS if column.since == "1.3"}

# The forms of FOCUS 1.2, attribute "Unit Format": a unit, unit-time, or number and unit.
_UNIT = re.compile(r"([A-Za-z]+( [A-Za-z]+)*(-(Hours|Months|Days|Seconds))?|[0-9]+ [A-Za-z]+( [A-Za-z]+)*)")


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    world = World(seed=7, folder=tmp_path_factory.mktemp("world"), clock=FixedClock(at=NOW))
    months = ("2026-07", "2026-09", "2026-11")
    hourly = date(2026, 11, 6)
    bills = (world.bill(p, m, seen_at=NOW, hourly_from=hourly) for p in PROVIDERS for m in months)
    return pl.concat(bills)


def test_has_every_kind_of_charge(bill: pl.DataFrame) -> None:
    assert bill.schema == RAW_SCHEMA
    assert set(bill["ChargeCategory"]) == set(CHARGE_CATEGORIES)
    assert set(bill["PricingCategory"]) == {"Standard", "Committed", "Dynamic", None}
    assert set(bill["CommitmentDiscountStatus"]) == {"Used", "Unused", None}
    assert set(bill["ChargeFrequency"]) == {"Usage-Based", "Recurring", "One-Time"}
    assert set(bill["ChargeClass"]) == {"Correction", None}
    assert set(bill["ProviderName"]) == {"AWS", "Google Cloud", "Microsoft"}


def test_text_is_never_empty(bill: pl.DataFrame) -> None:
    for column in FOCUS:
        if column.kind in {Kind.TEXT, Kind.JSON}:
            assert not (bill[column.name] == "").any(), column.name


@pytest.mark.parametrize("column", [column.name for column in FOCUS if column.required])
def test_nothing_mandatory_is_missing(bill: pl.DataFrame, column: str) -> None:
    assert bill[column].null_count() == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ServiceName", "ServiceCategory"),
        ("ServiceName", "ServiceSubcategory"),
        ("SkuPriceId", "SkuId"),
        ("SubAccountId", "SubAccountName"),
        ("RegionId", "RegionName"),
        ("CommitmentDiscountId", "CommitmentDiscountType"),
    ],
)
def test_one_name_has_one_parent(bill: pl.DataFrame, one: str, other: str) -> None:
    pairs = bill.select(one, other).drop_nulls(one).unique()
    assert pairs[one].is_duplicated().sum() == 0


def test_units_are_of_the_form_that_focus_asks_for(bill: pl.DataFrame) -> None:
    units = {*bill["PricingUnit"].drop_nulls(), *bill["ConsumedUnit"].drop_nulls()}
    assert [unit for unit in sorted(units) if not _UNIT.fullmatch(unit)] == []


def test_usage_and_purchases_are_priced(bill: pl.DataFrame) -> None:
    priced = bill.filter(
        pl.col("ChargeCategory").is_in(["Usage", "Purchase"]), pl.col("ChargeClass").is_null()
    )
    for column in ("SkuId", "SkuPriceId", "SkuMeter", "PricingQuantity", "PricingUnit", "PricingCategory"):
        assert priced[column].null_count() == 0, column
    for column in ("ListUnitPrice", "ContractedUnitPrice"):
        assert (priced[column] >= 0).all(), column


def test_taxes_are_not_priced(bill: pl.DataFrame) -> None:
    tax = bill.filter(pl.col("ChargeCategory") == "Tax")
    for column in (
        "SkuId",
        "SkuPriceId",
        "ListUnitPrice",
        "PricingQuantity",
        "PricingUnit",
        "PricingCategory",
    ):
        assert tax[column].null_count() == len(tax) > 0, column


def test_only_what_was_used_was_consumed(bill: pl.DataFrame) -> None:
    used = (
        (pl.col("ChargeCategory") == "Usage")
        & (pl.col("CommitmentDiscountStatus").fill_null("Used") == "Used")
        & pl.col("ChargeClass").is_null()
    )
    for column in ("ConsumedQuantity", "ConsumedUnit"):
        assert bill.filter(used)[column].null_count() == 0
        assert bill.filter(~used)[column].is_null().all()


def test_tokens_are_consumed_by_the_thousand_priced(bill: pl.DataFrame) -> None:
    tokens = bill.filter(pl.col("PricingUnit") == "1000 Tokens")
    assert (tokens["ConsumedUnit"] == "Tokens").all()
    assert tokens["ConsumedQuantity"].sum() == tokens["PricingQuantity"].sum() * 1000


def test_commitments_say_everything_or_nothing(bill: pl.DataFrame) -> None:
    names = [name for name in RAW_SCHEMA if name.startswith("CommitmentDiscount")]
    covered = bill.filter(pl.col("CommitmentDiscountId").is_not_null())
    for name in names:
        if name != "CommitmentDiscountStatus":
            assert covered[name].null_count() == 0, name
        assert bill.filter(pl.col("CommitmentDiscountId").is_null())[name].is_null().all(), name
    assert covered.filter(pl.col("ChargeCategory") == "Purchase")["CommitmentDiscountStatus"].is_null().all()
    assert covered.filter(pl.col("ChargeCategory") == "Usage")["CommitmentDiscountStatus"].is_not_null().all()
    assert not covered.filter(pl.col("CommitmentDiscountStatus") == "Unused").is_empty()


def test_what_stands_alone_costs_the_same_in_every_column(bill: pl.DataFrame) -> None:
    alone = bill.filter(pl.col("ListUnitPrice").is_null())
    for column in ("EffectiveCost", "ListCost", "ContractedCost"):
        assert (alone[column] == alone["BilledCost"]).all()


def test_purchases_are_never_usage_based(bill: pl.DataFrame) -> None:
    assert not bill.filter(
        pl.col("ChargeCategory") == "Purchase", pl.col("ChargeFrequency") == "Usage-Based"
    ).height


def test_charges_take_time_and_usage_at_most_a_day(bill: pl.DataFrame) -> None:
    length = pl.col("ChargePeriodEnd") - pl.col("ChargePeriodStart")
    assert bill.filter(length <= pl.duration(hours=0)).is_empty()
    usage = bill.filter(pl.col("ChargeCategory") == "Usage")
    assert usage.filter(length > pl.duration(days=1)).is_empty()
    aws = usage.filter(
        pl.col("ProviderName") == "AWS", pl.col("ChargePeriodStart") > datetime(2026, 11, 6, tzinfo=UTC)
    )
    assert set(aws.select(length)["ChargePeriodEnd"].dt.total_hours()) == {1}


def test_the_days_of_aws_are_hourly_from_the_one_asked_for(bill: pl.DataFrame) -> None:
    usage = bill.filter(pl.col("ProviderName") == "AWS", pl.col("ChargeCategory") == "Usage")
    hourly = usage.filter(pl.col("ChargePeriodStart").dt.hour() > 0)["ChargePeriodStart"].dt.date()
    assert hourly.min() == datetime(2026, 11, 6, tzinfo=UTC).date()
    assert hourly.max() == datetime(2026, 11, 19, tzinfo=UTC).date()


def test_tags_are_objects_with_the_disorder_of_real_ones(bill: pl.DataFrame) -> None:
    keys, teams = set(), set()
    for text in bill["Tags"].drop_nulls().unique():
        tags = json.loads(text)
        keys |= set(tags)
        teams.add(tags.get("team"))
    assert {"team", "Team", "owner", "cost-center", "pull-request", "repository"} <= keys
    assert {"aws:eks:cluster-name", "aws:eks:namespace", "k8s-namespace", "goog-k8s-cluster-name"} <= keys
    assert {"ml", "ML", "machine-learning", "wbe", "Web", "data-eng", "reserach", "mobile "} <= teams
    assert bill["Tags"].null_count() > 0


def test_columns_of_focus_1_3_are_given_where_1_2_has_no_word(bill: pl.DataFrame) -> None:
    given = {name for name in ADDED_IN_13 if bill[name].null_count() < len(bill)}
    assert given == {"ServiceProviderName", "HostProviderName"}
    vendor = bill.filter(pl.col("PublisherName") != pl.col("ProviderName"))
    assert set(vendor["PublisherName"]) == {"Sentinel Metrics GmbH"}
    assert (vendor["InvoiceIssuerName"] == "AWS").all()


def test_bills_are_marked_as_a_demo(bill: pl.DataFrame) -> None:
    assert set(bill["BillingAccountName"]) == {"Acme (DEMO)"}


def test_account_ids_keep_their_zeros(bill: pl.DataFrame) -> None:
    assert "041122223344" in set(bill["BillingAccountId"])


def test_only_closed_months_have_an_invoice(bill: pl.DataFrame) -> None:
    is_open = pl.col("BillingPeriodStart") == datetime(2026, 11, 1, tzinfo=UTC)
    assert bill.filter(is_open)["InvoiceId"].null_count() == bill.filter(is_open).height
    closed = bill.filter(~is_open)
    assert closed["InvoiceId"].null_count() == 0
    assert closed.select("ProviderName", "BillingPeriodStart", "InvoiceId").unique().height == 6


def test_tax_is_levied_on_what_was_billed(bill: pl.DataFrame) -> None:
    july = bill.filter(
        pl.col("BillingPeriodStart") == datetime(2026, 7, 1, tzinfo=UTC), pl.col("ProviderName") == "AWS"
    )
    tax = july.filter(pl.col("ChargeCategory") == "Tax")["BilledCost"].sum()
    rest = july.filter(pl.col("ChargeCategory") != "Tax")["BilledCost"].sum()
    assert abs(tax - rest * Decimal("0.019")) < Decimal("0.000000001")
