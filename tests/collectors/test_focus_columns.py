from __future__ import annotations

import pytest

from collectors.focus.columns import ESSENTIAL, Role, match
from domain.charge import FOCUS

V10 = [column.name for column in FOCUS if column.since == "1.0"]


def test_a_header_of_focus_is_charges() -> None:
    found = match(V10)
    assert (found.role, found.problem, found.version, found.extra) == (Role.CHARGES, "", "1.0", ())
    assert list(found.positions) == V10


@pytest.mark.parametrize(
    ("added", "removed", "version"),
    [
        (["SkuMeter"], [], "1.1"),
        (["InvoiceId", "SkuMeter"], [], "1.2"),
        (["ServiceProviderName", "InvoiceId"], [], "1.3"),
        (["ServiceProviderName"], ["ProviderName", "PublisherName"], "1.4"),
        (["CommitmentProgramEligibilityDetails"], [], "1.4"),
    ],
)
def test_the_columns_show_the_version(added: list[str], removed: list[str], version: str) -> None:
    assert match([name for name in V10 if name not in removed] + added).version == version


@pytest.mark.parametrize(
    "written", ["billedcost", "BILLEDCOST", "Billed Cost", " BilledCost ", "billed_cost"]
)
def test_a_column_is_known_however_its_name_is_written(written: str) -> None:
    found = match([written if name == "BilledCost" else name for name in V10])
    assert found.role is Role.CHARGES
    assert "BilledCost" in found.positions


def test_the_exact_name_wins_over_a_similar_one() -> None:
    found = match([*V10, "billed_cost"])
    assert found.positions["BilledCost"] == V10.index("BilledCost")
    assert found.extra == ("billed_cost",)


def test_a_column_that_occurs_twice_damages_the_file() -> None:
    found = match([*V10, "BilledCost"])
    assert (found.role, found.problem) == (Role.DAMAGED, "has the column BilledCost twice")


def test_extra_columns_are_noted_and_made_safe() -> None:
    found = match([*V10, "Id", "x_\x1b[31mEvil"])
    assert found.notes == ("columns not kept: Id, x_\\x1b[31mEvil",)
    assert match([*V10, *(f"x_{i}" for i in range(20))]).notes[0].endswith("x_7 and 12 more")


def test_missing_costs_are_noted() -> None:
    found = match([name for name in V10 if name not in {"ListCost", "ContractedCost"}])
    assert found.role is Role.CHARGES
    assert found.notes == ("columns missing, their values stay unknown: ListCost, ContractedCost",)


@pytest.mark.parametrize("name", ESSENTIAL)
def test_a_file_without_an_essential_column_is_damaged(name: str) -> None:
    found = match([column for column in V10 if column != name])
    assert (found.role, found.problem) == (Role.DAMAGED, f"lacks the column {name}")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["ContractCommitmentId", "BillingCurrency"], "dataset Contract Commitment"),
        (
            ["InvoiceDetailId", "BilledCost", "BillingCurrency", "BillingPeriodStart"],
            "dataset Invoice Detail",
        ),
        (["BillingPeriodStatus", "BillingPeriodStart", "BillingPeriodEnd"], "dataset Billing Period"),
        (["lineItem/UnblendedCost", "bill/PayerAccountId"], "no FOCUS Cost and Usage file"),
        (["lineItem/intervalUsageStart", "cost/myCost"], "no FOCUS Cost and Usage file"),
        (["a", "b"], "no FOCUS Cost and Usage file"),
        ([], "no FOCUS Cost and Usage file"),
    ],
)
def test_other_files_are_strangers(names: list[str], words: str) -> None:
    found = match(names)
    assert found.role is Role.STRANGER
    assert words in found.problem
