"""Invoice against ledger against attributed, account by account, every difference named. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from itertools import combinations

from domain.invoice import Invoice, Invoiced, LineKind
from domain.money import EXACT, UNIT, plain

Key = tuple[str, str]
"""Account, currency."""

_NOTHING = Decimal(0)
_MISSING_FROM_EXPORT = {
    LineKind.CREDITS: "credits on the invoice that the export does not have",
    LineKind.REFUNDS: "refunds on the invoice that the export does not have",
    LineKind.TAX: "tax on the invoice that the export does not have",
    LineKind.SUPPORT: "support fee not yet delivered",
    LineKind.MARKETPLACE: "marketplace charges on the invoice that the export does not have",
}
_MISSING_FROM_INVOICE = {
    LineKind.CREDITS: "credits in the export that the invoice does not have",
    LineKind.REFUNDS: "refunds in the export that the invoice does not have",
    LineKind.TAX: "tax in the export that the invoice does not have",
    LineKind.SUPPORT: "support fee in the export that the invoice does not have",
    LineKind.MARKETPLACE: "marketplace charges in the export that this invoice does not have",
}
_OPEN = "charges that are not yet invoiced: they have no invoice number"
_ROUNDED_WHEN_STORED = "digits beyond twelve, rounded when stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the ledger holds of one account and currency.

    Attributes:
        kinds: {kind: billed cost}, of rows with an invoice number, or of all where no row has one.
        open: billed cost of rows without a number, where others have one.
        rows: charges.
        attributed: what owners, unallocated included, answer for.
    """

    kinds: Mapping[LineKind, Decimal]
    open: Decimal = _NOTHING
    rows: int = 0
    attributed: Decimal = _NOTHING

    @property
    def total(self) -> Decimal:
        """Give the billed cost of all rows."""
        return _sum((*self.kinds.values(), self.open))


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A difference, invoice less ledger, and why it is there; "" if nobody knows."""

    amount: Decimal
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One account of one source, followed from its invoice to its owners.

    Attributes:
        account: its id, "" for the whole source.
        invoice: what the provider says; None if there is nothing to compare with.
        ledger: what is stored.
        attributed: what owners answer for.
        lines: invoice less ledger, line by line.
        origin: where the invoice came from, or why there is none.
        numbers: of the invoices.
    """

    source: str
    account: str
    currency: str
    invoice: Decimal | None
    ledger: Decimal
    attributed: Decimal
    lines: tuple[Named, ...] = ()
    origin: str = ""
    numbers: tuple[str, ...] = field(default=())

    @property
    def difference(self) -> Decimal | None:
        """Give invoice less ledger."""
        return None if self.invoice is None else EXACT.subtract(self.invoice, self.ledger)

    @property
    def lost(self) -> Decimal:
        """Give what is stored but attributed to nobody, not even to *unallocated*."""
        return EXACT.subtract(self.ledger, self.attributed)

    @property
    def unexplained(self) -> Decimal:
        """Give the part of the difference that has no name."""
        return _sum(line.amount for line in self.lines if not line.why)


def compare(invoice: Invoice, held: Mapping[Key, Held]) -> list[Compared]:
    """Compare an invoice with what the ledger holds of its accounts; accounts of neither are left out."""
    stated: dict[Key, list[Invoiced]] = {}
    for line in invoice.lines:
        stated.setdefault((line.account, line.currency), []).append(line)
    return [
        _compared(invoice, key, stated.get(key, ()), held.get(key, Held(kinds={})))
        for key in sorted(stated.keys() | held.keys())
    ]


def without_invoice(source: str, held: Mapping[Key, Held], reason: str) -> list[Compared]:
    """Give accounts of a source that nobody says an invoice of."""
    return [
        Compared(
            source=source,
            account=account,
            currency=currency,
            invoice=None,
            ledger=found.total,
            attributed=found.attributed,
            origin=reason,
        )
        for (account, currency), found in sorted(held.items())
    ]


def _compared(invoice: Invoice, key: Key, stated: Sequence[Invoiced], held: Held) -> Compared:
    total = _sum(line.amount for line in stated)
    near = _rounded_by(invoice, len(stated), held)
    lines = _by_kind(invoice, stated, held) if invoice.kinds else _of_total(total, held, near)
    rest = EXACT.subtract(EXACT.subtract(total, held.total), _sum(line.amount for line in lines))
    if rest:
        lines.append(Named(amount=rest, why=_rounding(rest, invoice, near, held)))
    return Compared(
        source=invoice.source,
        account=key[0],
        currency=key[1],
        invoice=total,
        ledger=held.total,
        attributed=held.attributed,
        lines=tuple(lines),
        origin=invoice.origin,
        numbers=tuple(sorted({line.number for line in stated} - {""})),
    )


def _by_kind(invoice: Invoice, stated: Sequence[Invoiced], held: Held) -> list[Named]:
    """Name the kinds that one side has and the other has not at all."""
    lines = []
    for kind in LineKind:
        if kind not in invoice.kinds or kind is LineKind.CHARGES:
            continue
        said = _sum(line.amount for line in stated if line.kind is kind)
        kept = held.kinds.get(kind, _NOTHING)
        if said and not kept:
            lines.append(Named(amount=said, why=_MISSING_FROM_EXPORT[kind]))
        elif kept and not said:
            lines.append(Named(amount=-kept, why=_MISSING_FROM_INVOICE[kind]))
    return lines


def _of_total(total: Decimal, held: Held, near: Decimal) -> list[Named]:
    """Name the fewest parts of the ledger that an invoice leaves out, if any make up the difference."""
    difference = EXACT.subtract(total, held.total)
    parts = [Named(amount=-held.open, why=_OPEN)] if held.open else []
    for kind, amount in held.kinds.items():
        if amount and kind is not LineKind.CHARGES:
            parts.append(Named(amount=-amount, why=_MISSING_FROM_INVOICE[kind]))
    for count in range(len(parts) + 1):
        for some in combinations(parts, count):
            if abs(EXACT.subtract(difference, _sum(part.amount for part in some))) <= near:
                return list(some)
    return []


def _rounded_by(invoice: Invoice, lines: int, held: Held) -> Decimal:
    """Give the most by which rounding can move the difference."""
    stated = Decimal(0) if invoice.digits is None else Decimal(1).scaleb(-invoice.digits) / 2 * lines
    return stated + UNIT / 2 * held.rows


def _rounding(rest: Decimal, invoice: Invoice, near: Decimal, held: Held) -> str:
    """Say whether a rest is no more than rounding; "" if it is more."""
    if abs(rest) > near:
        return ""
    is_ours = abs(rest) <= UNIT / 2 * held.rows
    return _ROUNDED_WHEN_STORED if is_ours else f"the invoice is rounded to {invoice.digits} digits"


def told(line: Named) -> str:
    """Give a difference as one phrase."""
    return f"{plain(line.amount)} {line.why or 'unexplained'}"


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    with localcontext(EXACT):
        return sum(amounts, _NOTHING)
