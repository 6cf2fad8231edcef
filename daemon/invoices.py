"""What providers say a month cost beside what the ledger holds of it and what is attributed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from attribution.allocate import allocate
from attribution.invoices import Compared, Held, Key, Named, compare, without_invoice
from attribution.slices import Sharing, Slice
from daemon import assemble
from domain.charge import COSTS
from domain.errors import CostdError
from domain.invoice import AccountKind, Invoice, Invoiced, LineKind, NoInvoice
from domain.money import EXACT
from domain.ports import Invoices

if TYPE_CHECKING:
    from decimal import Decimal

    from attribution.star import Star
    from config.invoices import InvoiceSettings
    from daemon.rooms import Rooms

_BILLED = COSTS["billed"]
_FAMILIES = {
    "AWS": "amazon|aws",
    "Microsoft": "microsoft|azure",
    "Google Cloud": "google",
    "Oracle": "oracle|oci",
}
_FEWEST_DIGITS = 2
NO_INVOICE = "no invoice to compare with"
NOTHING_STORED = "nothing of the month is stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One source and month, followed from the invoice to the owners.

    Attributes:
        source: name from the configuration.
        compared: account by account.
        unasked: why the provider could not be asked, "" if it could or need not.
    """

    source: str
    compared: tuple[Compared, ...]
    unasked: str = ""


def compare_month(rooms: Rooms, star: Star, period: str, sources: Iterable[str]) -> list[Month]:
    """Compare a billing month of sources with their invoices."""
    cells = rooms.ledger.charges(periods=[period])
    asked = Slice(by=("source", "BillingAccountId", "SubAccountId"), costs=(_BILLED,), sharing=Sharing.AFTER)
    attributed = allocate(cells, star, asked).collect(engine="streaming")
    return [_month(rooms, star, attributed.filter(pl.col("source") == one), one, period) for one in sources]


def _month(rooms: Rooms, star: Star, attributed: pl.DataFrame, source: str, period: str) -> Month:
    rows, unasked = _rows(rooms, star, source, period), ""
    given = [one for one in rooms.settings.invoices if (one.source, one.period) == (source, period)]
    if given:
        found = _of_paper(given, source, rows, attributed)
    else:
        said, unasked = _asked(rooms, source, period)
        own = _numbered(rows)
        if isinstance(said, NoInvoice) and own:
            said = Invoice(source=source, billing_period=period, origin="InvoiceId in the files", lines=own)
        if isinstance(said, NoInvoice):
            found = without_invoice(source, _held(rows, attributed, AccountKind.PAYER), said.reason)
        else:
            found = compare(said, _held(rows, attributed, said.accounts))
    if rows.is_empty():
        found = [_empty(one, rooms, period) for one in found]
    return Month(source=source, compared=tuple(found), unasked=unasked)


def _of_paper(
    given: Sequence[InvoiceSettings], source: str, rows: pl.DataFrame, attributed: pl.DataFrame
) -> list[Compared]:
    """Compare what a person copied, and list the accounts that nothing was copied for."""
    found = [one for each in given for one in _by_hand(each, rows, attributed)]
    accounts = [each.account for each in given]
    if "" in accounts:
        return found
    others = rows.filter(~pl.col("payer").is_in(accounts) & ~pl.col("usage").is_in(accounts))
    return found + without_invoice(source, _held(others, attributed, AccountKind.USAGE), NO_INVOICE)


def _asked(rooms: Rooms, source: str, period: str) -> tuple[Invoice | NoInvoice, str]:
    """Ask the provider, if the source is one that can be asked; and say why it could not."""
    if source not in {one.name for one in rooms.settings.sources}:
        return NoInvoice(reason=f"{NO_INVOICE}: the source is no longer configured"), ""
    try:
        (collector,) = assemble.build_collectors(rooms.settings, [source], clock=rooms.clock)
        if isinstance(collector, Invoices):
            return collector.invoiced(period), ""
    except CostdError as error:
        return NoInvoice(reason=f"{NO_INVOICE}: the provider could not be asked"), str(error)
    return NoInvoice(reason=NO_INVOICE), ""


def _by_hand(given: InvoiceSettings, rows: pl.DataFrame, attributed: pl.DataFrame) -> Sequence[Compared]:
    """Compare one total that a person copied from an invoice."""
    kind = AccountKind.PAYER
    if given.account and given.account not in set(rows["payer"]) and given.account in set(rows["usage"]):
        kind = AccountKind.USAGE
    mine = rows
    if given.account:
        mine, column = rows.filter(pl.col(kind.value) == given.account), _COLUMN[kind]
        attributed = attributed.filter(column == given.account)
    else:
        mine = rows.with_columns(payer=pl.lit(""))
        attributed = attributed.with_columns(BillingAccountId=pl.lit(""))
    exponent = given.amount.amount.as_tuple().exponent
    invoice = Invoice(
        source=given.source,
        billing_period=given.period,
        origin="`invoices` of the configuration",
        lines=(
            Invoiced(
                account=given.account,
                currency=given.amount.currency,
                amount=given.amount.amount,
                number=given.number,
            ),
        ),
        accounts=kind,
        digits=max(-exponent if isinstance(exponent, int) else 0, _FEWEST_DIGITS),
    )
    return compare(invoice, _held(mine, attributed, kind))


