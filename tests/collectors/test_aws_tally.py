"""The gates of a month of AWS: billed, commitments, split costs, and when it closes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from cur_months import NEXT, PERIOD, Row, a_line, converted

from collectors.aws.tally import Tally
from domain.charge import RAW_SCHEMA
from domain.delivery import Closing

PAYER = {"line_item_usage_account_id": "000111111111"}
PLAN = {"savings_plan_savings_plan_a_r_n": "arn:aws:savingsplans::1:savingsplan/a", **PAYER}
RESERVED = {"reservation_reservation_a_r_n": "arn:aws:ec2:us-east-1:1:reserved-instances/b", **PAYER}
LATER = NEXT + timedelta(days=5)


def covered(price: str, cost: str, **changes: str) -> Row:
    return a_line(
        "SavingsPlanCoveredUsage",
        price,
        **{**PLAN, "savings_plan_savings_plan_effective_cost": cost, **changes},
    )


def negation(price: str) -> Row:
    return a_line("SavingsPlanNegation", price, **PLAN)


def fee(promised: str, used: str, **changes: str) -> Row:
    amounts = {"savings_plan_total_commitment_to_date": promised, "savings_plan_used_commitment": used}
    return a_line("SavingsPlanRecurringFee", promised, **{**PLAN, **amounts, **changes})


def judged(*rows: Row, changed_at: datetime | None = LATER, pieces: int = 1) -> Closing:
    tally = Tally(changed_at)
    for start in range(0, len(rows), pieces):
        tally.add(converted(rows[start : start + pieces]))
    tally.remainder()
    return tally.closing(PERIOD)


def test_a_month_whose_sums_agree_has_no_objection() -> None:
    rows = [covered("0.096", "0.0605"), negation("-0.096"), fee("1", "0.0605"), a_line("Tax", "8.76")]
    assert judged(*rows).objections == ()


def test_usage_whose_negation_is_missing_is_an_objection_that_nobody_can_force() -> None:
    (objection,) = judged(covered("0.096", "0.0605"), fee("1", "0.0605")).objections
    assert (objection.gate, objection.forcible) == ("billed", False)
    assert "differ by 0.096 USD" in objection.reason
    assert "000111111111" in objection.reason


def test_payers_and_currencies_are_judged_apart() -> None:
    other = {"bill_payer_account_id": "000333333333"}
    rows = [covered("0.096", "0.06"), a_line("SavingsPlanNegation", "-0.096", **PLAN, **other)]
    found = judged(*rows, fee("0.06", "0.06")).objections
    assert [one.gate for one in found] == ["billed", "billed"]
    rows = [covered("5", "1"), a_line("SavingsPlanNegation", "-5", **PLAN, line_item_currency_code="EUR")]
    assert len([one for one in judged(*rows).objections if one.gate == "billed"]) == 2


class TestRounding:
    """AWS rounds every line to ten digits for itself."""

    def test_what_negations_leave_over_is_booked_and_the_gate_stays_exact(self) -> None:
        tally = Tally(LATER)
        lines = [covered("0.0016000000", "0.001"), covered("0.0016000000", "0.001")]
        found = converted([*lines, negation("-0.0032000001"), fee("0.002", "0.002")])
        tally.add(found)
        rest = tally.remainder()
        assert rest is not None
        assert rest.charges.schema == RAW_SCHEMA
        (charge,) = rest.charges.to_dicts()
        assert (charge["ChargeCategory"], charge["BilledCost"]) == ("Adjustment", Decimal("-1E-10"))
        assert rest.sums.parsed["2026-06", "USD", "BilledCost"] == Decimal("-1E-10")
        assert tally.closing(PERIOD).objections == ()
        assert tally.remainder() is None
        assert sum(found.charges["BilledCost"]) + charge["BilledCost"] == Decimal("0.0019999999")

    def test_more_than_half_a_digit_a_line_is_missing_money(self) -> None:
        rows = [covered("0.0016000000", "0.001"), negation("-0.0016000002"), fee("0.001", "0.001")]
        assert [one.gate for one in judged(*rows).objections] == ["billed"]

    def test_digits_that_are_not_stored_are_booked_as_well(self) -> None:
        tally = Tally(LATER)
        tally.add(
            converted([covered("0.00160000000001", "0.001"), negation("-0.0016"), fee("0.001", "0.001")])
        )
        rest = tally.remainder()
        assert rest is not None
        assert rest.sums.parsed["2026-06", "USD", "BilledCost"] == Decimal("1E-14")
        assert rest.sums.residual["2026-06", "USD", "BilledCost"] == Decimal("1E-14")
        assert tally.closing(PERIOD).objections == ()


class TestPlans:
    """What was used and what was not is what was promised, hour by hour."""

    def test_a_plan_that_was_used_more_than_its_fee_says_is_a_forcible_objection(self) -> None:
        rows = [covered("0.2", "0.1"), covered("0.2", "0.1"), negation("-0.4"), fee("1", "0.1")]
        (objection,) = judged(*rows).objections
        assert (objection.gate, objection.forcible) == ("commitment", True)
        assert "1 USD were promised in the hour from 2026-06-10 05:00" in objection.reason
        assert "0.2 were used and 0.9 not" in objection.reason

    def test_the_rounding_of_many_lines_is_no_objection(self) -> None:
        rows = [covered("0.2", "0.0333333333") for _ in range(3)]
        assert judged(*rows, negation("-0.6"), fee("1", "0.1")).objections == ()

    def test_an_hour_is_not_made_up_for_by_another(self) -> None:
        next_hour = {"line_item_usage_start_date": "2026-06-10T06:00:00Z"}
        rows = [
            covered("0.2", "0.1"),
            negation("-0.2"),
            fee("1", "0.2"),
            covered("0.3", "0.2", **next_hour),
            negation("-0.3"),
            fee("1", "0.1", **next_hour),
        ]
        (objection,) = judged(*rows).objections
        assert "and 1 more times" in objection.reason

    def test_a_member_accounts_export_sees_a_part_and_gets_a_note(self) -> None:
        mine = {"line_item_usage_account_id": "000222222222"}
        rows = [
            covered("0.2", "0.1", **mine),
            a_line("SavingsPlanNegation", "-0.2", **{**PLAN, **mine}),
            fee("1", "0.9", **mine),
        ]
        found = judged(*rows)
        assert found.objections == ()
        assert "accounts that this export does not see" in found.notes[0]

    def test_a_plan_that_another_account_pays_gets_a_note(self) -> None:
        found = judged(covered("0.2", "0.1"), negation("-0.2"))
        assert found.objections == ()
        assert "another account pays" in found.notes[0]

    def test_hours_that_aws_still_fills_in_are_not_judged(self) -> None:
        rows = [fee("1", "0.9")]
        early = datetime(2026, 6, 11, tzinfo=UTC)
        assert judged(*rows, changed_at=early).objections == ()
        assert judged(*rows, changed_at=early + timedelta(days=2)).objections != ()


class TestReservations:
    """What was used and what was not is the fee and the month's share of what was paid upfront."""

    def rows(self, used_hours: int) -> list[Row]:
        used = [
            a_line("DiscountedUsage", "0", reservation_effective_cost="0.0571", **RESERVED)
            for _ in range(used_hours)
        ]
        return [
            *used,
            a_line(
                "RIFee",
                "19.512",
                **RESERVED,
                reservation_unused_recurring_fee="1.355",
                reservation_unused_amortized_upfront_fee_for_billing_period="1.5",
                reservation_amortized_upfront_fee_for_billing_period="21.6",
            ),
        ]

    def test_a_reservation_that_adds_up_is_no_objection(self) -> None:
        assert judged(*self.rows(670), pieces=100).objections == ()

    def test_a_reservation_that_does_not_add_up_is_a_forcible_objection(self) -> None:
        (objection,) = judged(*self.rows(669), pieces=100).objections
        assert (objection.gate, objection.forcible) == ("commitment", True)
        assert "41.112 USD were promised in the month" in objection.reason

    def test_a_month_that_is_not_over_is_not_judged(self) -> None:
        found = judged(*self.rows(100), changed_at=datetime(2026, 6, 20, tzinfo=UTC), pieces=100)
        assert found.objections == ()


