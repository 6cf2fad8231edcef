"""What costd itself costs is shown where people look: in `costd status` and on the page Sources."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from acme import Acme
from builders import a_charge
from door import site
from pages_read import HTML, words

from daemon.own_costs import own_costs
from domain.money import Money
from domain.own_cost import Paid, Spent
from ledger.own_costs import OwnCosts
from ledger.state import State

NOW = datetime(2026, 6, 20, 9, tzinfo=UTC)


def paid(quantity: int = 1, source: str = "aws") -> Paid:
    cost = Money(amount=Decimal("0.01") * quantity, currency="USD")
    return Paid(source=source, service="Cost Explorer", unit="requests", quantity=quantity, cost=cost)


def test_the_days_of_a_month_add_up_per_source_and_service() -> None:
    days = [
        Spent(day=NOW.date() - timedelta(days=back), paid=paid(5 + back), limit=20 + back)
        for back in (2, 1, 0)
    ]
    other = Spent(day=NOW.date() - timedelta(days=1), paid=paid(source="aws-cn"), limit=9)
    ours, theirs = own_costs([*days, other], NOW)
    assert (ours.today, ours.limit, ours.month, ours.cost.amount) == (5, 20, 18, Decimal("0.18"))
    assert (theirs.source, theirs.today, theirs.month) == ("aws-cn", 0, 1)
    assert ours.text == "aws asked Cost Explorer: 5 of 20 requests today · 18 this month, $0.18"


def test_names_of_sources_are_shown_without_control_characters() -> None:
    (hostile,) = own_costs([Spent(day=NOW.date(), paid=paid(source="a\x1b[31m"), limit=1)], NOW)
    assert "\x1b" not in hostile.text


def test_the_page_of_the_sources_says_what_was_asked(acme: Acme) -> None:
    acme.collected(a_charge(start="2026-06-19", hours=24))
    state = State(f"sqlite:///{acme.folder}/var/costd.db")
    state.open()
    OwnCosts(lambda: state.database).take(paid(7), limit=20, now=NOW)
    state.close()
    made = site(acme)
    try:
        shown = made.client().get("/sources", headers=HTML)
    finally:
        made.services.close()
    assert "aws asked Cost Explorer: 7 of 20 requests today" in words(shown.text)
    assert "7 this month, $0.07" in words(shown.text)


def test_where_nothing_is_paid_for_nothing_is_said(acme: Acme) -> None:
    acme.collected(a_charge(start="2026-06-19", hours=24))
    assert "Costs" not in acme.costd("status").out
