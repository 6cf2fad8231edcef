"""Money as exact decimals: parsing, showing, and splitting without losing a unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation, localcontext

from domain.errors import MoneyError

SCALE = 12
"""Digits kept after the point in every stored amount."""

PRECISION = 38
"""Digits in all; the widest decimal that Arrow, Parquet and Delta share."""

UNIT = Decimal(1).scaleb(-SCALE)
"""The smallest stored amount, 1E-12 of a currency unit."""

EXACT = Context(prec=2 * PRECISION + SCALE)
"""Decimal context for sums and differences of stored amounts: nothing is ever rounded in it."""

_EXACT = EXACT
_LIMIT = Decimal(10) ** (PRECISION - SCALE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in one currency; amounts of different currencies never add up.

    Attributes:
        amount: exact decimal, in units of the currency (not cents).
        currency: ISO 4217 code as the bill writes it, e.g. `USD`.
    """

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        """Add money of the same currency.

        Raises:
            MoneyError: the currencies differ.
        """
        if self.currency != other.currency:
            raise MoneyError(
                f"cannot add {other.currency} to {self.currency}",
                hint="show one total per currency, or configure `fx` for a display total",
            )
        with localcontext(_EXACT):
            return Money(amount=self.amount + other.amount, currency=self.currency)


def parse_amount(text: str) -> Decimal:
    """Read an amount from text exactly as written, E-notation included.

    Raises:
        MoneyError: not a finite number, or too large for `Decimal(38,12)`.
    """
    try:
        value = _EXACT.create_decimal(text.strip())
    except InvalidOperation:
        raise MoneyError(f"not an amount: {text!r}") from None
    if not value.is_finite() or value.copy_abs() >= _LIMIT:
        raise MoneyError(f"not an amount that Decimal({PRECISION},{SCALE}) holds: {text!r}")
    return value


def stored(value: Decimal) -> Decimal:
    """Round to the stored scale, half to even; the difference is the residual."""
    return value.quantize(UNIT, rounding=ROUND_HALF_EVEN, context=_EXACT)


def plain(value: Decimal) -> str:
    """Write an amount without exponent and without trailing zeros: `0.0000008`, `-5`."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def split(total: Decimal, weights: Sequence[int]) -> list[Decimal]:
    """Share a stored amount by integer weights so that the parts sum to it exactly.

    Largest remainder: each part is floored in units of 1E-12, what is left goes unit
    by unit to the largest fractions, ties to the earlier part.

    Raises:
        ValueError: no weights, a negative weight, or weights that sum to zero.
    """
    whole = sum(weights)
    if not weights or whole <= 0 or min(weights) < 0:
        raise ValueError("weights must be non-negative integers with a positive sum")
    units = int(total.scaleb(SCALE, context=_EXACT))
    floors = [units * weight // whole for weight in weights]
    left = units - sum(floors)
    by_fraction = sorted(range(len(weights)), key=lambda i: (-(units * weights[i] % whole), i))
    for i in by_fraction[:left]:
        floors[i] += 1
    return [Decimal(part).scaleb(-SCALE, context=_EXACT) for part in floors]
