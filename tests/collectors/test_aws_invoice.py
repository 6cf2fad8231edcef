"""What Cost Explorer says of a month becomes an invoice that can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from aws_exports import LAST_MONTH, AwsDesk, Bucket
from aws_peer import AwsPeer, Cost, peer_of
from s3 import S3Server

from collectors.aws.explorer import AccountSum
from collectors.aws.invoice import invoice_of, kind_of
from domain.invoice import AccountKind, Invoice, LineKind, NoInvoice
from domain.ports import Invoices
from domain.window import month_window

NOW = datetime(2026, 7, 20, tzinfo=UTC)


def said(record_type: str, amount: str, *, estimated: bool = False) -> AccountSum:
    return AccountSum(
        account="000011112222",
        record_type=record_type,
        currency="USD",
        unblended=Decimal(amount),
        amortised=Decimal(0),
        is_estimated=estimated,
    )


@pytest.mark.parametrize(
    ("record_type", "kind"),
    [
        ("Usage", LineKind.CHARGES),
        ("SavingsPlanNegation", LineKind.CHARGES),
        ("Enterprise Discount Program Discount", LineKind.CHARGES),
        ("Tax", LineKind.TAX),
        ("Credit", LineKind.CREDITS),
        ("Refund", LineKind.REFUNDS),
        ("Support fee", LineKind.SUPPORT),
    ],
)
def test_record_types_are_told_apart_as_an_invoice_does(record_type: str, kind: LineKind) -> None:
    assert kind_of(record_type) is kind


def test_an_invoice_names_accounts_kinds_and_whether_it_is_estimated() -> None:
    found = invoice_of("aws", "2026-06", [said("Usage", "10"), said("Credit", "-2", estimated=True)], NOW)
    assert (found.origin, found.accounts) == ("Cost Explorer, unblended cost, estimated", AccountKind.USAGE)
    assert [(line.account, line.amount, line.kind) for line in found.lines] == [
        ("000011112222", Decimal(10), LineKind.CHARGES),
        ("000011112222", Decimal(-2), LineKind.CREDITS),
    ]
    assert LineKind.SUPPORT not in found.kinds
    assert LineKind.TAX in found.kinds


def test_support_is_a_kind_of_its_own_only_where_aws_says_so() -> None:
    assert LineKind.SUPPORT in invoice_of("aws", "2026-06", [said("Support fee", "29")], NOW).kinds


@pytest.fixture
def peer(s3_env: S3Server) -> Iterator[AwsPeer]:
    day = month_window(LAST_MONTH).start.date()
    with peer_of(s3_env.url) as peer:
        peer.costs = [
            Cost(day, "044455556666", "Amazon EC2", "Usage", "1.5", "1.5"),
            Cost(day, "044455556666", "Tax", "Tax", "0.5", "0.5"),
        ]
        yield peer


def test_the_collector_can_be_asked_and_says_where_it_may_not(peer: AwsPeer, s3_env: S3Server) -> None:
    asked = AwsDesk(Bucket(s3_env), url=peer.url).collector
    assert isinstance(asked, Invoices)
    found = asked.invoiced(LAST_MONTH)
    assert isinstance(found, Invoice)
    assert {(line.kind, line.amount) for line in found.lines} == {
        (LineKind.CHARGES, Decimal("1.5")),
        (LineKind.TAX, Decimal("0.5")),
    }
    silent = AwsDesk(Bucket(s3_env), url=peer.url, cost_explorer={"reconcile": False}).collector
    assert isinstance(silent, Invoices)
    refused = silent.invoiced(LAST_MONTH)
    assert isinstance(refused, NoInvoice)
    assert "cost_explorer.reconcile" in refused.reason