class TestSplits:
    """Parts of an instance are never more than the instance."""

    def rows(self, split: str, parent: str = "i-1") -> list[Row]:
        pod = a_line(
            "Usage",
            "0",
            line_item_operation="EKSPod-EC2",
            line_item_usage_type="USE1-EKS-EC2-vCPU-Hours",
            line_item_resource_id="arn:aws:eks:us-east-1:2:pod/blue/pay/api/1",
            split_line_item_parent_resource_id=parent,
            split_line_item_split_cost=split,
            split_line_item_unused_cost="0.01",
        )
        instance = a_line(
            "Usage", "0.096", line_item_resource_id="i-1", split_line_item_parent_resource_id=""
        )
        return [instance, pod]

    @pytest.mark.parametrize("pieces", [1, 2])
    def test_parts_within_the_whole_are_silent(self, pieces: int) -> None:
        assert judged(*self.rows("0.086"), pieces=pieces).notes == ()

    @pytest.mark.parametrize("pieces", [1, 2])
    def test_parts_beyond_the_whole_are_noted(self, pieces: int) -> None:
        (note,) = judged(*self.rows("0.087"), pieces=pieces).notes
        assert "0.097 of 0.096 of i-1 at 2026-06-10 05:00" in note

    def test_parts_of_what_is_not_there_are_noted(self) -> None:
        (note,) = judged(*self.rows("0.01", parent="i-2")).notes
        assert "no charge of their resource" in note

    def test_parts_are_never_charges(self) -> None:
        found = converted(self.rows("0.01"))
        assert found.charges["BilledCost"].sum() == Decimal("0.096")
        assert found.allocations is not None
        (part,) = found.allocations.to_dicts()
        assert part["AllocatedResourceName"] == "pay/api"
        assert (part["x_SplitResource"], part["x_UsageUnit"]) == ("vCPU", "vCPU-Hours")

    def test_pods_on_fargate_cost_money_and_are_charges(self) -> None:
        found = converted([a_line("Usage", "0.05", line_item_operation="FargatePod")])
        assert (found.allocations, found.charges.height) == (None, 1)

    def test_a_part_that_costs_money_is_a_charge(self) -> None:
        found = converted([{**self.rows("0.01")[1], "line_item_unblended_cost": "0.5"}])
        assert found.charges["BilledCost"].to_list() == [Decimal("0.5")]

    def test_private_discounts_take_the_net_parts(self) -> None:
        rows = [{**row, "split_line_item_net_split_cost": "0.005"} for row in self.rows("0.01")]
        found = converted(rows).allocations
        assert found is not None
        assert found["x_SplitCost"].to_list() == [Decimal("0.005")]


