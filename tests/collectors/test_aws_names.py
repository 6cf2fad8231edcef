"""Columns of the report under one name, whichever form a file has."""

from __future__ import annotations

import pytest
from cur_months import legacy_name

from collectors.aws.names import COSTS, INSTANTS, QUANTITIES, TEXTS, cur2_names, is_cur, notes_about


@pytest.mark.parametrize("name", sorted(TEXTS | COSTS | QUANTITIES | INSTANTS))
def test_every_kept_column_is_found_in_all_three_forms(name: str) -> None:
    assert cur2_names([name, "x"]) == {name: name}
    assert cur2_names([legacy_name(name)]) == {legacy_name(name): name}
    assert notes_about([name, legacy_name(name)]) == ()


@pytest.mark.parametrize(
    ("column", "target"),
    [
        ("lineItem/UnblendedCost", "line_item_unblended_cost"),
        ("savingsPlan/SavingsPlanARN", "savings_plan_savings_plan_a_r_n"),
        ("reservation/ReservationARN", "reservation_reservation_a_r_n"),
        ("resourceTags/user:team", "resource_tags/user:team"),
        ("resourceTags/aws:createdBy", "resource_tags/aws:createdBy"),
        ("resource_tags_user_team", "resource_tags/user_team"),
        ("costCategory/Cost Centre", "cost_category/Cost Centre"),
        ("cost_category_team", "cost_category/team"),
        ("product/ProductName", "product/product_name"),
        ("product_product_name", "product/product_name"),
        ("product/vcpu", "product/vcpu"),
        ("product/region", "product_region_code"),
        ("product", "product"),
        ("tags", "tags"),
    ],
)
def test_a_column_gets_its_name(column: str, target: str) -> None:
    assert cur2_names([column]) == {column: target}


@pytest.mark.parametrize(
    "column",
    ["identity/LineItemId", "product/groupDescription", "discount_total_discount", "lineItem/TaxType"],
)
def test_a_column_that_is_known_and_not_needed_is_left_out_without_a_word(column: str) -> None:
    assert cur2_names([column]) == {}
    assert notes_about([column]) == ()


def test_a_new_column_is_noted_and_not_kept() -> None:
    columns = ["line_item_unblended_cost", "line_item_quantum_state\x1b[31m"]
    assert cur2_names(columns) == {"line_item_unblended_cost": "line_item_unblended_cost"}
    (note,) = notes_about(columns)
    assert "line_item_quantum_state" in note
    assert "\x1b" not in note


def test_the_region_code_wins_over_the_older_column() -> None:
    assert cur2_names(["product/region", "product/regionCode"]) == {
        "product/regionCode": "product_region_code"
    }


def test_a_name_spelt_as_in_cur_2_wins() -> None:
    columns = ["lineItem/UnblendedCost", "line_item_unblended_cost"]
    assert cur2_names(columns) == {"line_item_unblended_cost": "line_item_unblended_cost"}


def test_two_tags_that_differ_in_case_stay_two() -> None:
    columns = ["resourceTags/user:team", "resourceTags/user:Team"]
    assert cur2_names(columns) == {
        "resourceTags/user:team": "resource_tags/user:team",
        "resourceTags/user:Team": "resource_tags/user:Team",
    }


def test_a_report_is_known_by_its_header() -> None:
    legacy = ["lineItem/LineItemType", "lineItem/UnblendedCost", "lineItem/UsageStartDate"]
    assert is_cur(legacy)
    assert is_cur([name for column in legacy for name in cur2_names([column]).values()])
    assert not is_cur(["BilledCost", "ChargePeriodStart"])
