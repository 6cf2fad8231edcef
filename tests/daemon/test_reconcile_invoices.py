"""`costd reconcile --period`: the invoice, the ledger and the owners of a month."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import polars as pl
import pytest
from acme import Acme, Ran
from builders import a_charge

from daemon import assemble
from domain.errors import SourceError
from domain.invoice import AccountKind, Invoice, Invoiced, LineKind, NoInvoice
from ledger.charges import ChargeLedger

LATER = "2026-07-20T06:00Z"
PAYER, USER = "111122223333", "444455556666"


def charge(cost: str, **columns: object) -> dict[str, object]:
    return a_charge(start="2026-06-10", **{"BilledCost": cost, "EffectiveCost": cost, **columns})


def reconciled(acme: Acme, *args: str) -> Ran:
    return acme.costd("reconcile", "--period", "2026-06", *args, now=LATER)


def paper(amount: str, more: str = "") -> str:
    return f'invoices:\n  - {{source: aws, period: "2026-06", amount: {amount} USD{more}}}\n'


def test_a_source_without_an_invoice_says_so_plainly(acme: Acme) -> None:
    acme.collected(charge("10"), charge("3", ChargeCategory="Tax"))
    ran = reconciled(acme)
    assert ran.status == 0
    assert "no invoice to compare with" in ran.out
    (row,) = reconciled(acme, "--output", "json").json["rows"]
    assert (row["invoice"], row["ledger"], row["attributed"], row["difference"]) == (None, "13", "13", None)


def test_resources_that_lie_in_many_files_are_compared(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    acme.collected(*(charge("5", ResourceId=f"i-{at}", Tags={"team": f"t{at}"}) for at in range(4)))
    whole = ChargeLedger.resources

    def in_chunks(ledger: ChargeLedger) -> pl.LazyFrame:
        rows = whole(ledger).collect().rechunk()
        return pl.concat([rows.head(2), rows.tail(2)], rechunk=False).lazy()

    monkeypatch.setattr(ChargeLedger, "resources", in_chunks)
    ran = reconciled(acme, "--output", "json")
    assert ran.status == 0, ran.err
    assert [row["ledger"] for row in ran.json["rows"]] == ["20"]


def test_a_paper_invoice_is_compared_and_what_it_leaves_out_is_named(acme: Acme) -> None:
    acme.collected(charge("10"), charge("3", ChargeCategory="Tax"), more=paper("10.00", ', number: "77"'))
    ran = reconciled(acme, "--output", "json")
    assert ran.status == 0
    assert ran.json["schema"] == "costd.invoices/1"
    assert ran.json["holds"] is True
    total, tax = ran.json["rows"]
    assert (total["line"], total["invoice"], total["difference"], total["numbers"]) == (
        "total",
        "10",
        "-3",
        ["77"],
    )
    assert (tax["line"], tax["difference"]) == ("explained", "-3")
    assert tax["why"] == "tax in the export that the invoice does not have"
    assert "explained" in reconciled(acme, "--output", "csv").out


def test_a_difference_that_nobody_can_name_is_unexplained_and_fails(acme: Acme) -> None:
    acme.collected(charge("10"), more=paper("11.23"))
    ran = reconciled(acme, "--output", "json")
    assert ran.status == 1
    assert ran.json["holds"] is False
    assert [(row["line"], row["difference"]) for row in ran.json["rows"]] == [
        ("total", "1.23"),
        ("unexplained", "1.23"),
    ]
    assert "nobody can explain" in reconciled(acme).out


@pytest.mark.parametrize("account", [PAYER, USER])
def test_an_invoice_of_one_account_leaves_the_others_alone(acme: Acme, account: str) -> None:
    acme.collected(
        charge("10", BillingAccountId=PAYER, SubAccountId=USER),
        charge("5", BillingAccountId="999", SubAccountId="888"),
        more=paper("10.00", f', account: "{account}"'),
    )
    ran = reconciled(acme, "--output", "json")
    assert ran.status == 0
    rows = {row["account"]: row for row in ran.json["rows"]}
    assert rows[account]["difference"] == "0"
    assert (rows["888"]["invoice"], rows["888"]["ledger"]) == (None, "5")


def test_invoice_numbers_in_the_files_are_added_up_and_open_rows_named(acme: Acme) -> None:
    acme.collected(charge("10", InvoiceId="A-1"), charge("5", InvoiceId="A-2"), charge("2", InvoiceId=None))
    ran = reconciled(acme, "--output", "json")
    assert ran.status == 0
    total, waiting = ran.json["rows"]
    assert (total["account"], total["invoice"], total["ledger"], total["numbers"]) == (
        PAYER, "15", "17", ["A-1", "A-2"],
    )  # fmt: skip
    assert (waiting["difference"], waiting["why"]) == (
        "-2", "charges that are not yet invoiced: they have no invoice number",
    )  # fmt: skip


def test_a_month_of_which_nothing_is_stored_is_incomplete(acme: Acme) -> None:
    acme.configure("aws", more=paper("10.00"))
    ran = reconciled(acme, "--output", "json")
    assert ran.status == 5
    assert ran.json["rows"][1]["why"] == "nothing of the month is stored: never collected"


def test_rows_in_quarantine_and_refused_months_are_told(acme: Acme) -> None:
    acme.configure("aws")
    rows = [charge("1", ResourceId=f"i-{at}") for at in range(200)]
    path = acme.bill("aws", *rows)
    path.write_text(path.read_text().replace("1.000000000000", "oops", 1))
    assert acme.costd("collect").status in {0, 5, 6}
    ran = reconciled(acme)
    assert "1 rows are in quarantine" in ran.out
    acme.bill("aws", *rows[:20])
    acme.costd("collect")
    ran = reconciled(acme)
    assert ran.status == 5
    assert "was refused by gate" in ran.out


def test_a_month_that_goes_on_says_that_it_does(acme: Acme) -> None:
    acme.collected(charge("10"))
    assert "2026-06 is not over" in acme.costd("reconcile", "--period", "2026-06").out


def test_source_goes_with_period_only_and_must_be_configured(acme: Acme) -> None:
    acme.collected(charge("10"))
    assert acme.costd("reconcile", "--source", "aws").status == 2
    assert acme.costd("reconcile", "--period", "soon").status == 2
    ran = reconciled(acme, "--source", "aw")
    assert ran.status == 2
    assert 'did you mean "aws"?' in ran.err


def test_an_invoice_of_an_unknown_source_is_a_fault_of_the_configuration(acme: Acme) -> None:
    acme.configure("gcp", more=paper("1"))
    ran = acme.costd("config", "check")
    assert ran.status == 2
    assert "no source is called aws" in ran.out + ran.err


@dataclass
class Provider:
    """A collector that can be asked."""

    answer: Invoice | NoInvoice | SourceError
    name: str = "aws"

    def invoiced(self, period: str) -> Invoice | NoInvoice:
        """Give the answer."""
        assert period == "2026-06"
        if isinstance(self.answer, SourceError):
            raise self.answer
        return self.answer


def stated(*lines: tuple[str, str, LineKind]) -> Invoice:
    return Invoice(
        source="aws",
        billing_period="2026-06",
        origin="Cost Explorer",
        accounts=AccountKind.USAGE,
        kinds=frozenset(LineKind),
        lines=tuple(
            Invoiced(account=account, currency="USD", amount=Decimal(amount), kind=kind)
            for account, amount, kind in lines
        ),
    )


def asked(monkeypatch: pytest.MonkeyPatch, answer: Invoice | NoInvoice | SourceError) -> None:
    monkeypatch.setattr(assemble, "build_collectors", lambda *_args, **_options: [Provider(answer)])


def test_a_provider_that_can_be_asked_is_asked_per_account_and_kind(
    acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.collected(
        charge("10"),
        charge("-2", ChargeCategory="Credit"),
        charge("7", SubAccountId="888", ServiceName="AWS Support (Business)"),
    )
    charges, gift = (USER, "10", LineKind.CHARGES), (USER, "-2", LineKind.CREDITS)
    asked(monkeypatch, stated(charges, gift, ("888", "7", LineKind.SUPPORT), ("888", "1", LineKind.TAX)))
    ran = reconciled(acme, "--output", "json")
    assert ran.status == 0
    found = {(row["account"], row["line"]): row for row in ran.json["rows"]}
    assert found[USER, "total"]["difference"] == "0"
    assert found["888", "explained"]["why"] == "tax on the invoice that the export does not have"


def test_a_provider_that_cannot_be_asked_is_no_agreement(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    acme.collected(charge("10"))
    asked(monkeypatch, SourceError("ce:GetCostAndUsage was denied"))
    ran = reconciled(acme)
    assert ran.status == 6
    assert "ce:GetCostAndUsage was denied" in ran.out
    asked(monkeypatch, NoInvoice(reason="Cost Explorer is not switched on"))
    ran = reconciled(acme)
    assert ran.status == 0
    assert "Cost Explorer is not switched on" in ran.out