def _empty(one: Compared, rooms: Rooms, period: str) -> Compared:
    """Name the whole difference of a month of which nothing is stored."""
    status = next((p for p in rooms.state.periods(one.source) if p.billing_period == period), None)
    reason = f"gate {status.gate} refused it" if status is not None and status.gate else "never collected"
    named = Named(amount=one.invoice or EXACT.create_decimal(0), why=f"{NOTHING_STORED}: {reason}")
    return replace(one, lines=(named,))


_COLUMN = {
    AccountKind.PAYER: pl.col("BillingAccountId"),
    AccountKind.USAGE: pl.coalesce("SubAccountId", "BillingAccountId"),
}


_OF_RESOURCES = (*("BillingAccountId", "SubAccountId", "BillingCurrency", "ChargeCategory", "ProviderName"),
                 *("ServiceName", "x_ServiceCode", "InvoiceIssuerName", "PublisherName"))  # fmt: skip


def _rows(rooms: Rooms, star: Star, source: str, period: str) -> pl.DataFrame:
    """Give billed cost per account, currency, kind of line and invoice number."""
    facts = (
        rooms.ledger.charges(sources=[source], periods=[period])
        .group_by("dim_id", "price_id", "InvoiceId")
        .agg(pl.len().alias("rows"), pl.col(_BILLED).sum())
        .collect(engine="streaming")
    )
    prices = star.prices if star.prices is not None else rooms.ledger.prices().collect()
    # By name and without Tags: polars panics where a left join takes maps from a frame in chunks.
    joined = facts.join(star.resources.select("dim_id", *_OF_RESOURCES), on="dim_id", how="left").join(
        prices.select("price_id", "ChargeClass", "x_LineItemType"), on="price_id", how="left"
    )
    return (
        joined.select(
            *(expression.fill_null("").alias(kind.value) for kind, expression in _COLUMN.items()),
            pl.col("BillingCurrency").fill_null("").alias("currency"),
            _kind().alias("kind"),
            pl.col("InvoiceId").alias("number"),
            "rows",
            _BILLED,
        )
        .group_by("payer", "usage", "currency", "kind", "number")
        .agg(pl.col("rows").sum(), pl.col(_BILLED).sum())
    )


def _kind() -> pl.Expr:
    """Say what a charge is on an invoice."""
    service = pl.concat_str(
        [pl.col(name).fill_null("") for name in ("ServiceName", "x_ServiceCode", "InvoiceIssuerName")],
        separator=" ",
    ).str.to_lowercase()
    strange = pl.lit(value=False)
    for provider, family in _FAMILIES.items():
        is_other = ~pl.col("PublisherName").str.to_lowercase().str.contains(family)
        strange |= (pl.col("ProviderName") == provider) & is_other.fill_null(value=False)
    return (
        pl.when(pl.col("ChargeCategory") == "Tax")
        .then(pl.lit(LineKind.TAX.value))
        .when(pl.col("ChargeCategory") == "Credit")
        .then(pl.lit(LineKind.CREDITS.value))
        .when((pl.col("x_LineItemType") == "Refund") | (pl.col("ChargeClass") == "Correction"))
        .then(pl.lit(LineKind.REFUNDS.value))
        .when(service.str.contains(r"\bsupport\b|awssupport"))
        .then(pl.lit(LineKind.SUPPORT.value))
        .when(service.str.contains("marketplace", literal=True) | strange)
        .then(pl.lit(LineKind.MARKETPLACE.value))
        .otherwise(pl.lit(LineKind.CHARGES.value))
    )


def _numbered(rows: pl.DataFrame) -> tuple[Invoiced, ...]:
    """Give what the rows of each invoice number add up to."""
    numbered = rows.filter(pl.col("number").is_not_null()).group_by("payer", "currency", "number")
    found = numbered.agg(pl.col(_BILLED).sum()).sort("payer", "currency", "number")
    return tuple(
        Invoiced(account=row["payer"], currency=row["currency"], amount=row[_BILLED], number=row["number"])
        for row in found.iter_rows(named=True)
    )


def _held(rows: pl.DataFrame, attributed: pl.DataFrame, accounts: AccountKind) -> dict[Key, Held]:
    """Give what the ledger holds, per account and currency."""
    owned: dict[Key, Decimal] = {}
    for row in (
        attributed.select(_COLUMN[accounts].fill_null("").alias("account"), "currency", _BILLED)
        .group_by("account", "currency")
        .agg(pl.col(_BILLED).sum())
        .iter_rows(named=True)
    ):
        owned[row["account"], row["currency"] or ""] = row[_BILLED]
    is_open = pl.col("number").is_null() if rows["number"].null_count() < rows.height else pl.lit(value=False)
    sums: dict[Key, dict[LineKind, Decimal]] = {}
    waiting: dict[Key, Decimal] = {}
    counts: dict[Key, int] = {}
    grouped = rows.with_columns(is_open.alias("open")).group_by(accounts.value, "currency", "kind", "open")
    for row in grouped.agg(pl.col("rows").sum(), pl.col(_BILLED).sum()).iter_rows(named=True):
        key = row[accounts.value], row["currency"]
        counts[key] = counts.get(key, 0) + row["rows"]
        sums.setdefault(key, {})
        if row["open"]:
            waiting[key] = EXACT.add(waiting.get(key, EXACT.create_decimal(0)), row[_BILLED])
        else:
            sums[key][LineKind(row["kind"])] = row[_BILLED]
    return {
        key: Held(
            kinds=sums[key],
            open=waiting.get(key, EXACT.create_decimal(0)),
            rows=counts[key],
            attributed=owned.get(key, EXACT.create_decimal(0)),
        )
        for key in sums
    }