class TestClosing:
    """A month closes two weeks after its last change, once all of it is invoiced."""

    def test_an_invoiced_month_closes_two_weeks_after_its_last_change(self) -> None:
        rows = [a_line(bill_invoice_id="1"), a_line("Tax", "1", bill_invoice_id="2")]
        assert judged(*rows).closes_at == LATER + timedelta(days=14)

    def test_one_charge_without_an_invoice_keeps_it_open(self) -> None:
        assert judged(a_line(bill_invoice_id="1"), a_line(bill_invoice_id="")).closes_at is None

    def test_an_unknown_instant_keeps_it_open(self) -> None:
        assert judged(a_line(bill_invoice_id="1"), changed_at=None).closes_at is None

    def test_a_month_that_is_not_over_stays_open(self) -> None:
        assert judged(a_line(bill_invoice_id="1"), changed_at=NEXT - timedelta(days=1)).closes_at is None

    def test_a_month_without_charges_stays_open(self) -> None:
        assert Tally(LATER).closing(PERIOD) == Closing()

    def test_the_instant_may_come_with_the_question(self) -> None:
        tally = Tally()
        tally.add(converted([a_line(bill_invoice_id="1")]))
        assert tally.closing(PERIOD, LATER).closes_at == LATER + timedelta(days=14)


def test_discounts_as_lines_and_within_costs_at_once_are_noted() -> None:
    rows = [
        a_line("Usage", "10", line_item_net_unblended_cost="9"),
        a_line("EdpDiscount", "-1", line_item_usage_type="Other"),
    ]
    (note,) = judged(*rows).notes
    assert "manual discount compatibility" in note


def test_many_pieces_are_as_one() -> None:
    hour = converted([covered("0.2", "0.001"), negation("-0.2")])
    tally = Tally(LATER)
    for _ in range(150):
        tally.add(hour)
    tally.add(converted([fee("1", "0.15")]))
    assert tally.closing(PERIOD).objections == ()
    tally.add(hour)
    assert [one.gate for one in tally.closing(PERIOD).objections] == ["commitment"]
