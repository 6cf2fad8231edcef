"""The gate: what was attributed is what was stored, and every difference has a name."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from cells import a_fact, a_star, facts, resources, team

from attribution.reconcile import Reconciled, Residual, reconcile, require, withheld
from domain.charge import COSTS
from domain.delivery import Delivery
from domain.errors import GateError

POOLED = {"shared": [{"name": "platform", "when": {"namespace": "kube-system"}}]}


def a_delivery(stored: dict[str, str], residuals: dict[str, str] | None = None, **more: Any) -> Delivery:
    """Give a delivery of June whose every cost column has these sums by currency."""
    fields: dict[str, Any] = {
        "id": "01",
        "source": "aws",
        "billing_period": "2026-06",
        "seen_at": datetime(2026, 7, 1, tzinfo=UTC),
        "manifest_hash": "m",
        "rows": 1,
        "rejected": 0,
        "sums": _columns(stored),
        "residuals": _columns(residuals or {}),
        "days": 1,
        "first_day": "2026-06-10",
        "last_day": "2026-06-10",
        "version": 1,
    }
    return Delivery(**{**fields, **more})


def _columns(by_currency: dict[str, str]) -> dict[str, dict[str, Decimal]]:
    return {
        currency: dict.fromkeys(COSTS.values(), Decimal(amount)) for currency, amount in by_currency.items()
    }


def billed(results: list[Reconciled]) -> list[Reconciled]:
    return [result for result in results if result.cost == "billed"]


def test_every_source_period_currency_and_cost_is_followed_to_its_owners() -> None:
    dims = resources(
        team("a"),
        {"Tags": {"k8s-namespace": "kube-system"}},
        {"BillingCurrency": "EUR"},
        team("b", source="azure"),
        {"ChargeCategory": "Tax"},
    )
    cells = facts(
        a_fact(0, "10.000000000001"),
        a_fact(1, "3.000000000001"),
        a_fact(2, "7"),
        a_fact(3, "-2", source="azure"),
        a_fact(4, "1", period="2026-07"),
    )
    deliveries = [
        a_delivery({"USD": "13.000000000002", "EUR": "7"}, {"USD": "0.0000000000004"}),
        a_delivery({"USD": "-2"}, source="azure"),
        a_delivery({"USD": "1"}, billing_period="2026-07"),
    ]
    results = reconcile(cells, a_star(dims, POOLED), deliveries)
    assert len(results) == 16
    assert all(result.holds for result in results)
    assert withheld(results) == {}
    require(results)
    first = billed(results)[1]
    assert (first.source, first.billing_period, first.currency) == ("aws", "2026-06", "USD")
    assert first.parsed == Decimal("13.0000000000024")
    assert first.stored == first.attributed == first.allocated == Decimal("13.000000000002")
    rounding = Residual(name="digits beyond twelve, rounded when stored", amount=Decimal("0.0000000000004"))
    assert first.residuals == (rounding,)
    euros = billed(results)[0]
    assert (euros.currency, euros.allocated, euros.unallocated) == ("EUR", 0, 7)


def test_the_last_delivery_of_a_period_counts() -> None:
    deliveries = [a_delivery({"USD": "9"}), a_delivery({"USD": "1"}, id="02")]
    results = reconcile(facts(a_fact(0, 1)), a_star(resources(team("a"))), deliveries)
    assert all(result.holds for result in results)


@pytest.mark.parametrize(
    ("stored", "cells", "source", "name", "amount"),
    [
        ({"USD": "5"}, [a_fact(0, 4)], "aws", "stored but not attributed", "1"),
        ({}, [a_fact(0, 4)], "aws", "attributed but never delivered", "-4"),
        ({"USD": "4"}, [], "aws", "stored but not attributed", "4"),
        (
            {"USD": "4"},
            [a_fact(0, 4), a_fact(99, 3)],
            "",
            "charges whose resource the ledger does not have",
            "-3",
        ),
    ],
)
def test_a_difference_is_named_and_stops_publication_of_its_period(
    stored: dict[str, str], cells: list[dict[str, Any]], source: str, name: str, amount: str
) -> None:
    results = reconcile(facts(*cells), a_star(resources(team("a"))), [a_delivery(stored)])
    broken = [result for result in billed(results) if not result.holds]
    (result,) = broken
    assert (result.source, result.billing_period) == (source, "2026-06")
    assert result.residuals == (Residual(name=name, amount=Decimal(amount)),)
    assert list(withheld(results)) == [(source, "2026-06")]
    with pytest.raises(GateError, match=r"not published: .*2026-06") as caught:
        require(results)
    assert name in str(caught.value)
    assert "collect these periods again" in caught.value.hint


def test_the_smallest_unit_is_enough_to_stop() -> None:
    star = a_star(resources(team("a")))
    results = reconcile(facts(a_fact(0, "0.000000000001")), star, [a_delivery({"USD": "0.000000000002"})])
    assert not any(result.holds for result in results)


def test_sums_of_many_digits_are_compared_exactly() -> None:
    amount = "12345678901234567890.123456789012"
    results = reconcile(facts(a_fact(0, amount)), a_star(resources({})), [a_delivery({"USD": amount})])
    assert all(result.holds and result.unallocated == Decimal(amount) for result in results)


def test_a_cost_that_no_charge_says_reconciles_with_nothing_stored() -> None:
    cells = facts(a_fact(0, 1, ContractedCost=None))
    sums = {"USD": {column: Decimal(1) for column in COSTS.values() if column != "ContractedCost"}}
    results = reconcile(cells, a_star(resources({})), [a_delivery({}, sums=sums)])
    assert [result.cost for result in results] == ["billed", "effective", "list"]
    assert all(result.holds for result in results)
