"""Invoice, ledger and owners: every difference has a name, or is called unexplained."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.invoices import Compared, Held, compare, without_invoice
from domain.invoice import Invoice, Invoiced, LineKind

C, T, S, M = LineKind.CHARGES, LineKind.TAX, LineKind.SUPPORT, LineKind.MARKETPLACE


def held(open_: str = "0", rows: int = 10, **kinds: str) -> Held:
    sums = {LineKind(name): Decimal(amount) for name, amount in kinds.items()}
    total = sum(sums.values(), Decimal(open_))
    return Held(kinds=sums, open=Decimal(open_), rows=rows, attributed=total)


def of_total(amount: str, found: Held, digits: int | None = 2) -> Compared:
    invoice = Invoice(
        source="aws",
        billing_period="2026-06",
        origin="paper",
        lines=(Invoiced(account="1", currency="USD", amount=Decimal(amount)),),
        digits=digits,
    )
    (one,) = compare(invoice, {("1", "USD"): found})
    return one


def of_kinds(found: Held, **said: str) -> Compared:
    lines = tuple(
        Invoiced(account="1", currency="USD", amount=Decimal(amount), kind=LineKind(name))
        for name, amount in said.items()
    )
    kinds = frozenset({C, T, S, M, LineKind.CREDITS, LineKind.REFUNDS})
    invoice = Invoice(source="aws", billing_period="2026-06", origin="explorer", lines=lines, kinds=kinds)
    (one,) = compare(invoice, {("1", "USD"): found})
    return one


def test_an_invoice_that_agrees_has_no_lines() -> None:
    one = of_total("12.50", held(charges="10.00", tax="2.50"))
    assert (one.difference, one.lines, one.unexplained, one.lost) == (0, (), 0, 0)


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        ("110", "tax in the export that the invoice does not have"),
        ("115", "refunds in the export that the invoice does not have"),
        ("132", "credits in the export that the invoice does not have"),
        ("80", "support fee in the export that the invoice does not have"),
        ("117", "marketplace charges in the export that this invoice does not have"),
        ("107", "charges that are not yet invoiced: they have no invoice number"),
    ],
)
def test_a_total_that_leaves_one_part_out_names_it(amount: str, why: str) -> None:
    parts = {"tax": "10", "refunds": "5", "credits": "-12", "support": "40", "marketplace": "3"}
    found = held(charges="61", open_="13", **parts)
    assert found.total == 120
    one = of_total(amount, found)
    assert [line.why for line in one.lines] == [why]
    assert one.unexplained == 0


def test_two_parts_left_out_are_both_named() -> None:
    one = of_total("60", held(charges="60", tax="10", support="40"))
    assert {line.amount for line in one.lines} == {Decimal(-10), Decimal(-40)}
    assert one.unexplained == 0


def test_what_no_part_makes_up_is_unexplained_whole() -> None:
    one = of_total("61.11", held(charges="60", tax="10"))
    assert one.unexplained == Decimal("-8.89")
    assert [line.why for line in one.lines] == [""]


def test_a_bill_in_cents_is_rounded_and_said_so() -> None:
    one = of_total("10.12", held(charges="10.123456789012"))
    assert [(line.amount, line.why) for line in one.lines] == [
        (Decimal("-0.003456789012"), "the invoice is rounded to 2 digits")
    ]
    assert of_total("10.13", held(charges="10.123456789012")).unexplained == Decimal("0.006543210988")


def test_digits_beyond_twelve_are_named_and_more_is_not() -> None:
    one = of_total("10.0000000000004", held(charges="10"), digits=None)
    assert [line.why for line in one.lines] == ["digits beyond twelve, rounded when stored"]
    assert of_total("10.0000000001", held(charges="10"), digits=None).unexplained == Decimal("1E-10")


def test_kinds_that_one_side_lacks_are_named_by_side() -> None:
    one = of_kinds(held(charges="100", credits="-5"), charges="100", support="29", tax="3")
    assert {(str(line.amount), line.why) for line in one.lines} == {
        ("29", "support fee not yet delivered"),
        ("3", "tax on the invoice that the export does not have"),
        ("5", "credits in the export that the invoice does not have"),
    }
    assert one.unexplained == 0


def test_kinds_that_both_have_and_that_differ_are_not_explained_away() -> None:
    one = of_kinds(held(charges="100", tax="8"), charges="100", tax="9")
    assert one.unexplained == 1


def test_what_is_stored_but_attributed_to_nobody_is_lost() -> None:
    found = Held(kinds={C: Decimal(10)}, rows=1, attributed=Decimal(9))
    assert of_total("10", found).lost == 1
    (bare,) = without_invoice("aws", {("1", "USD"): found}, "none")
    assert (bare.difference, bare.lost, bare.origin) == (None, Decimal(1), "none")


def test_currencies_and_accounts_never_meet() -> None:
    invoice = Invoice(
        source="aws",
        billing_period="2026-06",
        origin="paper",
        lines=(Invoiced(account="1", currency="EUR", amount=Decimal(5)),),
    )
    found = compare(invoice, {("1", "USD"): held(charges="5"), ("2", "EUR"): held(charges="5")})
    assert [(one.account, one.currency, one.difference) for one in found] == [
        ("1", "EUR", Decimal(5)),
        ("1", "USD", Decimal(-5)),
        ("2", "EUR", Decimal(-5)),
    ]


amounts = st.decimals(min_value=-1000, max_value=1000, places=6)


@given(
    st.dictionaries(st.sampled_from(list(LineKind)), amounts),
    st.dictionaries(st.sampled_from(list(LineKind)), amounts),
    amounts,
    amounts,
    st.booleans(),
)
def test_the_lines_always_add_up_to_the_difference(
    kept: dict[LineKind, Decimal],
    said: dict[LineKind, Decimal],
    waiting: Decimal,
    total: Decimal,
    by_kind: bool,  # noqa: FBT001  # drawn by hypothesis
) -> None:
    lines = tuple(Invoiced(account="", currency="USD", amount=a, kind=k) for k, a in said.items())
    invoice = Invoice(
        source="aws",
        billing_period="2026-06",
        origin="any",
        lines=lines if by_kind else (Invoiced(account="", currency="USD", amount=total),),
        kinds=frozenset(LineKind) if by_kind else frozenset(),
        digits=2,
    )
    for one in compare(invoice, {("", "USD"): Held(kinds=kept, open=waiting, rows=5)}):
        assert sum((line.amount for line in one.lines), Decimal(0)) == one.difference
        near = Decimal("0.005") * max(len(invoice.lines), 1) + Decimal("5E-12")
        rounded = [line for line in one.lines if "rounded" in line.why]
        assert all(abs(line.amount) <= near for line in rounded)
